import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayIdentity

/// A service that believes one issuer and knows one key, `agent-key`, of the agent `builder`.
final class TokenServiceStand: Sendable {
    /// What the service said of itself, in order, and whether that can be written down.
    final class Book: Sendable {
        let events = Mutex<[TokenEvent]>([])
        let isShut = Mutex(false)
        /// Whom the agent's key is of, and what happens right after it was found to be good.
        let agent = Mutex(Principal(proof: .apiKey, agent: "builder", credentialID: "key_1"))
        let afterKey = Mutex<(@Sendable () -> Void)?>(nil)
        /// What happens while it is written down that a token is about to be given out.
        let whileRecording = Mutex<(@Sendable () -> Void)?>(nil)
    }

    let login = TokenFixture(.p256)
    /// Another issuer, which lets nobody act for its users.
    let partner = TokenFixture(.p256)
    static let partnerIssuer = "https://partner.example"
    let service: TokenService
    let revocations = RevocationList()
    let book = Book()
    let clock = ManualClock(TokenFixture.now)
    static let issuer = "https://gw.example"
    static let vendor = "https://vendor.example"

    init() {
        let login = login.authority(TokenRules(issuer: TokenFixture.issuer, audiences: ["sluice"]))
        let revocations = revocations
        let revoke: @Sendable ([Revocation]) throws(GatewayError) -> Void = { entries throws(GatewayError) in
            _ = revocations.add(entries, nowSeconds: TokenFixture.now)
        }
        var environment = TokenService.Environment(wallSeconds: { [clock] in clock.now }, revoke: revoke)
        let partner = partner.authority(TokenRules(issuer: Self.partnerIssuer, audiences: ["sluice"]))
        environment.issuers = {
            [
                TokenService.Issuer(
                    authority: login, actors: ["builder", Self.partnerIssuer + "#helper"].map { NamePattern($0) }),
                TokenService.Issuer(authority: partner, actors: []),
            ]
        }
        let book = book
        environment.key = { secret in
            guard secret == "agent-key" else { return nil }
            defer { book.afterKey.withLock { $0?() } }
            return book.agent.withLock { $0 }
        }
        environment.record = { event throws(GatewayError) in
            if book.isShut.withLock({ $0 }) { throw GatewayError(.auditUnavailable, "the disk is full") }
            book.events.withLock { $0.append(event) }
            book.whileRecording.withLock { $0?() }
            return { _ in }
        }
        environment.refused = { event in book.events.withLock { $0.append(event) } }
        service = TokenService(
            issuer: TokenServiceStand.issuer, audiences: [TokenServiceStand.vendor],
            ring: KeyRing(nowSeconds: TokenFixture.now),
            proofs: ProofRules(nonces: ProofNonces(secret: Secret("x"))), revocations: revocations,
            environment: environment)
    }

    func post(
        _ path: String, _ fields: [(String, String)], client: String? = nil, proofs: [String] = [],
        certificate: String? = nil
    ) async throws -> TokenService.Response {
        let body = fields.map { "\($0.0)=\(FormText.encode($0.1))" }.joined(separator: "&")
        var request = TokenService.Request(method: "POST", path: path, body: Array(body.utf8))
        request.contentType = "application/x-www-form-urlencoded"
        request.authorization = client.map { "Basic " + Base64Text.encode(Array($0.utf8)) }
        request.proofs = proofs
        request.certificate = certificate
        return try #require(await service.respond(request))
    }

    func exchange(
        _ subject: String, _ more: [(String, String)] = [], client: String? = "key_1:agent-key",
        proofs: [String] = [], certificate: String? = nil
    ) async throws -> TokenService.Response {
        try await post(
            "/oauth/token",
            [
                ("grant_type", TokenService.GrantType.exchange.rawValue), ("subject_token", subject),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ] + more, client: client, proofs: proofs, certificate: certificate)
    }

    /// A token of the other issuer.
    func partnerToken(_ subject: String) throws -> String {
        try partner.token {
            $0["iss"] = .text(Self.partnerIssuer)
            $0["sub"] = .text(subject)
            $0["jti"] = .text("p-" + subject)
        }
    }

    /// What makes a token's holder the actor.
    func actor(_ token: String) -> [(String, String)] {
        [("actor_token", token), ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token")]
    }

    func token(_ response: TokenService.Response) throws -> String {
        try #require(response.body?["access_token"]?.string?.value, "\(response.body?.compactText ?? "")")
    }

    func code(_ response: TokenService.Response) -> String? { response.body?["error"]?.string?.value }
}
