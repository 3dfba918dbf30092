import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayIdentity

@Suite("A token stays in its family: it is bound, it cannot be renewed, rewritten or given to another")
struct TokenFamilyTests {
    private let stand = TokenServiceStand()
    private static let grants = [
        "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "authorization_code", "implicit",
    ]

    @Test("T14: a token bound to a certificate is taken from nobody else")
    func certificate() async throws {
        let (own, other) = (String(repeating: "A", count: 43), String(repeating: "B", count: 43))
        let bound = try stand.token(
            try await stand.exchange(try stand.login.token(), [("bind", "certificate")], certificate: own))
        #expect(stand.service.authority.find(bound).principal?.detail?.confirmation == .certificate(own))
        let told = try await stand.post("/oauth/introspect", [("token", bound)], client: "key_1:agent-key")
        #expect(told.body?["token_type"]?.string?.value == "Bearer")
        for shown in [nil, other] {
            let refused = try await stand.exchange(bound, client: nil, certificate: shown)
            #expect(stand.code(refused) == "invalid_grant", "\(shown ?? "none")")
        }
        #expect(try await stand.exchange(bound, client: nil, certificate: own).status == 200)
    }

    @Test("T18: there is nothing to renew with, so nothing that could be used twice", arguments: grants)
    func noRefresh(grant: String) async throws {
        let first = try await stand.exchange(try stand.login.token())
        #expect(first.body?["refresh_token"] == nil)
        let again = try await stand.post(
            "/oauth/token",
            [("grant_type", grant), ("refresh_token", try stand.token(first)), ("code", "x"), ("device_code", "x")],
            client: "key_1:agent-key")
        #expect(stand.code(again) == "unsupported_grant_type")
    }

