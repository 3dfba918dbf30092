import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

@Suite("The token service gives out what it may, and takes it back")
struct TokenServiceTests {
    private typealias Stand = TokenServiceStand

    private func token(_ response: TokenService.Response) throws -> String {
        try #require(response.body?["access_token"]?.string?.value, "\(response.body?.compactText ?? "")")
    }

    private func code(_ response: TokenService.Response) -> String? { response.body?["error"]?.string?.value }

    @Test("a user's token and an agent's key become a token that names both")
    func exchange() async throws {
        let stand = Stand()
        let response = try await stand.exchange(try stand.login.token { $0["scope"] = "read write" })
        #expect(response.status == 200)
        #expect(response.body?["token_type"]?.string?.value == "Bearer")
        #expect(response.body?["issued_token_type"] != nil)
        #expect(response.body?["expires_in"]?.int == 600)
        #expect(response.fields.contains { $0.name == "cache-control" && $0.value == "no-store" })
        let found = try #require(stand.service.authority.find(try token(response)).principal)
        #expect(found.user == "ann" && found.agent == "builder")
        #expect(found.delegation.map(\.subject) == ["builder"])
        #expect(found.scopes == ["read", "write"])
        #expect(found.issuer == Stand.issuer)
        // Nobody else may.
        let stranger = try await stand.post(
            "/oauth/token", [("grant_type", "client_credentials")], client: "key_2:agent-key")
        #expect(stranger.status == 401 && code(stranger) == "invalid_client")
    }

    @Test(
        "the three ways, and what is none",
        arguments: [
            ("client_credentials", 200), ("password", 400), ("", 400), ("authorization_code", 400),
        ])
    func grants(type: String, status: Int) async throws {
        let stand = Stand()
        let response = try await stand.post("/oauth/token", [("grant_type", type)], client: "key_1:agent-key")
        #expect(response.status == status)
    }

    @Test("RFC 7523: an assertion of an issuer that is believed")
    func assertion() async throws {
        let stand = Stand()
        let type = TokenService.GrantType.assertion.rawValue
        let good = try await stand.post(
            "/oauth/token", [("grant_type", type), ("assertion", try stand.login.token())])
        #expect(stand.service.authority.find(try token(good)).principal?.user == "ann")
        let own = try await stand.post("/oauth/token", [("grant_type", type), ("assertion", try token(good))])
        #expect(code(own) == "invalid_grant")
        let other = TokenFixture(.p256)
        let forged = try await stand.post("/oauth/token", [("grant_type", type), ("assertion", try other.token())])
        #expect(code(forged) == "invalid_grant")
    }

