import Crypto
import CryptoExtras
import Foundation
import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

@Suite("Servers that give out tokens are asked in their own words")
struct TokenSourceTests {
    private static let url = "https://login.example/token"
    private static let now = 1_800_000_000

    private func oauth(
        _ server: SourceServer, _ proof: ClientProof, _ exchange: OAuthSource.Exchange? = nil, id: String? = "gate way"
    ) -> OAuthSource {
        OAuthSource(
            TokenEndpoint(Self.url, http: server.http), clientID: id, proof: proof,
            parameters: [("scope", "a b"), ("audience", "api")], exchange: exchange, wallSeconds: { Self.now })
    }

    /// The claims of a JWT, and its header.
    private func claims(_ token: String?) throws -> (header: JSONTree, claims: JSONTree) {
        let parts = try #require(token).split(separator: ".").map { Base64URL.decode(String($0)) }
        return (try JSONTree.parse(try #require(parts[0])), try JSONTree.parse(try #require(parts[1])))
    }

    // MARK: OAuth

    @Test("client credentials: in the Authorization field, each part encoded first")
    func basic() async throws {
        let server = SourceServer([Self.url: [(200, SourceServer.token)]])
        let fetched = try await oauth(server, .basic(Secret("s:+"))).fetch()
        #expect(fetched.text == "issued" && fetched.lifeMilliseconds == 3_600_000)
        #expect(server.form() == ["grant_type": "client_credentials", "scope": "a b", "audience": "api"])
        let pair = Base64Text.decode(String(server.field("authorization")?.dropFirst("Basic ".count) ?? "")) ?? []
        #expect(["gate+way:s%3A%2B", "gate%20way:s%3A%2B"].contains(String(decoding: pair, as: UTF8.self)))
    }

    @Test("client credentials: in the form")
    func post() async throws {
        let server = SourceServer([Self.url: [(200, SourceServer.token)]])
        _ = try await oauth(server, .post(Secret("hush"))).fetch()
        #expect(server.form()["client_id"] == "gate way" && server.form()["client_secret"] == "hush")
        #expect(server.field("authorization") == nil)
    }

    @Test("client credentials: by a key, which signs a minute's assertion")
    func assertion() async throws {
        let server = SourceServer([Self.url: [(200, SourceServer.token)]])
        let own = P256.Signing.PrivateKey()
        let key = try AssertionKey(pem: Secret(own.pemRepresentation))
        _ = try await oauth(server, .assertion(key, id: "k1", audience: Self.url)).fetch()
        let form = server.form()
        #expect(form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        let said = try claims(form["client_assertion"])
        #expect(said.header["alg"]?.string?.value == "ES256" && said.header["kid"]?.string?.value == "k1")
        #expect(said.claims["iss"]?.string?.value == "gate way" && said.claims["sub"]?.string?.value == "gate way")
        #expect(said.claims["aud"]?.string?.value == Self.url)
        #expect(said.claims["exp"]?.int == Self.now + 60)
        let parts = try #require(form["client_assertion"]).split(separator: ".")
        let signature = try P256.Signing.ECDSASignature(
            rawRepresentation: try #require(Base64URL.decode(String(parts[2]))))
        #expect(own.publicKey.isValidSignature(signature, for: Array("\(parts[0]).\(parts[1])".utf8)))
    }

    @Test("an exchange shows subject and actor, and says of what kind")
    func exchange() async throws {
        let server = SourceServer([Self.url: [(200, SourceServer.token)]])
        let exchange = OAuthSource.Exchange(
            subject: SubjectTokenSource { Secret("subject.token\n") },
            subjectType: "urn:ietf:params:oauth:token-type:jwt", actor: SubjectTokenSource { Secret("actor.token") },
            requestedType: "urn:ietf:params:oauth:token-type:access_token")
        _ = try await oauth(server, .none, exchange, id: nil).fetch()
        let form = server.form()
        #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange")
        #expect(form["subject_token"] == "subject.token" && form["actor_token"] == "actor.token")
        #expect(form["actor_token_type"] == "urn:ietf:params:oauth:token-type:jwt")
        #expect(form["requested_token_type"] == "urn:ietf:params:oauth:token-type:access_token")
        #expect(form["client_id"] == nil)
    }

    @Test(
        "what is no token is none, and no error holds anything that came but the protocol's own word",
        arguments: [
            (200, "<html>secret</html>"), (200, "{}"), (200, "{\"access_token\":\"a b\"}"),
            (200, "{\"access_token\":\"secret\",\"token_type\":\"DPoP\"}"),
            (200, "{\"access_token\":\"secret\",\"expires_in\":\"soon\"}"), (302, "{\"access_token\":\"secret\"}"),
            (400, "{\"error\":\"invalid_client\",\"error_description\":\"secret\"}"),
            (401, "{\"error\":\"secret Secret\"}"), (500, "secret"),
        ])
    func refused(_ status: Int, _ body: String) async {
        let server = SourceServer([Self.url: [(status, body)]])
        do {
            _ = try await oauth(server, .post(Secret("hush"))).fetch()
            Issue.record("accepted: \(body)")
        } catch {
            let said = "\(error)"
            #expect(!said.contains("secret") && !said.contains("hush"), "\(said)")
            if status == 400 { #expect(said.contains("400 invalid_client")) }
        }
        #expect(server.requests.count == 1)
    }

    @Test("a token without a lifetime is believed for five minutes")
    func lifeless() throws {
        #expect(try TokenEndpoint.read(Array("{\"access_token\":\"x\"}".utf8)).lifeMilliseconds == 300_000)
    }

    @Test(
        "a subject's token is one word",
        arguments: ["", " ", "a b", "a\nb", "ä", String(repeating: "x", count: 16_385)])
    func subject(_ text: String) {
        #expect(throws: GatewayError.self) { try SubjectTokenSource { Secret(text) }.text() }
    }

    // MARK: Google

    private func serviceAccount() throws -> (file: Secret, key: _RSA.Signing.PrivateKey) {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let object: JSONObject = [
            "type": "service_account", "client_email": "s@p.iam.gserviceaccount.com", "private_key_id": "kid-1",
            "private_key": .text(key.pemRepresentation), "token_uri": "https://attacker.example/token",
        ]
        return (Secret(JSONTree.object(object).bytes), key)
    }

    @Test("a Google service account's key signs for the endpoint that is configured, not for the one in its file")
    func google() async throws {
        let server = SourceServer([Self.url: [(200, SourceServer.token)]])
        let account = try serviceAccount()
        let source = try GoogleSource(
            keyFile: account.file,
            flow: .tokenEndpoint(
                TokenEndpoint(Self.url, http: server.http), scopes: [], subject: "ann@example.com"),
            wallSeconds: { Self.now })
        #expect(try await source.fetch().text == "issued")
        #expect(server.requests.map(\.url) == [Self.url])
        let form = server.form()
        #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer")
        let said = try claims(form["assertion"])
        #expect(said.header["alg"]?.string?.value == "RS256" && said.header["kid"]?.string?.value == "kid-1")
        #expect(said.claims["iss"]?.string?.value == "s@p.iam.gserviceaccount.com")
        #expect(said.claims["sub"]?.string?.value == "ann@example.com")
        #expect(said.claims["aud"]?.string?.value == Self.url)
        #expect(said.claims["scope"]?.string?.value == "https://www.googleapis.com/auth/cloud-platform")
        #expect(said.claims["exp"]?.int == Self.now + 3_600)
    }

    @Test("for an API that takes it, the key's own JWT, and nobody is asked")
    func selfSigned() async throws {
        let source = try GoogleSource(
            keyFile: try serviceAccount().file, flow: .selfSigned(audience: "https://aiplatform.googleapis.com/"),
            wallSeconds: { Self.now })
        let fetched = try await source.fetch()
        let said = try claims(fetched.text)
        #expect(said.claims["aud"]?.string?.value == "https://aiplatform.googleapis.com/")
        #expect(said.claims["sub"]?.string?.value == "s@p.iam.gserviceaccount.com" && said.claims["scope"] == nil)
        #expect(fetched.lifeMilliseconds == 3_600_000)
    }

    @Test("a key that is none is not quoted")
    func badKey() {
        for text in ["", "{}", "{\"client_email\":\"a\",\"private_key\":\"hush\",\"private_key_id\":\"k\"}"] {
            do {
                _ = try GoogleSource(
                    keyFile: Secret(text), flow: .selfSigned(audience: "x"), wallSeconds: { Self.now })
                Issue.record("accepted \(text)")
            } catch { #expect(!"\(error)".contains("hush")) }
        }
    }

    // MARK: Providers of models that trust the gateway's issuer

    @Test("Anthropic: a rule of its federation, with its betas")
    func anthropic() async throws {
        let server = SourceServer([Self.url: [(200, SourceServer.token)]])
        let source = FederationSource(
            .anthropic(rule: "fdrl_1", organization: "org", serviceAccount: "svac_1", workspace: nil),
            at: TokenEndpoint(Self.url, http: server.http), subject: SubjectTokenSource { Secret("jwt") },
            wallSeconds: { Self.now })
        #expect(try await source.fetch().text == "issued")
        #expect(
            server.json()
                == [
                    "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "jwt",
                    "federation_rule_id": "fdrl_1", "organization_id": "org", "service_account_id": "svac_1",
                ])
        #expect(server.field("anthropic-beta")?.contains("oidc-federation-2026-04-01") == true)
    }

    @Test("OpenAI: an exchange in JSON; OpenRouter: one in a form")
    func exchanges() async throws {
        let server = SourceServer([Self.url: [(200, SourceServer.token)]])
        let subject = SubjectTokenSource { Secret("jwt") }
        let endpoint = TokenEndpoint(Self.url, http: server.http)
        _ = try await FederationSource(
            .openai(identityProvider: "idp_1", serviceAccount: "sa_1"), at: endpoint, subject: subject,
            wallSeconds: { Self.now }
        ).fetch()
        #expect(server.json()["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange")
        #expect(server.json()["identity_provider_id"] == "idp_1" && server.json()["subject_token"] == "jwt")
        _ = try await FederationSource(
            .openrouter(policy: "p1"), at: endpoint, subject: subject, wallSeconds: { Self.now }
        ).fetch()
        #expect(server.form(1)["federation_policy_id"] == "p1")
        #expect(server.form(1)["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt")
    }

    // MARK: AWS

    private func aws(_ server: SourceServer, url: String? = nil, region: String = "eu-west-1") -> AWSSource {
        AWSSource(
            AWSSource.Settings(
                url: url, region: region, service: "bedrock", roleARN: "arn:aws:iam::123456789012:role/sluice",
                sessionName: "sluice", durationSeconds: 3_600), subject: SubjectTokenSource { Secret("web.jwt") },
            http: server.http, wallSeconds: { Self.now })
    }

    private static let keys = """
        <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>tok/en+=</SessionToken>
            <SecretAccessKey>hush</SecretAccessKey><Expiration>2027-01-15T09:00:00Z</Expiration>
            <AccessKeyId>ASIA1</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>
        </AssumeRoleWithWebIdentityResponse>
        """

    @Test("AWS: a role for whoever the token is of, at the region's own service; its keys sign")
    func role() async throws {
        let server = SourceServer(["https://sts.eu-west-1.amazonaws.com/": [(200, Self.keys)]])
        let fetched = try await aws(server).fetch()
        let form = server.form()
        #expect(form["Action"] == "AssumeRoleWithWebIdentity" && form["Version"] == "2011-06-15")
        #expect(form["RoleArn"] == "arn:aws:iam::123456789012:role/sluice" && form["DurationSeconds"] == "3600")
        #expect(form["WebIdentityToken"] == "web.jwt" && form["RoleSessionName"] == "sluice")
        guard case .signer(let signer) = fetched.credential else { throw GatewayError(.internalFault, "no signer") }
        #expect(signer.accessKeyID == "ASIA1" && signer.region == "eu-west-1" && signer.service == "bedrock")
        // 2027-01-15T09:00:00Z is an hour after this test's now.
        #expect(fetched.lifeMilliseconds == 3_600_000)
    }

    @Test("AWS: what is no answer of it gives no keys, and is not quoted")
    func noRole() async {
        let place = "https://sts.cn-north-1.amazonaws.com.cn/"
        for (status, body) in [
            (200, "hush"),
            (200, Self.keys.replacing("<AccessKeyId>", with: "<AccessKeyId>hush</AccessKeyId><AccessKeyId>")),
            (403, "<Error><Code>InvalidIdentityToken</Code><Message>hush</Message></Error>"), (500, "hush"),
        ] {
            let server = SourceServer([place: [(status, body)]])
            do {
                _ = try await aws(server, region: "cn-north-1").fetch()
                Issue.record("accepted \(body)")
            } catch {
                #expect(!"\(error)".contains("hush"))
                if status == 403 { #expect("\(error)".contains("403 InvalidIdentityToken")) }
            }
        }
    }
}
