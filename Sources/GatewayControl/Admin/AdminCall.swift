import GatewayModel

/// A request that has found its endpoint.
struct AdminCall: Sendable {
    var request: AdminRequest
    /// What stood for `{kind}` and the like.
    var parameters: [String: String]
    var query: AdminQuery

    subscript(name: String) -> String { parameters[name] ?? "" }

    /// Whether only the answer is wanted.
    func isDryRun() throws(GatewayError) -> Bool { try query.flag("dryRun") }

    func revision() throws(GatewayError) -> Int {
        guard let number = Int(self["revision"]), number > 0 else {
            throw GatewayError(.notFound, "no revision \(self["revision"])", hint: "GET /v1/history lists them")
        }
        return number
    }

    /// `If-Match` and `If-None-Match` (RFC 9110 section 13.1), for a change.
    func precondition() throws(GatewayError) -> Precondition {
        var precondition = Precondition()
        let match = request.list("if-match")
        if !match.isEmpty { precondition.ifMatch = match.map(Self.version) }
        let none = request.list("if-none-match")
        guard none.isEmpty || none == ["*"] else {
            throw GatewayError(.usage, "a change takes only * in If-None-Match", hint: "use If-Match with the version")
        }
        precondition.ifNoneMatch = !none.isEmpty
        return precondition
    }

    /// Whether the reader has this already.
    func isKnown(_ tag: String) -> Bool {
        let known = request.list("if-none-match")
        return known.contains("*") || known.contains(tag) || known.contains("W/\(tag)")
    }

    /// A weak tag keeps its mark, so that it matches no version: `If-Match` compares strongly.
    private static func version(_ tag: String) -> String {
        tag.count >= 2 && tag.first == "\"" && tag.last == "\"" ? String(tag.dropFirst().dropLast()) : tag
    }

    /// The body as configuration texts; YAML unless it says or looks like JSON.
    func texts() throws(GatewayError) -> [ConfigurationLoad.Text] {
        guard !request.body.isEmpty else {
            throw GatewayError(.usage, "the request has no body", hint: "send objects in YAML or JSON")
        }
        let first = request.body.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        let isJSON = request.mediaType.hasSuffix("json") || first == UInt8(ascii: "{")
        return [
            ConfigurationLoad.Text(bytes: request.body, file: label, syntax: isJSON ? .json : .yaml)
        ]
    }

    /// What findings call the body. Files that an object names are found from the file it stands in: only who is at the
    /// socket, and could as well write the gateway's own files, says which one that is.
    var label: String {
        guard let name = query["file"] else { return "admin" }
        return request.localPeer == nil ? "\(name) (sent)" : name
    }

    /// The body as one JSON object.
    func json() throws -> ConfigNode {
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            request.body, file: "admin", syntax: .json, unfolding: false, diagnostics: &diagnostics)
        if diagnostics.hasErrors { throw AdminProblem(refused: diagnostics) }
        guard documents.count == 1, let document = documents.first, document.fields != nil else {
            throw GatewayError(.usage, "the body is not one JSON object")
        }
        return document
    }
}

/// The query of a request, decoded. Names are checked against what the endpoint knows: a misspelt `dryRun` must not
/// become a change.
struct AdminQuery: Sendable {
    private var values: [String: String] = [:]

    init(_ text: String, allowed: [String]) throws(GatewayError) {
        for part in text.split(separator: "&") {
            let pieces = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentText.decoded(pieces[0]),
                let value = PercentText.decoded(pieces.count > 1 ? pieces[1] : "")
            else { throw GatewayError(.usage, "the query is not percent-encoded UTF-8: \(part)") }
            guard allowed.contains(name) else {
                throw GatewayError(
                    .usage, "unknown query parameter \"\(name)\"", hint: NearestName.hint(name, among: allowed))
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw GatewayError(.usage, "query parameter given twice: \(name)")
            }
        }
    }

    subscript(name: String) -> String? { values[name] }

    func flag(_ name: String) throws(GatewayError) -> Bool {
        switch values[name] {
        case nil, "0", "false": return false
        case "", "1", "true": return true
        case .some(let other):
            throw GatewayError(.usage, "\(name) is not a boolean: \(other)", hint: "write 1 or 0")
        }
    }

    func number(_ name: String) throws(GatewayError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw GatewayError(.usage, "\(name) is not a number: \(text)")
        }
        return number
    }
}

/// Percent-encoding as paths and queries of the admin API use it.
package enum PercentText {
    static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2)
                guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Encodes everything but unreserved characters (RFC 3986 section 2.3).
    package static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            if byte < 0x80, scalar.properties.isAlphabetic || (0x30...0x39).contains(byte) || "-._~".utf8.contains(byte)
            {
                result.unicodeScalars.append(scalar)
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
