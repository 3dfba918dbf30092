import GatewayModel
import GatewayWire
import Synchronization

@testable import GatewayIdentity

/// An issuer of a test, with keys of its own.
struct TokenFixture {
    static let issuer = "https://login.example"
    static let now = 1_800_000_000

    let key: SigningKey
    let revocations = RevocationList()

    init(_ kind: SigningKey.Kind = .ed25519) { key = SigningKey(kind) }

    var keySet: VerificationKeySet { VerificationKeySet([TokenFixture.published(key)]) }

    static func published(_ key: SigningKey) -> VerificationKey {
        guard let published = try? VerificationKey(jwk: key.publishedMembers) else { preconditionFailure("not a key") }
        return published
    }

    static func claims(_ change: (inout JSONObject) -> Void = { _ in }) -> JSONObject {
        var claims: JSONObject = [
            "iss": .text(issuer), "sub": "ann", "aud": "sluice", "exp": .integer(now + 600), "iat": .integer(now),
            "jti": "t-1",
        ]
        change(&claims)
        return claims
    }

    func token(
        type: String? = "at+jwt", kid: String? = nil, header extra: JSONObject = [:],
        _ change: (inout JSONObject) -> Void = { _ in }
    ) throws -> String {
        var header: JSONObject = ["kid": .text(kid ?? key.thumbprint)]
        if let type { header["typ"] = .text(type) }
        for member in extra.members { header[member.name.value] = member.value }
        return try key.sign(TokenFixture.claims(change), header: header)
    }

    func authority(
        _ rules: TokenRules = TokenRules(issuer: issuer, audiences: ["sluice"]), keys: IssuerKeys? = nil,
        prefix: String? = nil
    ) -> TokenAuthority {
        TokenAuthority(
            name: "default/login", rules: rules,
            keys: keys ?? IssuerKeys(issuer: TokenFixture.issuer, fixed: keySet), subjectPrefix: prefix,
            revocations: revocations
        ) { token throws(GatewayError) in try StandardClaims.principal(token) }
    }
}

extension TokenAuthority {
    func find(_ token: String, now: Int = TokenFixture.now) -> Finding {
        let bytes = Array(token.utf8)
        return find(bytes.span, digest: TokenDigest(bytes), nowSeconds: now)
    }
}

extension TokenAuthority.Finding {
    var principal: Principal? { if case .accepted(let principal) = self { principal } else { nil } }
    var error: GatewayError? { if case .refused(let error) = self { error } else { nil } }
    var isWaiting: Bool { if case .waiting = self { true } else { false } }
    var isNotMine: Bool { if case .notMine = self { true } else { false } }
}

/// A clock that moves when it is told to.
final class ManualClock: Sendable {
    private let value: Mutex<Int>
    init(_ start: Int = 1_000) { value = Mutex(start) }
    var now: Int { value.withLock { $0 } }
    func advance(_ seconds: Int) { value.withLock { $0 += seconds } }
}

/// A key server that a test holds in its hands.
final class KeyServer: Sendable {
    private struct State {
        var keys = VerificationKeySet()
        var isDown = false
        var fetches = 0
        var fresh: Int?
    }
    private let state = Mutex(State())

    init(_ keys: [SigningKey], fresh: Int? = nil) {
        publish(keys)
        state.withLock { $0.fresh = fresh }
    }

    func publish(_ keys: [SigningKey]) {
        let set = VerificationKeySet(keys.map(TokenFixture.published))
        state.withLock { $0.keys = set }
    }

    var fetches: Int { state.withLock { $0.fetches } }
    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    func fetch() throws -> FetchedKeys {
        try state.withLock { state in
            state.fetches += 1
            if state.isDown { throw GatewayError(.upstreamConnectFailed, "down") }
            return FetchedKeys(keys: state.keys, freshSeconds: state.fresh)
        }
    }

    func keys(_ clock: ManualClock, budget: KeyFetchBudget = KeyFetchBudget()) -> IssuerKeys {
        IssuerKeys(
            issuer: TokenFixture.issuer, budget: budget, uptimeSeconds: { clock.now }, fetch: { try self.fetch() })
    }
}

extension IssuerKeys {
    /// Until the refresh under way is over.
    func settled() async {
        await withCheckedContinuation { done in
            if !whenRefreshed({ done.resume() }) { done.resume() }
        }
    }
}
