import GatewayModel
import GatewayWire

/// Checks proofs of possession that come with a request (DPoP, RFC 9449 section 4.3): that whoever shows a token also
/// holds the key it is bound to, now, for this request.
package final class ProofRules: Sendable {
    /// What of the request a proof must be of.
    package struct Request: Sendable {
        package var method: String
        /// Scheme, authority and path, without query and fragment.
        package var url: String
        /// The token that comes with it, for `ath`; nil where a token is only asked for.
        package var token: TokenDigest?

        package init(method: String, url: String, token: TokenDigest?) {
            self.method = method
            self.url = url
            self.token = token
        }
    }

    package enum Problem: Error, Sendable, Equatable {
        /// RFC 9449 section 7.1.
        case invalid(String)
        /// The proof must carry a nonce of ours: RFC 9449 sections 8 and 9.
        case needsNonce
    }

    package static let bytesMax = 4 * 1024
    /// How old a proof may be, and how far of the future.
    package static let ageSecondsMax = 60
    package static let skewSecondsMax = 10

    private let replays: ReplayList
    private let nonces: ProofNonces

    package init(nonces: ProofNonces, replays: ReplayList = ReplayList()) {
        self.nonces = nonces
        self.replays = replays
    }

    /// The nonce to put into the next proof.
    package func nonce(nowSeconds: Int) -> String { nonces.current(nowSeconds: nowSeconds) }

    /// The thumbprint of the key that the proof is signed with.
    package func check(
        _ proof: [UInt8], of request: Request, needsNonce: Bool = false, nowSeconds now: Int
    ) throws(Problem) -> String {
        guard proof.count <= ProofRules.bytesMax else { throw .invalid("the proof is too long") }
        let token: JSONWebToken
        do throws(GatewayError) { token = try JSONWebToken(parsing: proof) } catch {
            throw .invalid("the proof is malformed")
        }
        guard token.type == "dpop+jwt" else { throw .invalid("the proof is not of type dpop+jwt") }
        guard SignatureAlgorithm.proof.contains(token.algorithm) else {
            throw .invalid("the proof is signed with an algorithm that is not accepted")
        }
        guard let jwk = token.header["jwk"]?.object, let key = try? VerificationKey(jwk: jwk),
            key.verifies(token.signature, of: token.signed, token.algorithm)
        else { throw .invalid("the proof is not signed with the key it carries") }
        guard token.text("htm") == request.method else { throw .invalid("the proof is for another method: htm") }
        guard let url = token.text("htu"), ProofRules.isSame(url, request.url) else {
            throw .invalid("the proof is for another URL: htu")
        }
        if let digest = request.token {
            guard token.text("ath") == digest.base64URL else { throw .invalid("the proof is for another token: ath") }
        }
        guard let issued = token.claims["iat"]?.number?.double, issued.isFinite,
            Double(now - ProofRules.ageSecondsMax) <= issued, issued <= Double(now + ProofRules.skewSecondsMax)
        else { throw .invalid("the proof is not of now: iat") }
        if let nonce = token.text("nonce") {
            guard nonces.accepts(nonce, nowSeconds: now) else { throw .needsNonce }
        } else if needsNonce {
            throw .needsNonce
        }
        guard let id = token.text("jti"), !id.isEmpty, id.utf8.count <= 256 else {
            throw .invalid("the proof has no id: jti")
        }
        // Last, so that only good proofs take up room.
        guard replays.take(Array((key.thumbprint + "." + id).utf8), nowSeconds: now) else {
            throw .invalid("the proof has been used before: jti")
        }
        return key.thumbprint
    }

    /// RFC 9449 section 4.3: without query and fragment, after normalisation of scheme, host and port.
    static func isSame(_ one: String, _ other: String) -> Bool {
        guard one.utf8.elementsEqual(other.utf8) else {
            guard let left = try? OutboundURL(one), let right = try? OutboundURL(other),
                !one.contains("?"), !one.contains("#")
            else { return false }
            return left == right
        }
        return true
    }
}

extension TokenDigest {
    /// As `ath` has it.
    package var base64URL: String {
        // Safe: only read, and for as long as the words are there.
        let bytes = unsafe withUnsafeBytes(of: words) { unsafe Array($0) }
        return Base64URL.encode(bytes)
    }
}
