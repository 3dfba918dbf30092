package import GatewayModel
package import GatewayWire

/// What is asked of the tokens of one issuer.
package struct TokenRules: Sendable, Hashable {
    /// `iss`, byte for byte; nil for documents that name none (JWT-SVID).
    package var issuer: String?
    /// One of them must be in `aud`, byte for byte.
    package var audiences: [String]
    /// Pinned: a token does not choose how it is checked (RFC 8725 section 3.1).
    package var algorithms: [SignatureAlgorithm]
    /// `typ` values that are accepted, lower case without `application/` (RFC 8725 section 3.11); "" for a token
    /// without one. An ID token or a grant for another service is no access token.
    package var types: [String]
    /// How far clocks may be apart.
    package var skewSeconds: Int
    /// From `iat` to `exp`; nil for no bound.
    package var lifetimeSecondsMax: Int?
    package var needsSubject = true
    /// In `scope` or `scp`, all of them.
    package var scopes: [String] = []
    /// Whether proofs of possession must carry a nonce of ours.
    package var needsProofNonce = false

    package static let skewSecondsUsual = 60

    package init(
        issuer: String?, audiences: [String], algorithms: [SignatureAlgorithm] = SignatureAlgorithm.usual,
        types: [String] = ["at+jwt"], skewSeconds: Int = TokenRules.skewSecondsUsual
    ) {
        self.issuer = issuer
        self.audiences = audiences
        self.algorithms = algorithms
        self.types = types
        self.skewSeconds = skewSeconds
    }

    /// Whether the token claims to be of this issuer: which keys to look among, nothing more.
    package func isIssuer(of token: JSONWebToken) -> Bool {
        guard let issuer else { return true }
        return token.text("iss").map { $0.utf8.elementsEqual(issuer.utf8) } ?? false
    }

    /// Checks what needs no key.
    package func checkHeader(_ token: JSONWebToken) throws(GatewayError) {
        guard algorithms.contains(token.algorithm) else {
            throw JSONWebToken.refusal(
                "is signed with \(token.algorithm.rawValue), which its issuer does not use",
                hint: "the issuer's algorithms are \(algorithms.map(\.rawValue).joined(separator: ", "))")
        }
        guard types.contains(token.type ?? "") else {
            let shown = token.type.map { JSONWebToken.shown($0) } ?? "none"
            throw JSONWebToken.refusal(
                "is of type \(shown), where \(types.joined(separator: " or ")) is asked for",
                hint: "send an access token; an IdentityProvider lists other types in tokenTypes")
        }
    }

    /// Checks signature and claims, and gives them back as facts.
    package func verify(
        _ token: JSONWebToken, keys: [VerificationKey], nowSeconds now: Int
    ) throws(GatewayError) -> VerifiedToken {
        try checkHeader(token)
        guard isIssuer(of: token) else { throw JSONWebToken.refusal("is of another issuer") }
        guard keys.contains(where: { $0.verifies(token.signature, of: token.signed, token.algorithm) }) else {
            throw JSONWebToken.refusal("has a signature that is not its issuer's")
        }
        let times = try times(token.claims, now: now)
        let audiences = try audience(token.claims)
        guard self.audiences.contains(where: { wanted in audiences.contains { $0.utf8.elementsEqual(wanted.utf8) } })
        else {
            throw JSONWebToken.refusal(
                "is for somebody else", hint: "its aud must have \(self.audiences.joined(separator: " or "))")
        }
        let subject = try shortText("sub", token.claims)
        guard subject?.isEmpty == false || !needsSubject else { throw JSONWebToken.refusal("names no subject") }
        let scopes = try TokenRules.scopes(token.claims)
        if let missing = self.scopes.first(where: { !scopes.contains($0) }) {
            throw GatewayError(
                .forbidden, "the token lacks the scope \(missing)", hint: "ask its issuer for the scope \(missing)")
        }
        return VerifiedToken(
            issuer: try shortText("iss", token.claims), subject: subject ?? "", audiences: audiences, scopes: scopes,
            id: try shortText("jti", token.claims), issuedSeconds: times.issued, startsSeconds: times.starts,
            expiresSeconds: times.expires, type: token.type, claims: token.claims)
    }

    // MARK: Claims

    private func times(
        _ claims: JSONObject, now: Int
    ) throws(GatewayError) -> (issued: Int?, starts: Int, expires: Int) {
        guard let expires = try TokenRules.instant("exp", claims) else { throw JSONWebToken.refusal("has no end: exp") }
        guard now < expires + skewSeconds else {
            throw JSONWebToken.refusal("has expired", hint: "get a new one; it was good until \(expires)")
        }
        let start = try TokenRules.instant("nbf", claims)
        if let start, now + skewSeconds < start {
            throw JSONWebToken.refusal("is not good yet: nbf")
        }
        let issued = try TokenRules.instant("iat", claims)
        if let issued {
            guard now + skewSeconds >= issued else { throw JSONWebToken.refusal("is of the future: iat") }
            guard issued <= expires else { throw JSONWebToken.refusal("ends before it was made") }
        }
        if let most = lifetimeSecondsMax {
            guard let issued, expires - issued <= most else {
                throw JSONWebToken.refusal("lives longer than \(most) s, or does not say when it was made")
            }
        }
        return (issued, max(start ?? 0, issued ?? 0), expires)
    }

    /// NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction. What is told as null is not told.
    static func instant(_ name: String, _ claims: JSONObject) throws(GatewayError) -> Int? {
        guard let value = claims[name], !value.isNull else { return nil }
        guard let number = value.number, number.double.isFinite, (0...Double(1 << 40)).contains(number.double) else {
            throw JSONWebToken.refusal("has a time that is none: \(name)")
        }
        return Int(number.double)
    }

    private func audience(_ claims: JSONObject) throws(GatewayError) -> [String] {
        switch claims["aud"] {
        case .string(let one): return [one.value]
        case .array(let list) where list.count <= 64:
            let texts = list.compactMap { $0.string?.value }
            guard texts.count == list.count else { throw JSONWebToken.refusal("has an aud that is not text") }
            return texts
        case nil: throw JSONWebToken.refusal("names no audience: aud")
        default: throw JSONWebToken.refusal("has an aud that is neither a text nor a short list")
        }
    }

    private func shortText(_ name: String, _ claims: JSONObject) throws(GatewayError) -> String? {
        guard let value = claims[name] else { return nil }
        guard let text = value.string?.value, text.utf8.count <= 1_024,
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { throw JSONWebToken.refusal("has a claim that is not a short text: \(name)") }
        return text
    }

    /// `scope` as one text (RFC 8693 section 4.2), or `scp` as a list or a text, as some issuers write it.
    static func scopes(_ claims: JSONObject) throws(GatewayError) -> [String] {
        guard let value = claims["scope"] ?? claims["scp"] else { return [] }
        switch value {
        case .string(let text):
            return text.value.split(separator: " ").map(String.init)
        case .array(let list) where list.count <= 256:
            return list.compactMap { $0.string?.value }
        default: throw JSONWebToken.refusal("has a scope that is not text")
        }
    }
}

/// A token that has been checked: every field is as its issuer signed it.
package struct VerifiedToken: Sendable {
    package var issuer: String?
    package var subject: String
    package var audiences: [String]
    package var scopes: [String]
    /// `jti`.
    package var id: String?
    package var issuedSeconds: Int?
    /// `nbf` or `iat`, whichever is later: before it the token is not good.
    package var startsSeconds: Int
    package var expiresSeconds: Int
    package var type: String?
    package var claims: JSONObject

    package init(
        issuer: String?, subject: String, audiences: [String], scopes: [String] = [], id: String? = nil,
        issuedSeconds: Int? = nil, startsSeconds: Int = 0, expiresSeconds: Int, type: String? = nil, claims: JSONObject
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audiences = audiences
        self.scopes = scopes
        self.id = id
        self.issuedSeconds = issuedSeconds
        self.startsSeconds = startsSeconds
        self.expiresSeconds = expiresSeconds
        self.type = type
        self.claims = claims
    }
}
