package import GatewayModel
import GatewayWire

/// Somebody whose tokens are believed: an issuer, or a trust domain. Checks a token once and remembers it by its hash
/// until it expires, is revoked, or the issuer's keys change.
package final class TokenAuthority: Sendable {
    package typealias Mapping = @Sendable (VerifiedToken) throws(GatewayError) -> Principal

    package enum Finding: Sendable {
        case accepted(Principal)
        case refused(GatewayError)
        /// Another authority's token.
        case notMine
        /// A key is being fetched: `wait`, then ask again.
        case waiting
    }

    /// `namespace/name` of the IdentityProvider.
    package let name: String
    package let rules: TokenRules
    package let keys: IssuerKeys
    /// For a SPIFFE trust domain: what subjects must begin with.
    private let subjectPrefix: String?
    private let mapping: Mapping
    private let revocations: RevocationList
    private let cache = TokenCache()

    package init(
        name: String, rules: TokenRules, keys: IssuerKeys, subjectPrefix: String? = nil, revocations: RevocationList,
        mapping: @escaping Mapping
    ) {
        self.name = name
        self.rules = rules
        self.keys = keys
        self.subjectPrefix = subjectPrefix
        self.revocations = revocations
        self.mapping = mapping
        let cache = cache
        keys.onChange { cache.removeAll() }
    }

    /// Whom its tokens are of, whatever they say themselves.
    package var origin: String { rules.issuer ?? subjectPrefix.map { String($0.dropLast()) } ?? name }

    /// Who shows this token. Never waits.
    package func find(_ token: Span<UInt8>, digest: TokenDigest, nowSeconds: Int) -> Finding {
        // Before the keys are looked at: what was found with keys that go meanwhile is not kept.
        let epoch = cache.epoch
        if let entry = cache.find(digest, nowSeconds: nowSeconds) {
            if entry.revocationVersion == revocations.version { return .accepted(entry.principal) }
            return recheck(entry, digest, epoch)
        }
        guard token.count <= JSONWebToken.bytesMax else {
            return .refused(JSONWebToken.refusal("is longer than \(JSONWebToken.bytesMax) bytes"))
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(token.count)
        for index in token.indices { bytes.append(token[index]) }
        do throws(GatewayError) {
            let parsed = try JSONWebToken(parsing: bytes)
            guard isMine(parsed) else { return .notMine }
            try rules.checkHeader(parsed)
            switch keys.lookUp(id: parsed.keyID, parsed.algorithm) {
            case .wait: return .waiting
            case .refused(let error): return .refused(error)
            case .keys(let keys): return .accepted(try accept(parsed, keys, digest, epoch, nowSeconds))
            }
        } catch {
            return .refused(error)
        }
    }

    /// Calls back when it makes sense to ask again; false when too many wait.
    package func wait(_ body: @escaping @Sendable () -> Void) -> Bool { keys.whenRefreshed(body) }

    private func isMine(_ token: JSONWebToken) -> Bool {
        guard let subjectPrefix else { return rules.isIssuer(of: token) }
        return token.text("sub").map { $0.utf8.starts(with: subjectPrefix.utf8) } ?? false
    }

    private func accept(
        _ token: JSONWebToken, _ keys: [VerificationKey], _ digest: TokenDigest, _ epoch: UInt64, _ now: Int
    ) throws(GatewayError) -> Principal {
        let verified = try rules.verify(token, keys: keys, nowSeconds: now)
        var principal = try mapping(verified)
        if principal.credentialID == nil { principal.credentialID = digest.shortName }
        // The version first: what is revoked meanwhile makes the entry stale and not unseen.
        let version = revocations.version
        if let issued = verified.issuedSeconds { revocations.note(issuedSeconds: issued, nowSeconds: now) }
        if let revocation = revocations.reason(against: principal) { throw TokenAuthority.refusal(revocation) }
        cache.insert(
            TokenCache.Entry(
                principal: principal, startsSeconds: verified.startsSeconds - rules.skewSeconds,
                expiresSeconds: verified.expiresSeconds + rules.skewSeconds, revocationVersion: version),
            for: digest, epoch: epoch)
        return principal
    }

    /// Something has been revoked since the token was last looked at.
    private func recheck(_ entry: TokenCache.Entry, _ digest: TokenDigest, _ epoch: UInt64) -> Finding {
        var entry = entry
        entry.revocationVersion = revocations.version
        if let revocation = revocations.reason(against: entry.principal) {
            cache.remove(digest)
            return .refused(TokenAuthority.refusal(revocation))
        }
        cache.insert(entry, for: digest, epoch: epoch)
        return .accepted(entry.principal)
    }

    package static func refusal(_ entry: RevocationList.Entry) -> GatewayError {
        GatewayError(
            .unauthenticated,
            entry.kind == .token
                ? "the token is revoked" : "the token's \(entry.kind.rawValue) is revoked: \(entry.value.prefix(128))",
            hint: "get a new token from whoever gave it out")
    }
}

extension TokenDigest {
    /// Names a token that has no id of its own; says nothing of what is in it.
    package var shortName: String {
        var bytes: [UInt8] = []
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: words.0 >> shift)) }
        return "token-" + Base64URL.encode(bytes)
    }
}
