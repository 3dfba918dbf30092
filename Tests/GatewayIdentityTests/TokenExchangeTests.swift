import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

@Suite("Authority is passed on: never more, never longer, never in a circle")
struct TokenExchangeTests {
    private let now = TokenFixture.now
    private let gateway = "https://gw.example"

    private func user(_ scopes: [String] = ["read", "write"], delegation: [Delegate] = []) -> Principal {
        Principal(
            proof: .token, user: "ann", credentialID: "t-1",
            detail: PrincipalDetail(
                issuer: "https://login.example", scopes: scopes, delegation: delegation, issuedSeconds: now,
                expiresSeconds: now + 300))
    }

    private func agent(_ name: String, scopes: [String] = [], grant: KeyGrant? = nil) -> Principal {
        Principal(
            proof: .workload, agent: name, grant: grant,
            detail: PrincipalDetail(issuer: "spiffe://prod", scopes: scopes, expiresSeconds: now + 3_600))
    }

    private func request(
        _ actor: Principal?, of subject: Principal? = nil, isOwn: Bool = false,
        _ change: (inout TokenExchange.Request) -> Void = { _ in }
    ) -> TokenExchange.Request {
        var request = TokenExchange.Request(
            subject: subject ?? user(), subjectAudiences: [gateway], isOwn: isOwn)
        request.actor = actor
        request.actors = [NamePattern("builder*"), NamePattern("a*")]
        change(&request)
        return request
    }

    private func grant(_ request: TokenExchange.Request) throws -> TokenGrant {
        try TokenExchange.grant(request, audiences: [gateway, "https://vendor.example"], nowSeconds: now)
    }

    private func refusal(_ request: TokenExchange.Request) -> TokenServiceError.Code? {
        do {
            _ = try grant(request)
            return nil
        } catch { return (error as? TokenServiceError)?.code }
    }

    @Test("an agent acts for a user: both are named, and the token ends with the shortest")
    func delegation() throws {
        let made = try grant(request(agent("builder")))
        #expect(made.principal.user == "ann")
        #expect(made.principal.agent == "builder")
        #expect(made.principal.delegation == [Delegate(subject: "builder", issuer: "spiffe://prod")])
        #expect(made.expiresSeconds == now + 300)
        #expect(made.principal.scopes == ["read", "write"])
        #expect(made.principal.detail?.grantID == "t-1")
        #expect(made.subject == "ann")
    }

    @Test("what a token says is read again as it was")
    func roundTrip() throws {
        var made = try grant(request(agent("builder")) { $0.models = ["gpt-*"] })
        made.principal.tenant = "acme"
        made.principal.run = "r1"
        let key = SigningKey(.p256)
        let text = try key.sign(
            made.claims(issuer: gateway), header: ["typ": "at+jwt", "kid": .text(key.thumbprint)])
        let verified = try TokenRules(issuer: gateway, audiences: [gateway]).verify(
            JSONWebToken(parsing: Array(text.utf8)), keys: [TokenFixture.published(key)], nowSeconds: now)
        let found = try TokenGrant.principal(verified)
        #expect(found.user == "ann" && found.agent == "builder" && found.tenant == "acme" && found.run == "r1")
        #expect(found.delegation == made.principal.delegation)
        #expect(found.grant?.models.map(\.description) == ["gpt-*"])
        #expect(found.scopes == made.principal.scopes)
        #expect(found.credentialID == made.id)
        #expect(found.detail?.grantID == "t-1")
    }