    @Test("T18: the end of one token is the end of all that were made from it, however far")
    func family() async throws {
        let first = try stand.token(
            try await stand.post("/oauth/token", [("grant_type", "client_credentials")], client: "key_1:agent-key"))
        var family = [first]
        for _ in 0..<4 {
            family.append(
                try stand.token(try await stand.exchange(try #require(family.last), client: nil)))
        }
        #expect(try await stand.post("/oauth/revoke", [("token", family[1])]).status == 200)
        #expect(stand.service.authority.find(first).principal != nil)
        for member in family.dropFirst() {
            #expect(stand.service.authority.find(member).error != nil)
            #expect(stand.code(try await stand.exchange(member, client: nil)) == "invalid_grant")
        }
    }

    @Test(
        "T23: whose token it is cannot be asked for: subject, run and grant stay",
        arguments: ["sub", "user", "run", "grant", "tenant", "groups", "act", "may_act", "jti"])
    func subject(field: String) async throws {
        let first = try stand.token(try await stand.exchange(try stand.login.token { $0["sid"] = "s-1" }))
        let before = try #require(stand.service.authority.find(first).principal)
        let second = try await stand.exchange(first, [(field, "root")], client: nil)
        let after = try #require(stand.service.authority.find(try stand.token(second)).principal)
        #expect(after.user == "ann" && after.agent == "builder" && after.tenant == nil && after.groups == before.groups)
        #expect(after.run == before.run && before.run != nil)
        #expect(after.detail?.grantID == before.detail?.grantID)
        #expect(after.session == "s-1" && after.delegation == before.delegation)
    }

    @Test(
        "T23: a transaction token is none of the gateway's, to be had or to be replaced",
        arguments: ["subject_token_type", "requested_token_type", "actor_token_type"])
    func transaction(field: String) async throws {
        let type = "urn:ietf:params:oauth:token-type:txn_token"
        var fields = [
            ("grant_type", TokenService.GrantType.exchange.rawValue), ("subject_token", try stand.login.token()),
            (field, type),
        ]
        if field != "subject_token_type" {
            fields.append(("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"))
        }
        let answer = try await stand.post("/oauth/token", fields, client: "key_1:agent-key")
        #expect(stand.code(answer) == "invalid_request")
    }

    @Test("T26: a chain with a link taken out, a fact put in or a head of another is no token")
    func attenuation() async throws {
        let token = try stand.token(try await stand.exchange(try stand.login.token { $0["scope"] = "read" }))
        let other = try stand.token(try await stand.exchange(try stand.login.token { $0["scope"] = "read write" }))
        let parts = token.split(separator: ".").map(String.init)
        let foreign = other.split(separator: ".").map(String.init)
        let claims = try #require(Base64URL.decode(parts[1]).flatMap { try? JSONTree.parse($0) }?.object)
        func changed(_ change: (inout JSONObject) -> Void) -> String {
            var copy = claims
            change(&copy)
            return "\(parts[0]).\(Base64URL.encode(JSONTree.object(copy).bytes)).\(parts[2])"
        }
        #expect(stand.service.authority.find(token).principal != nil)
        let attempts = [
            changed { $0["act"] = nil }, changed { $0["scope"] = "read write" }, changed { $0["parents"] = nil },
            changed { $0["groups"] = ["admin"] }, changed { $0["exp"] = .integer(4_000_000_000) },
            changed { $0["user"] = "root" },
            "\(foreign[0]).\(parts[1]).\(foreign[2])", "\(parts[0]).\(foreign[1]).\(parts[2])",
        ]
        for attempt in attempts {
            #expect(stand.service.authority.find(attempt).principal == nil)
            #expect(stand.code(try await stand.exchange(attempt, client: nil)) == "invalid_grant")
        }
    }

    @Test("T25: a clock that is set within the leeway changes nothing, beyond it tokens wait, and come back with it")
    func clock() throws {
        let login = TokenFixture(.p256)
        let authority = login.authority()
        let token = try login.token()
        let skew = authority.rules.skewSeconds
        // Not yet, just so, for its life, just so, not any more; the same when the clock goes back over it.
        let steps = [
            (-skew - 1, false), (-skew, true), (0, true), (599, true), (600 + skew - 1, true), (600 + skew, false),
        ]
        for (step, isGood) in steps + steps.reversed() + steps {
            let found = authority.find(token, now: TokenFixture.now + step).principal
            #expect((found != nil) == isGood, "\(step)")
        }
    }

    // MARK: What is written down

    @Test("a token is written down before it leaves: whose it is, who acts, what it is made from; and never shown")
    func recorded() async throws {
        let subject = try stand.login.token { $0["scope"] = "read" }
        let answer = try await stand.exchange(subject, [("models", "fast")])
        let token = try stand.token(answer)
        let event = try #require(stand.book.events.withLock { $0.last })
        let made = try #require(stand.service.authority.find(token).principal)
        #expect(event.act == .issue && event.operation == "token.exchange")
        #expect(event.principal.user == "ann" && event.principal.delegation.map(\.subject) == ["builder"])
        #expect(event.actor?.agent == "builder" && event.client?.credentialID == "key_1")
        #expect(event.tokenHash == TokenEvent.hash(try #require(made.credentialID)))
        #expect(event.subjectHash == TokenEvent.hash("t-1"))
        #expect(event.principal.run == answer.body?["run"]?.string?.value && event.principal.run != nil)
        #expect(event.principal.grant?.models.map(\.description) == ["fast"])
        #expect(event.principal.scopes == ["read"] && event.audiences == [TokenServiceStand.issuer])
        let text = "\(event)"
        for secret in [subject, token, "agent-key"] { #expect(!text.contains(secret)) }
    }

    @Test("what cannot be written down is not done: no token leaves, and nothing is revoked")
    func unrecorded() async throws {
        let token = try stand.token(try await stand.exchange(try stand.login.token()))
        stand.book.isShut.withLock { $0 = true }
        let refused = try await stand.exchange(try stand.login.token())
        #expect(refused.status == 503 && stand.code(refused) == "temporarily_unavailable")
        #expect(refused.body?["access_token"] == nil)
        #expect(try await stand.post("/oauth/revoke", [("token", token)]).status == 503)
        #expect(stand.service.authority.find(token).principal != nil)
        stand.book.isShut.withLock { $0 = false }
        #expect(try await stand.post("/oauth/revoke", [("token", token)]).status == 200)
        #expect(stand.service.authority.find(token).error != nil)
        #expect(stand.book.events.withLock { $0.last }?.act == .revoke)
    }

    @Test("every refusal is told, with what was known of the caller")
    func refusals() async throws {
        let subject = try stand.login.token { $0["scope"] = "read" }
        _ = try await stand.exchange(subject, [("scope", "admin")])
        _ = try await stand.post("/oauth/token", [("grant_type", "client_credentials")], client: "key_1:wrong")
        _ = try await stand.post("/oauth/introspect", [("token", "rubbish")], client: "key_1:agent-key")
        _ = try await stand.post("/oauth/revoke", [("token", "rubbish")])
        _ = await stand.service.respond(TokenService.Request(method: "GET", path: "/oauth/whoami"))
        let events = stand.book.events.withLock { $0 }
        #expect(events.allSatisfy { $0.act == .refuse && !$0.reason.isEmpty })
        #expect(
            events.map { "\($0.operation) \($0.error)" } == [
                "token.exchange invalid_scope", "token.client_credentials invalid_client",
                "token.introspect inactive", "token.revoke inactive", "token.whoami invalid_token",
            ])
        #expect(events[0].principal.user == "ann" && events[0].client?.agent == "builder")
        #expect(events[2].client?.agent == "builder")
    }
}