    @Test("T10: what is asked for beyond the subject's own")
    func widening() async throws {
        let stand = Stand()
        let subject = try stand.login.token { $0["scope"] = "read" }
        #expect(code(try await stand.exchange(subject, [("scope", "read admin")])) == "invalid_scope")
        #expect(code(try await stand.exchange(subject, [("audience", "https://evil.example")])) == "invalid_target")
        #expect(code(try await stand.exchange(subject, [("scope", "read"), ("scope", "read")])) == "invalid_request")
        #expect(code(try await stand.exchange("rubbish")) == "invalid_grant")
        #expect(
            code(
                try await stand.exchange(
                    subject, [("requested_token_type", "urn:ietf:params:oauth:token-type:id_token")]))
                == "invalid_request")
    }

    @Test("a token bound to a key is made, shown with proof, and not taken from anybody else")
    func bound() async throws {
        let stand = Stand()
        let holder = SigningKey(.p256)
        func proof(_ id: String, _ key: SigningKey? = nil) throws -> String {
            let key = key ?? holder
            let claims: JSONObject = [
                "jti": .text(id), "htm": "POST", "htu": "https://gw.example/oauth/token",
                "iat": .integer(TokenFixture.now),
            ]
            return try key.sign(claims, header: ["typ": "dpop+jwt", "jwk": .object(key.publicMembers)])
        }
        let response = try await stand.exchange(try stand.login.token(), proofs: [try proof("1")])
        #expect(response.body?["token_type"]?.string?.value == "DPoP")
        let made = try token(response)
        let found = stand.service.authority.find(made).principal
        #expect(found?.detail?.confirmation == .proofKey(holder.thumbprint))
        // To pass it on one must hold its key.
        #expect(code(try await stand.exchange(made, client: nil)) == "invalid_grant")
        #expect(
            code(try await stand.exchange(made, client: nil, proofs: [try proof("2", SigningKey(.p256))]))
                == "invalid_grant")
        #expect(try await stand.exchange(made, client: nil, proofs: [try proof("3")]).status == 200)
        let again = try await stand.exchange(made, client: nil, proofs: [try proof("3")])
        #expect(code(again) == "invalid_dpop_proof")
        #expect(again.fields.contains { $0.name == "dpop-nonce" })
    }

    @Test("T17: a revoked token is worth nothing at once, and so is what was made from it")
    func revocation() async throws {
        let stand = Stand()
        let first = try token(
            try await stand.post(
                "/oauth/token", [("grant_type", "client_credentials")], client: "key_1:agent-key"))
        let child = try token(try await stand.exchange(first, client: nil))
        let active = try await stand.post("/oauth/introspect", [("token", first)], client: "key_1:agent-key")
        #expect(active.body?["active"]?.bool == true)
        #expect(active.body?["client_id"] != nil)
        #expect(try await stand.post("/oauth/revoke", [("token", first)]).status == 200)
        #expect(stand.service.authority.find(first).error != nil)
        #expect(stand.service.authority.find(child).error != nil)
        let gone = try await stand.post("/oauth/introspect", [("token", first)], client: "key_1:agent-key")
        #expect(gone.body == ["active": false])
        // RFC 7009: one that is not known is no error. RFC 7662: who asks must say who it is.
        #expect(try await stand.post("/oauth/revoke", [("token", "rubbish")]).status == 200)
        #expect(try await stand.post("/oauth/introspect", [("token", first)]).status == 401)
    }

    @Test("the documents name each other")
    func documents() async throws {
        let stand = Stand()
        for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
            let found = try #require(await stand.service.respond(TokenService.Request(method: "GET", path: path)))
            #expect(found.body?["issuer"]?.string?.value == Stand.issuer)
            #expect(found.body?["jwks_uri"]?.string?.value == Stand.issuer + "/oauth/jwks")
        }
        let keys = try #require(await stand.service.respond(TokenService.Request(method: "GET", path: "/oauth/jwks")))
        let tree = try #require(keys.body)
        #expect(try VerificationKeySet.parse(tree.bytes).keys.count == 1)
        #expect(!tree.compactText.contains("\"d\""))
        #expect(await stand.service.respond(TokenService.Request(method: "GET", path: "/oauth/token"))?.status == 405)
        #expect(await stand.service.respond(TokenService.Request(method: "GET", path: "/oauth/other")) == nil)
    }

    @Test("hostile bodies", arguments: ["%", "a=%zz", "grant_type", "=&=&", "\u{FFFD}=1", "{\"grant_type\":{}}"])
    func hostile(body: String) async throws {
        let stand = Stand()
        for type in ["application/x-www-form-urlencoded", "application/json", "text/plain", nil] {
            var request = TokenService.Request(method: "POST", path: "/oauth/token", body: Array(body.utf8))
            request.contentType = type
            #expect(await stand.service.respond(request)?.status == 400)
        }
    }

    @Test("RFC 8693: a token for several, each of which is checked; nothing that is asked for is left out")
    func audiences() async throws {
        let stand = Stand()
        let both = [("audience", Stand.issuer), ("audience", Stand.vendor), ("resource", Stand.vendor)]
        let made = try token(try await stand.exchange(try stand.login.token(), both))
        #expect(stand.service.authority.find(made).principal?.detail?.audiences == [Stand.issuer, Stand.vendor])
        let other = both + [("resource", "https://evil.example")]
        #expect(code(try await stand.exchange(try stand.login.token(), other)) == "invalid_target")
        let subject = try stand.login.token { $0["scope"] = "read write" }
        func send(_ more: JSONObject) async throws -> TokenService.Response {
            var body: JSONObject = [
                "grant_type": .text(TokenService.GrantType.exchange.rawValue), "subject_token": .text(subject),
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            ]
            for member in more.members { body[member.name.value] = member.value }
            var request = TokenService.Request(
                method: "POST", path: "/oauth/token", body: JSONTree.object(body).bytes)
            request.contentType = "application/json"
            return try #require(await stand.service.respond(request))
        }
        let list: JSONTree = [.text(Stand.issuer), .text(Stand.vendor)]
        let listed = try token(try await send(["audience": list, "requested_expires_in": .integer(60)]))
        let found = try #require(stand.service.authority.find(listed).principal?.detail)
        #expect(found.audiences == [Stand.issuer, Stand.vendor])
        #expect(found.expiresSeconds == TokenFixture.now + 60)
        #expect(try await send(["unknown": [true], "models": .null]).status == 200)
        for wrong: JSONObject in [["scope": ["read"]], ["models": ["fast"]], ["audience": [true]], ["bind": true]] {
            #expect(code(try await send(wrong)) == "invalid_request")
        }
    }

    @Test("T13, T14: whoami tells of a bound token only whoever holds its key")
    func boundWhoAmI() async throws {
        let stand = Stand()
        let (holder, other) = (SigningKey(.p256), SigningKey(.p256))
        func proof(_ token: String?, _ key: SigningKey, _ path: String, _ method: String) throws -> String {
            var claims: JSONObject = [
                "jti": .text(TokenID.make()), "htm": .text(method), "htu": .text("https://gw.example\(path)"),
                "iat": .integer(TokenFixture.now),
            ]
            claims["ath"] = token.map { .text(TokenDigest(Array($0.utf8)).base64URL) }
            return try key.sign(claims, header: ["typ": "dpop+jwt", "jwk": .object(key.publicMembers)])
        }
        func status(_ field: String, _ proofs: [String] = [], certificate: String? = nil) async throws -> Int? {
            var request = TokenService.Request(method: "GET", path: "/oauth/whoami")
            (request.authorization, request.proofs, request.certificate) = (field, proofs, certificate)
            let answer = await stand.service.respond(request)
            #expect(answer?.status == 200 || answer?.body?["user"] == nil)
            return answer?.status
        }
        let bound = try token(
            try await stand.exchange(
                try stand.login.token(), proofs: [try proof(nil, holder, "/oauth/token", "POST")]))
        func good(_ key: SigningKey) throws -> String { try proof(bound, key, "/oauth/whoami", "GET") }
        #expect(try await status("Bearer \(bound)") == 401)
        #expect(try await status("DPoP \(bound)") == 401)
        #expect(try await status("Bearer \(bound)", [try good(holder)]) == 401)
        #expect(try await status("DPoP \(bound)", [try good(other)]) == 401)
        #expect(try await status("DPoP \(bound)", [try proof(nil, holder, "/oauth/whoami", "GET")]) == 401)
        #expect(try await status("DPoP \(bound)", [try good(holder), try good(holder)]) == 401)
        let once = try good(holder)
        #expect(try await status("DPoP \(bound)", [once]) == 200)
        #expect(try await status("DPoP \(bound)", [once]) == 401)
        let (own, stranger) = (String(repeating: "A", count: 43), String(repeating: "B", count: 43))
        let certified = try token(
            try await stand.exchange(try stand.login.token(), [("bind", "certificate")], certificate: own))
        #expect(try await status("Bearer \(certified)") == 401)
        #expect(try await status("Bearer \(certified)", certificate: stranger) == 401)
        #expect(try await status("Bearer \(certified)", certificate: own) == 200)
    }

    @Test("whoami says who, by what, and nothing to whom it does not know")
    func whoAmI() async throws {
        let stand = Stand()
        var request = TokenService.Request(method: "GET", path: "/oauth/whoami")
        #expect(await stand.service.respond(request)?.status == 401)
        request.authorization = "Bearer agent-key"
        #expect(await stand.service.respond(request)?.body?["agent"]?.string?.value == "builder")
        request.authorization = "Bearer " + (try stand.login.token())
        let found = await stand.service.respond(request)?.body
        #expect(found?["user"]?.string?.value == "ann")
        #expect(found?["provenBy"]?["user"]?.string?.value == "token of https://login.example")
    }
}
