import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayIdentity

@Suite("What a token was made from goes on counting: its budget, its end, who may act")
struct TokenOriginTests {
    private let stand = TokenServiceStand()
    private let now = TokenFixture.now

    private func grant(_ subject: Principal) throws -> TokenGrant {
        try TokenExchange.grant(
            TokenExchange.Request(subject: subject, subjectAudiences: ["a"], isOwn: true), audiences: ["a"],
            nowSeconds: now)
    }

    @Test("every token made from a key draws on the key's own account, however far it is from it")
    func budget() throws {
        let limits = [try #require(BudgetLimit("2usd/1d"))]
        let key = Principal(
            proof: .apiKey, agent: "builder", credentialID: "key_1", grant: KeyGrant(limits: limits))
        let first = try grant(key)
        #expect(first.principal.grant?.keyAccount == "key_1" && first.principal.grant?.limits == limits)
        #expect(first.claims(issuer: "a")["budget_of_key"]?.string?.value == "key_1")
        #expect(try grant(first.principal).principal.grant?.keyAccount == "key_1")
        // One that was made before tokens said so counts on the key, and so does what is made from it.
        var old = first.principal
        old.grant = KeyGrant(limits: limits)
        old.detail = PrincipalDetail(grantID: "key_1", parents: ["key_1"])
        #expect(try grant(old).principal.grant?.keyAccount == "key_1")
        // A run has an account of its own.
        var run = key
        run.grant = KeyGrant(limits: limits, account: "run_1")
        let made = try grant(run).principal.grant
        #expect(made?.account == "run_1" && made?.keyAccount == nil)
    }

    @Test("a token ends with the key of whoever acts by it, and with what that was made from")
    func actor() async throws {
        let token = try stand.token(try await stand.exchange(try stand.login.token()))
        let child = try stand.token(try await stand.exchange(token, client: nil))
        let found = try #require(stand.service.authority.find(token).principal)
        #expect(found.detail?.parents == ["t-1", "key_1"])
        let entry = Revocation(kind: .token, value: "key_1", beforeSeconds: .max, untilSeconds: now + 600)
        #expect(stand.revocations.add([entry], nowSeconds: now))
        for ended in [token, child] { #expect(stand.service.authority.find(ended).error != nil) }
    }

    @Test("a key that is blocked while a token is made from it ends that token, too")
    func blockedMeanwhile() async throws {
        let (clock, revocations, end) = (stand.clock, stand.revocations, now + 600)
        let block: @Sendable () -> Void = {
            let entry = Revocation(kind: .grant, value: "key_1", beforeSeconds: clock.now, untilSeconds: end)
            #expect(revocations.add([entry], nowSeconds: clock.now))
            // The answer takes its time: an issuer's keys are fetched, the log is written.
            clock.advance(3)
        }
        func ask() async throws -> TokenService.Response {
            try await stand.post("/oauth/token", [("grant_type", "client_credentials")], client: "key_1:agent-key")
        }
        // Too late to be noticed: it is dead when it arrives.
        stand.book.whileRecording.withLock { $0 = block }
        let own = try stand.token(try await ask())
        let exchanged = try stand.token(try await stand.exchange(try stand.login.token()))
        for token in [own, exchanged] { #expect(stand.service.authority.find(token).error != nil) }
        stand.book.whileRecording.withLock { $0 = nil }
        stand.book.afterKey.withLock { $0 = block }
        #expect(stand.code(try await ask()) == "invalid_grant")
        #expect(stand.code(try await stand.exchange(try stand.login.token())) == "invalid_grant")
    }

    @Test("in the second of a block nothing is given out that is dead already, and a second later it is")
    func blockedAndBack() async throws {
        func ask() async throws -> TokenService.Response {
            try await stand.post("/oauth/token", [("grant_type", "client_credentials")], client: "key_1:agent-key")
        }
        let entry = Revocation(kind: .grant, value: "key_1", beforeSeconds: now, untilSeconds: now + 600)
        #expect(stand.revocations.add([entry], nowSeconds: now))
        let early = try await ask()
        #expect(stand.code(early) == "invalid_grant")
        #expect(early.body?["error_description"]?.string?.value.contains("try again in 1 s") == true)
        #expect(stand.book.events.withLock { !$0.contains { $0.act == .issue } })
        stand.clock.advance(1)
        let token = try stand.token(try await ask())
        #expect(stand.service.authority.find(token, now: stand.clock.now).principal != nil)
    }

    @Test("a token whose issuer's clock is ahead is reached by what is revoked after it was shown, for good")
    func reach() throws {
        let login = TokenFixture(.p256)
        let (authority, list) = (login.authority(), login.revocations)
        let ahead = try login.token { $0["iat"] = .integer(now + 30) }
        #expect(authority.find(ahead).principal != nil)
        // Whatever its issuer made until then says at most this.
        let reach = list.reach(nowSeconds: now + 5)
        #expect(reach == now + 35)
        let entry = Revocation(kind: .user, value: "ann", beforeSeconds: reach, untilSeconds: now + 9_000)
        #expect(list.add([entry], nowSeconds: now + 5))
        for later in [6, 7, 100] { #expect(authority.find(ahead, now: now + later).error != nil) }
        // Ours was made before the clock was set back by an hour.
        let other = RevocationList()
        other.note(issuedSeconds: now, nowSeconds: now)
        #expect(other.reach(nowSeconds: now - 3_600) == now)
    }

    @Test("what keys end finds room where nothing else does, and whoever asks for more is told")
    func room() {
        let list = RevocationList()
        let many = (0..<RevocationList.entriesMax).map {
            Revocation(kind: .token, value: "t-\($0)", beforeSeconds: .max, untilSeconds: now + 9)
        }
        #expect(list.hasRoom(for: many.count, nowSeconds: now) && list.add(many, nowSeconds: now))
        let ended = Revocation(kind: .grant, value: "key_1", beforeSeconds: now, untilSeconds: now + 9)
        #expect(!list.hasRoom(for: 1, nowSeconds: now) && !list.add([ended], nowSeconds: now))
        let version = list.version
        list.addAll([ended], nowSeconds: now)
        #expect(list.version > version)
        let made = Principal(
            proof: .token, credentialID: "x", detail: PrincipalDetail(parents: ["key_1"], issuedSeconds: now))
        #expect(list.reason(against: made)?.value == "key_1")
        // Once they are over there is room again.
        #expect(list.hasRoom(for: many.count, nowSeconds: now + 9))
    }

    @Test("a user who acts for another is revoked in that part, too")
    func actingUser() {
        let list = RevocationList()
        let principal = Principal(
            proof: .token, user: "ann", agent: "ben", credentialID: "t-1",
            detail: PrincipalDetail(delegation: [Delegate(subject: "cid"), Delegate(subject: "ben")], issuedSeconds: 1))
        #expect(list.add([Revocation(kind: .user, value: "dan", beforeSeconds: 9, untilSeconds: 9)], nowSeconds: 1))
        #expect(list.reason(against: principal) == nil)
        #expect(list.add([Revocation(kind: .user, value: "ben", beforeSeconds: 9, untilSeconds: 9)], nowSeconds: 1))
        #expect(list.reason(against: principal) != nil)
    }

    @Test("what is known to be revoked is no news: tokens that were checked need not be checked again")
    func noNews() {
        let list = RevocationList()
        let entry = Revocation(kind: .token, value: "key_1", beforeSeconds: 5, untilSeconds: 9)
        #expect(list.add([entry], nowSeconds: 1))
        let version = list.version
        #expect(list.add([entry], nowSeconds: 1) && list.version == version)
        let wider = Revocation(kind: .token, value: "key_1", beforeSeconds: 6, untilSeconds: 9)
        #expect(list.add([wider], nowSeconds: 1) && list.version > version)
    }

    @Test("T11: may_act is not lost on the way through a narrower token")
    func mayAct() async throws {
        let subject = try stand.login.token { $0["may_act"] = ["sub": "planner"] }
        #expect(stand.code(try await stand.exchange(subject)) == "invalid_grant")
        let narrow = try stand.token(try await stand.exchange(subject, client: nil))
        #expect(stand.code(try await stand.exchange(narrow)) == "invalid_grant")
        let own = try stand.login.token { $0["may_act"] = ["sub": "builder"] }
        let passed = try stand.token(try await stand.exchange(own, client: nil))
        #expect(try await stand.exchange(passed).status == 200)
    }

    @Test("T13: an assertion that is bound to a key makes an actor only of whoever holds it")
    func boundClient() async throws {
        let holder = SigningKey(.p256)
        let assertion = try stand.login.token {
            $0["sub"] = "builder"
            $0["cnf"] = ["jkt": .text(holder.thumbprint)]
        }
        let client = [
            ("client_assertion", assertion),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ]
        let subject = try stand.login.token()
        #expect(stand.code(try await stand.exchange(subject, client, client: nil)) == "invalid_grant")
        let claims: JSONObject = [
            "jti": "1", "htm": "POST", "htu": "https://gw.example/oauth/token", "iat": .integer(now),
        ]
        let proof = try holder.sign(claims, header: ["typ": "dpop+jwt", "jwk": .object(holder.publicMembers)])
        #expect(try await stand.exchange(subject, client, client: nil, proofs: [proof]).status == 200)
    }

    @Test("T16: what was found with keys that are gone by the time it is kept is not kept")
    func late() {
        let cache = TokenCache()
        let digest = TokenDigest(Array("t".utf8))
        let entry = TokenCache.Entry(principal: .anonymous, expiresSeconds: now + 9, revocationVersion: 1)
        let before = cache.epoch
        cache.insert(entry, for: digest, epoch: before)
        #expect(cache.find(digest, nowSeconds: now) != nil)
        cache.removeAll()
        cache.insert(entry, for: digest, epoch: before)
        #expect(cache.find(digest, nowSeconds: now) == nil)
        cache.insert(entry, for: digest, epoch: cache.epoch)
        #expect(cache.find(digest, nowSeconds: now) != nil)
    }
}
