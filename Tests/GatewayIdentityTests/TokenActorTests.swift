import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayIdentity

@Suite("Who acts for somebody is who was meant, and gains nothing by it")
struct TokenActorTests {
    private let stand = TokenServiceStand()
    private let now = TokenFixture.now

    /// A token of the gateway's own for somebody else's assertion.
    private func own(_ assertion: String) async throws -> String {
        try stand.token(
            try await stand.post(
                "/oauth/token",
                [("grant_type", TokenService.GrantType.assertion.rawValue), ("assertion", assertion)]))
    }

    @Test("T06: somebody of another issuer who is called like an agent of ours is not that agent")
    func namesakes() async throws {
        let subject = try stand.login.token()
        let namesake = try stand.partnerToken("builder")
        // Nor does it become one of ours on the way through a token of the gateway.
        for token in [namesake, try await own(namesake)] {
            let answer = try await stand.exchange(subject, stand.actor(token), client: nil)
            #expect(stand.code(answer) == "invalid_grant", "\(answer.body?.compactText ?? "")")
        }
        let meant = try stand.partnerToken("helper")
        for token in [meant, try await own(meant)] {
            let made = try stand.token(try await stand.exchange(subject, stand.actor(token), client: nil))
            let found = try #require(stand.service.authority.find(made).principal)
            #expect(found.delegation == [Delegate(subject: "helper", issuer: TokenServiceStand.partnerIssuer)])
            #expect(found.detail?.origin == TokenFixture.issuer)
            #expect(found.detail?.actingOrigin == TokenServiceStand.partnerIssuer)
        }
    }

    @Test("T06: whoever is literally called as somebody of another issuer is written is not meant by that")
    func marked() async throws {
        let written = TokenServiceStand.partnerIssuer + "#helper"
        let subject = try stand.login.token()
        let impostor = try stand.login.token { $0["sub"] = .text(written) }
        for token in [impostor, try await own(impostor)] {
            #expect(stand.code(try await stand.exchange(subject, stand.actor(token), client: nil)) == "invalid_grant")
        }
        // Nor is a key, nor by may_act.
        stand.book.agent.withLock { $0.agent = written }
        #expect(stand.code(try await stand.exchange(subject)) == "invalid_grant")
        let may = try stand.login.token { $0["may_act"] = ["sub": .text(written)] }
        #expect(stand.code(try await stand.exchange(may)) == "invalid_grant")
        func isAllowed(_ name: String, of origin: String?, by pattern: String) -> Bool {
            var request = TokenExchange.Request(
                subject: Principal(proof: .token, user: "ann"), subjectAudiences: ["a"], isOwn: false)
            request.actor = Principal(proof: .token, agent: name)
            request.actors = [NamePattern(pattern)]
            (request.issuer, request.origin, request.actorOrigin) = ("https://gw", "https://a.example", origin)
            let asked = request
            return (try? TokenExchange.grant(asked, audiences: ["a"], nowSeconds: now)) != nil
        }
        #expect(isAllowed("helper", of: "https://b.example", by: "https://*.example#helper"))
        #expect(!isAllowed("b.example#helper", of: "https://a.example", by: "https://*.example#helper"))
        #expect(isAllowed("b#helper", of: "https://b.example", by: "https://b.example#b#*"))
        #expect(isAllowed("helper", of: nil, by: "https://gw#helper"))
        #expect(isAllowed("helper", of: nil, by: "*") && !isAllowed("https://b.example#helper", of: nil, by: "*"))
    }

    @Test("T11: what one issuer's provider allows does not count for another's users, not even in a token of our own")
    func actorsOfOthers() async throws {
        let bob = try stand.partnerToken("bob")
        #expect(stand.code(try await stand.exchange(bob)) == "invalid_grant")
        let narrow = try stand.token(try await stand.exchange(bob, client: nil))
        #expect(stand.code(try await stand.exchange(narrow)) == "invalid_grant")
        #expect(stand.code(try await stand.exchange(try await own(bob))) == "invalid_grant")
        // Ann's issuer does allow it, and so does a run of the gateway's own.
        let ann = try stand.token(try await stand.exchange(try stand.login.token(), client: nil))
        #expect(try await stand.exchange(ann).status == 200)
        var draft = TokenDraft()
        draft.user = "ada"
        let run = try stand.service.sign(try draft.grant(audiences: stand.service.audiences, nowSeconds: now))
        #expect(try await stand.exchange(run).status == 200)
    }

