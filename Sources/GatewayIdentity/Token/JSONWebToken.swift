package import GatewayModel
package import GatewayWire

/// A signed token in its compact form (RFC 7515 section 7.1), taken apart and not yet believed.
package struct JSONWebToken: Sendable {
    package static let bytesMax = 8 * 1024
    private static let depthMax = 16
    private static let valuesMax = 2_000

    package let algorithm: SignatureAlgorithm
    package let keyID: String?
    /// `typ`, lower case, without `application/` (RFC 7515 section 4.1.9).
    package let type: String?
    package let header: JSONObject
    package let claims: JSONObject
    /// What the signature is of.
    let signed: [UInt8]
    let signature: [UInt8]

    /// Three parts with dots between, the first of which begins a JSON object: what tells a token from a key.
    package static func looksLike(_ bytes: Span<UInt8>) -> Bool {
        // `eyJ` is `{"` in base64url.
        guard bytes.count > 16, bytes[0] == 0x65, bytes[1] == 0x79, bytes[2] == 0x4A else { return false }
        var dots = 0
        for index in bytes.indices where bytes[index] == 0x2E { dots += 1 }
        return dots == 2
    }

    /// Throws `unauthenticated` for everything that is not exactly a token: too long, not base64url, a name twice in an
    /// object, an algorithm that is no signature, a header that must be understood and is not.
    package init(parsing bytes: [UInt8]) throws(GatewayError) {
        guard bytes.count <= JSONWebToken.bytesMax else {
            throw JSONWebToken.refusal("is longer than \(JSONWebToken.bytesMax) bytes")
        }
        let parts = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw JSONWebToken.refusal("has not three parts") }
        header = try JSONWebToken.object(Array(parts[0]), "header")
        algorithm = try JSONWebToken.algorithm(header)
        keyID = try JSONWebToken.text("kid", header)
        type = try JSONWebToken.text("typ", header).map(JSONWebToken.typeName)
        claims = try JSONWebToken.object(Array(parts[1]), "claims")
        guard let signature = Base64URL.decode(Array(parts[2]).span), !signature.isEmpty else {
            throw JSONWebToken.refusal("has a signature that is not base64url")
        }
        self.signature = signature
        signed = Array(bytes[..<(parts[2].startIndex - 1)])
    }

    /// The claim `name` as text; nil when it is missing or something else.
    package func text(_ name: String) -> String? { claims[name]?.string?.value }

    /// `application/at+jwt` and `AT+JWT` are `at+jwt`.
    package static func typeName(_ text: String) -> String {
        let lower = text.lowercased()
        return lower.hasPrefix("application/") ? String(lower.dropFirst(12)) : lower
    }

    /// `AT+JWT` and so on; refuses what would change how the rest is to be read (RFC 8725 sections 3.1, 3.2).
    private static func algorithm(_ header: JSONObject) throws(GatewayError) -> SignatureAlgorithm {
        // No extension is understood here, so none that must be is accepted (RFC 7515 section 4.1.11).
        guard header["crit"] == nil else { throw refusal("has a header that must be understood and is not: crit") }
        guard header["b64"] == nil, header["zip"] == nil, header["enc"] == nil else {
            throw refusal("has a payload that is not plain: b64, zip or enc")
        }
        guard let name = header["alg"]?.string?.value else { throw refusal("names no algorithm") }
        guard let algorithm = SignatureAlgorithm(rawValue: name) else {
            throw refusal("is signed with an algorithm that is not accepted: \(shown(name))")
        }
        return algorithm
    }

    private static func text(_ name: String, _ header: JSONObject) throws(GatewayError) -> String? {
        guard let value = header[name] else { return nil }
        guard let text = value.string?.value, text.utf8.count <= VerificationKey.idBytesMax else {
            throw refusal("has a header that is not a short string: \(name)")
        }
        return text
    }

    private static func object(_ part: [UInt8], _ what: String) throws(GatewayError) -> JSONObject {
        guard let bytes = Base64URL.decode(part.span) else { throw refusal("has \(what) that are not base64url") }
        do throws(JSONTreeError) {
            let tree = try JSONTree.parse(bytes.span, depthMax: depthMax, valuesMax: valuesMax)
            if let object = tree.object { return object }
        } catch {
            if case .duplicateName(let name) = error.reason {
                throw refusal("has a name twice in its \(what): \(shown(name))")
            }
            throw refusal("has \(what) that are not valid JSON")
        }
        throw refusal("has \(what) that are not an object")
    }

    static func shown(_ text: String) -> String {
        String(text.unicodeScalars.filter { (0x20..<0x7F).contains($0.value) }.prefix(64).map(Character.init))
    }

    static func refusal(_ what: String, hint: String? = nil) -> GatewayError {
        GatewayError(.unauthenticated, "the token \(what)", hint: hint)
    }
}