    @Test("T10: scope and audience never widen, and the end is clamped")
    func widening() throws {
        #expect(refusal(request(agent("builder")) { $0.scopes = ["admin"] }) == .invalidScope)
        #expect(refusal(request(agent("builder", scopes: ["read"])) { $0.scopes = ["write"] }) == .invalidScope)
        #expect(try grant(request(agent("builder")) { $0.scopes = ["read"] }).principal.scopes == ["read"])
        #expect(refusal(request(agent("builder")) { $0.audiences = ["https://evil.example"] }) == .invalidTarget)
        // A token of our own for the gateway alone does not become one for a vendor.
        #expect(
            refusal(request(agent("builder"), isOwn: true) { $0.audiences = ["https://vendor.example"] })
                == .invalidTarget)
        let long = try grant(request(agent("builder")) { $0.lifetimeSeconds = 1 << 40 })
        #expect(long.expiresSeconds == now + 300)
        let old = Principal(
            proof: .token, user: "ann", detail: PrincipalDetail(issuedSeconds: now - 900, expiresSeconds: now - 1))
        #expect(refusal(request(agent("builder"), of: old)) == .invalidGrant)
    }

    @Test("T10: models and tools become fewer and never more")
    func narrowing() throws {
        var subject = user()
        subject.grant = KeyGrant(models: [NamePattern("gpt-*"), NamePattern("fast")], tools: [NamePattern("git_*")])
        func models(_ wanted: [String]?) throws -> [String] {
            try grant(request(agent("builder"), of: subject) { $0.models = wanted }).principal.grant?.models
                .map(\.description) ?? []
        }
        #expect(try models(nil) == ["gpt-*", "fast"])
        #expect(try models(["gpt-5-*", "fast"]) == ["gpt-5-*", "fast"])
        for wanted in ["*", "claude", "g*", "gpt"] {
            #expect(
                refusal(request(agent("builder"), of: subject) { $0.models = [wanted] }) == .invalidScope, "\(wanted)")
        }
        // The actor's own bounds hold as well.
        let bounded = agent("builder", grant: KeyGrant(models: [NamePattern("gpt-5")]))
        #expect(try grant(request(bounded, of: subject)).principal.grant?.models.map(\.description) == ["gpt-5"])
        let other = agent("builder", grant: KeyGrant(models: [NamePattern("claude")]))
        #expect(refusal(request(other, of: subject)) == .invalidScope)
    }

    @Test("T11: only who may act, not twice, not for itself, not for ever")
    func actors() throws {
        #expect(refusal(request(agent("thief"))) == .invalidGrant)
        #expect(refusal(request(agent("thief")) { $0.mayAct = Delegate(subject: "builder") }) == .invalidGrant)
        #expect(refusal(request(agent("thief")) { $0.mayAct = Delegate(subject: "thief") }) == nil)
        #expect(
            refusal(request(agent("thief")) { $0.mayAct = Delegate(subject: "thief", issuer: "https://x") })
                == .invalidGrant)
        #expect(refusal(request(agent("ann"))) == .invalidGrant)
        let chain = [Delegate(subject: "builder")]
        #expect(refusal(request(agent("builder"), of: user(delegation: chain))) == .invalidGrant)
        let long = (0..<8).map { Delegate(subject: "a\($0)") }
        #expect(refusal(request(agent("builder"), of: user(delegation: long))) == .invalidGrant)
        #expect(
            try grant(request(agent("builder"), of: user(delegation: Array(long.dropLast())))).principal.delegation
                .count
                == 8)
    }

    @Test("a run: its children draw on one budget")
    func run() throws {
        var draft = TokenDraft()
        draft.user = "ann"
        draft.agent = "planner"
        draft.models = ["gpt-*"]
        draft.limits = [try #require(BudgetLimit("2usd/total"))]
        let parent = try draft.grant(audiences: [gateway], nowSeconds: now)
        let run = try #require(parent.principal.run)
        let child = try grant(request(agent("builder"), of: parent.principal, isOwn: true) { $0.models = ["gpt-5"] })
        #expect(child.principal.run == run)
        #expect(child.principal.grant?.account == run)
        #expect(child.principal.grant?.limits == parent.principal.grant?.limits)
        #expect(child.principal.detail?.grantID == parent.id)
        #expect(child.principal.agent == "builder")
    }

    @Test("a draft that makes no sense")
    func badDraft() {
        let changes: [(inout TokenDraft) -> Void] = [
            { $0.user = nil }, { $0.user = "" }, { $0.user = "a\u{7}" }, { $0.lifetimeSeconds = 0 },
            { $0.lifetimeSeconds = 100_000 }, { $0.scopes = ["a b"] }, { $0.audiences = ["https://evil.example"] },
            { $0.models = Array(repeating: "m", count: 101) },
        ]
        for change in changes {
            var draft = TokenDraft()
            draft.user = "ann"
            change(&draft)
            let changed = draft
            #expect(throws: GatewayError.self) { try changed.grant(audiences: [gateway], nowSeconds: now) }
        }
    }

    @Test("keys rotate with an overlap on both sides")
    func ring() throws {
        var ring = KeyRing(nowSeconds: 0)
        let first = ring.signer(nowSeconds: 0).thumbprint
        let isEarly = ring.advance(nowSeconds: KeyRing.activeSeconds - KeyRing.aheadSeconds - 1)
        #expect(!isEarly)
        let published = KeyRing.activeSeconds - KeyRing.aheadSeconds
        let isTime = ring.advance(nowSeconds: published)
        #expect(isTime)
        #expect(ring.verificationKeys.keys.count == 2)
        #expect(ring.signer(nowSeconds: published).thumbprint == first)
        #expect(ring.signer(nowSeconds: KeyRing.activeSeconds).thumbprint != first)
        let isStill = ring.advance(nowSeconds: KeyRing.activeSeconds + KeyRing.behindSeconds - 1)
        let isOver = ring.advance(nowSeconds: KeyRing.activeSeconds + KeyRing.behindSeconds)
        #expect(!isStill && isOver)
        #expect(ring.verificationKeys.keys.count == 1)
        let again = try KeyRing(ring.serialized)
        #expect(again.verificationKeys.isSame(as: ring.verificationKeys))
        for broken in ["", "{}", "{\"keys\":[]}", "{\"keys\":[{\"kind\":\"EdDSA\"}]}"] {
            #expect(throws: GatewayError.self) { try KeyRing(Secret(broken)) }
        }
    }
}