    @Test("T11: may_act without an issuer means one of ours or of the subject's own")
    func mayAct() async throws {
        func code(_ mayAct: JSONTree, _ actor: String) async throws -> String? {
            let subject = try stand.login.token { $0["may_act"] = mayAct }
            return stand.code(try await stand.exchange(subject, stand.actor(actor), client: nil))
        }
        let helper = try stand.partnerToken("helper")
        let issuer = JSONTree.text(TokenServiceStand.partnerIssuer)
        #expect(try await code(["sub": "helper"], helper) == "invalid_grant")
        #expect(try await code(["sub": "helper", "iss": .text(TokenFixture.issuer)], helper) == "invalid_grant")
        for token in [helper, try await own(helper)] {
            #expect(try await code(["sub": "helper", "iss": issuer], token) == nil)
        }
        let colleague = try stand.login.token { $0["sub"] = "cid" }
        #expect(try await code(["sub": "cid"], colleague) == nil)
        let ours = try stand.login.token { $0["may_act"] = ["sub": "builder", "iss": .text(TokenServiceStand.issuer)] }
        #expect(try await stand.exchange(ours).status == 200)
    }

    @Test("T22: a workload is who its trust domain says, and nobody else's subject is")
    func workloads() throws {
        func isAllowed(_ name: String, of origin: String?) -> Bool {
            var request = TokenExchange.Request(
                subject: Principal(proof: .token, user: "ann"), subjectAudiences: ["a"], isOwn: false)
            request.actor = Principal(proof: .workload, agent: name)
            request.actors = [NamePattern("spiffe://prod.example/ci/*")]
            (request.origin, request.actorOrigin) = ("https://login.example", origin)
            do {
                _ = try TokenExchange.grant(request, audiences: ["a"], nowSeconds: now)
                return true
            } catch { return false }
        }
        #expect(isAllowed("spiffe://prod.example/ci/7", of: "spiffe://prod.example"))
        #expect(!isAllowed("spiffe://prod.example/ci/7", of: "spiffe://prod.exam"))
        #expect(!isAllowed("spiffe://prod.example/ci/7", of: "https://partner.example"))
        #expect(!isAllowed("spiffe://prod.example/web", of: "spiffe://prod.example"))
    }

    @Test("T06: an issuer that calls its token like a key of ours neither is that key nor can end it")
    func borrowedID() async throws {
        let made = try stand.token(
            try await stand.post("/oauth/token", [("grant_type", "client_credentials")], client: "key_1:agent-key"))
        for id in ["key_1", try #require(stand.service.authority.find(made).principal?.credentialID)] {
            let forged = try stand.partner.token {
                $0["iss"] = .text(TokenServiceStand.partnerIssuer)
                $0["jti"] = .text(id)
            }
            let told = try #require(stand.service.authority.find(try await own(forged)).principal)
            #expect(told.originCredentialID != id && told.detail?.parents.contains(id) == false)
            #expect(try await stand.post("/oauth/revoke", [("token", forged)]).status == 200)
        }
        #expect(stand.service.authority.find(made).principal != nil)
    }

    @Test("an actor's own bounds hold in what it gets: its budget, and whom it may be known to")
    func bounds() async throws {
        let limits = [try #require(BudgetLimit("3requests/1d"))]
        stand.book.agent.withLock { $0.grant = KeyGrant(limits: limits) }
        let made = try stand.token(try await stand.exchange(try stand.login.token()))
        let grant = try #require(stand.service.authority.find(made).principal?.grant)
        #expect(grant.limits == limits && grant.keyAccount == "key_1" && grant.account == nil)
        // A subject's own budget is what its work is paid from.
        var request = TokenExchange.Request(
            subject: Principal(proof: .token, user: "ann", grant: KeyGrant(limits: [], account: nil)),
            subjectAudiences: ["a", "b"], isOwn: true)
        let run = [try #require(BudgetLimit("2usd/total"))]
        request.subject.grant = KeyGrant(limits: run, account: "run_1")
        request.actor = stand.book.agent.withLock { $0 }
        request.actors = [NamePattern("builder")]
        request.actorAudiences = ["a"]
        let paid = try TokenExchange.grant(request, audiences: ["a", "b"], nowSeconds: now)
        #expect(paid.principal.grant?.limits == run && paid.principal.grant?.account == "run_1")
        #expect(paid.audiences == ["a"])
        request.audiences = ["b"]
        let wider = request
        #expect(throws: TokenServiceError.self) {
            try TokenExchange.grant(wider, audiences: ["a", "b"], nowSeconds: now)
        }
    }
}
