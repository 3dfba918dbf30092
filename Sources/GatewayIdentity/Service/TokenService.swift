package import GatewayModel
package import GatewayWire
import Synchronization

/// The gateway as an issuer of its own: short-lived tokens in exchange for what a caller has.
/// Knows no HTTP beyond forms and JSON; the runtime hangs it into a route.
package final class TokenService: Sendable {
    /// Somebody whose tokens may be exchanged, and who may act for their users.
    package struct Issuer: Sendable {
        package var authority: TokenAuthority
        package var actors: [NamePattern]

        package init(authority: TokenAuthority, actors: [NamePattern]) {
            self.authority = authority
            self.actors = actors
        }
    }

    /// What the service asks of whoever runs it.
    package struct Environment: Sendable {
        /// The issuers of this moment.
        package var issuers: @Sendable () -> [Issuer] = { [] }
        /// Whom an API key belongs to.
        package var key: @Sendable (_ secret: String) -> Principal? = { _ in nil }
        /// Keeps revocations, then makes them count.
        package var revoke: @Sendable ([RevocationList.Entry]) throws(GatewayError) -> Void
        /// Keeps the signing keys.
        package var save: @Sendable (Secret) throws(GatewayError) -> Void = { _ in }
        /// Writes down what is about to be done, before it is; throws when that cannot be written, and then it is not.
        package var record: @Sendable (TokenEvent) async throws(GatewayError) -> TokenEvent.Settle = { _ in { _ in } }
        /// Is told of what was refused.
        package var refused: @Sendable (TokenEvent) -> Void = { _ in }
        package var wallSeconds: @Sendable () -> Int

        package init(
            wallSeconds: @escaping @Sendable () -> Int,
            revoke: @escaping @Sendable ([RevocationList.Entry]) throws(GatewayError) -> Void
        ) {
            self.wallSeconds = wallSeconds
            self.revoke = revoke
        }
    }

    /// `iss` of its tokens; also where its documents are, below it.
    package let issuer: String
    /// Whom tokens may be for; the gateway itself first.
    package let audiences: [String]
    package let proofs: ProofRules
    /// Checks the service's own tokens.
    package let authority: TokenAuthority
    package let environment: Environment
    private let ring: Mutex<KeyRing>
    private let revocations: RevocationList
    /// Signs for others who believe the issuer; nil where nothing is.
    let assertions: AssertionKeys?

    package init(
        issuer: String, audiences: [String] = [], ring: KeyRing, proofs: ProofRules, revocations: RevocationList,
        environment: Environment, assertions: AssertionKeys? = nil
    ) {
        self.assertions = assertions
        self.issuer = issuer
        self.audiences = [issuer] + audiences.filter { $0 != issuer }
        self.proofs = proofs
        self.environment = environment
        self.ring = Mutex(ring)
        self.revocations = revocations
        authority = TokenAuthority(
            name: "sluice", rules: TokenRules(issuer: issuer, audiences: [issuer], algorithms: [.edDSA, .es256]),
            keys: IssuerKeys(issuer: issuer, fixed: ring.verificationKeys), revocations: revocations
        ) { token throws(GatewayError) in try TokenGrant.principal(token) }
    }

    // MARK: Keys

    /// Makes and drops signing keys as their times ask; called now and then, and before a token is signed.
    package func advanceKeys() throws(GatewayError) {
        let now = environment.wallSeconds()
        try changeKeys { $0.advance(nowSeconds: now) }
    }

    /// Another key signs as soon as others may know it.
    package func rotateKeys() throws(GatewayError) {
        let now = environment.wallSeconds()
        try changeKeys {
            $0.rotate(nowSeconds: now)
            return true
        }
    }

    private func changeKeys(_ body: (inout KeyRing) -> Bool) throws(GatewayError) {
        let result = ring.withLock { ring -> Result<VerificationKeySet?, GatewayError> in
            var copy = ring
            guard body(&copy) else { return .success(nil) }
            // On the disk first: a token signed with a key that is lost is worth nothing.
            do throws(GatewayError) { try environment.save(copy.serialized) } catch { return .failure(error) }
            ring = copy
            return .success(copy.verificationKeys)
        }
        if let keys = try result.get() { authority.keys.replace(keys) }
    }

    package var publishedKeys: JSONTree {
        let own = ring.withLock { $0.published["keys"]?.array ?? [] }
        return ["keys": .array(own + (assertions?.published ?? []))]
    }

    /// A token that says what `grant` says.
    package func sign(_ grant: TokenGrant) throws(GatewayError) -> String {
        revocations.note(issuedSeconds: grant.issuedSeconds, nowSeconds: environment.wallSeconds())
        return try sign(grant.claims(issuer: issuer), type: "at+jwt")
    }

    func sign(_ claims: JSONObject, type: String) throws(GatewayError) -> String {
        try advanceKeys()
        let key = ring.withLock { $0.signer(nowSeconds: environment.wallSeconds()) }
        return try key.sign(claims, header: ["typ": .text(type), "kid": .text(key.thumbprint)])
    }

    /// The same, written down before it leaves. One that would be revoked from the start is not given out: revocations
    /// count for whole seconds, and past the clock where an issuer's is ahead.
    package func issue(_ grant: TokenGrant, _ event: TokenEvent) async throws(GatewayError) -> String {
        if let entry = revocations.reason(against: grant.principal) {
            // Beyond a token's whole life it is no matter of waiting.
            let left = entry.beforeSeconds < .max ? entry.beforeSeconds - environment.wallSeconds() + 1 : .max
            let later = left <= TokenDraft.lifetimeSecondsMax ? "; try again in \(max(1, left)) s" : ""
            throw GatewayError(.conflict, TokenAuthority.refusal(entry).message + later)
        }
        var event = event
        event.issues(grant)
        let settle = try await environment.record(event)
        do throws(GatewayError) {
            let token = try sign(grant)
            settle(nil)
            return token
        } catch {
            settle(error)
            throw error
        }
    }

    /// Revokes, written down before it counts.
    package func revoke(_ entry: Revocation, _ event: TokenEvent) async throws(GatewayError) {
        var event = event
        event.revokes(entry)
        let settle = try await environment.record(event)
        do throws(GatewayError) {
            try environment.revoke([entry])
            settle(nil)
        } catch {
            settle(error)
            throw error
        }
    }

    // MARK: Documents

    /// RFC 8414 and OpenID Connect Discovery 1.0.
    package var metadata: JSONTree {
        let methods: JSONTree = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
        return [
            "issuer": .text(issuer), "jwks_uri": .text(OutboundURL.join(issuer, "/oauth/jwks")),
            "token_endpoint": .text(OutboundURL.join(issuer, "/oauth/token")),
            "introspection_endpoint": .text(OutboundURL.join(issuer, "/oauth/introspect")),
            "revocation_endpoint": .text(OutboundURL.join(issuer, "/oauth/revoke")),
            "response_types_supported": [], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA", "ES256"],
            "grant_types_supported": .array(GrantType.allCases.map { .text($0.rawValue) }),
            "token_endpoint_auth_methods_supported": methods, "revocation_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": .array(
                SignatureAlgorithm.usual.map { .text($0.rawValue) }),
            "dpop_signing_alg_values_supported": .array(SignatureAlgorithm.proof.map { .text($0.rawValue) }),
            "tls_client_certificate_bound_access_tokens": true,
        ]
    }

    package enum GrantType: String, Sendable, CaseIterable {
        case exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
        case clientCredentials = "client_credentials"
        case assertion = "urn:ietf:params:oauth:grant-type:jwt-bearer"

        /// As records call it.
        var shownName: String {
            switch self {
            case .exchange: "exchange"
            case .clientCredentials: "client_credentials"
            case .assertion: "assertion"
            }
        }
    }

    // MARK: Who a token is of

    /// Somebody who was recognised.
    struct Known: Sendable {
        var principal: Principal
        var isOwn: Bool
        var actors: [NamePattern]
        var token: [UInt8]
        /// Who vouches for the subject, and for whoever acts by it; nil for the gateway, whose keys and runs they are.
        var origin: String?
        var actingOrigin: String?
    }

    private func recognised(_ principal: Principal, _ token: [UInt8], by authority: TokenAuthority) -> Known {
        let issuers = environment.issuers()
        guard authority === self.authority else {
            let origin = authority.origin
            return Known(
                principal: principal, isOwn: false,
                actors: issuers.first { $0.authority === authority }?.actors ?? [], token: token, origin: origin,
                actingOrigin: origin)
        }
        // What another issuer's token has become is still for that issuer's actors alone. What began here has no
        // provider that could name them, so that any may.
        let origin = principal.detail?.origin
        return Known(
            principal: principal, isOwn: true,
            actors: origin.map { actors(of: $0, issuers) } ?? issuers.flatMap(\.actors), token: token,
            origin: origin, actingOrigin: principal.detail?.actingOrigin)
    }

    private func actors(of origin: String, _ issuers: [Issuer]) -> [NamePattern] {
        issuers.filter { $0.authority.origin == origin }.flatMap(\.actors)
    }

    /// Whose token it is, waiting for its issuer's keys where it must.
    func find(_ text: String) async throws(GatewayError) -> Known {
        let bytes = Array(text.utf8)
        let digest = TokenDigest(bytes)
        for authority in [authority] + environment.issuers().map(\.authority) {
            for _ in 0..<3 {
                let finding = authority.find(
                    bytes.span, digest: digest, nowSeconds: environment.wallSeconds())
                switch finding {
                case .accepted(let principal): return recognised(principal, bytes, by: authority)
                case .refused(let error): throw error
                case .notMine: break
                case .waiting:
                    await withCheckedContinuation { done in
                        if !authority.wait({ done.resume() }) { done.resume() }
                    }
                    continue
                }
                break
            }
        }
        throw GatewayError(
            .unauthenticated, "the token is of an issuer that nobody here believes",
            hint: "an IdentityProvider has to name its issuer")
    }
}
