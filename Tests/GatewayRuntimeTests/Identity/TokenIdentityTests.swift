import Foundation
import GatewayIdentity
import GatewayModel
import GatewayRuntime
import GatewayWire
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@Suite("tokens of an issuer let in, and what it does not say lets nobody in", .timeLimit(.minutes(1)))
struct TokenIdentityTests {
    /// An issuer on a port of its own.
    private final class Issuer: Sendable {
        let key = SigningKey(.p256)
        private let state = Mutex((keys: [SigningKey](), url: "", fetches: 0))
        let server: MockHTTPServer

        static func start() async throws -> Issuer {
            let box = Mutex<Issuer?>(nil)
            let shared = SharedBox(box: { box.withLock { $0 } })
            var options = MockHTTPServer.Options()
            options.answer = { request in shared.box()?.answer(request) }
            let issuer = Issuer(try await MockHTTPServer.start(options))
            box.withLock { $0 = issuer }
            return issuer
        }

        private struct SharedBox: Sendable { var box: @Sendable () -> Issuer? }

        private init(_ server: MockHTTPServer) {
            self.server = server
            state.withLock {
                $0.keys = [key]
                $0.url = "http://127.0.0.1:\(server.port)"
            }
        }

        var url: String { state.withLock { $0.url } }
        var fetches: Int { state.withLock { $0.fetches } }
        func publish(_ keys: [SigningKey]) { state.withLock { $0.keys = keys } }

        private func answer(_ request: MockRequest) -> [MockStep]? {
            let body: JSONTree = state.withLock { state in
                if request.target.hasPrefix("/.well-known") {
                    return ["issuer": .text(state.url), "jwks_uri": .text(state.url + "/keys")]
                }
                state.fetches += 1
                return ["keys": .array(state.keys.map { .object($0.publishedMembers) })]
            }
            return [
                .head(200, [Header("content-type", "application/json")]), .chunk(ByteBuffer(bytes: body.bytes)),
                .end([]),
            ]
        }

        func token(
            _ key: SigningKey? = nil, type: String = "at+jwt", _ change: (inout JSONObject) -> Void = { _ in }
        ) throws -> String {
            let key = key ?? self.key
            let now = Int(Date().timeIntervalSince1970)
            var claims: JSONObject = [
                "iss": .text(url), "sub": "ann", "aud": "sluice", "iat": .integer(now), "exp": .integer(now + 300),
                "jti": "t-1", "org": "acme", "scope": "read write",
            ]
            change(&claims)
            return try key.sign(claims, header: ["typ": .text(type), "kid": .text(key.thumbprint)])
        }
    }

    private static func run(
        _ settings: String = "", _ body: (GatewayRig, MockHTTPServer, Issuer) async throws -> Void
    ) async throws {
        let issuer = try await Issuer.start()
        let mock = try await MockHTTPServer.start()
        let rest = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: IdentityProvider
            metadata: {name: login}
            spec:
              type: OIDC
              oidc: {issuer: "\(issuer.url)", audiences: [sluice]\(settings)}
              claims: {tenant: claims.org}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: TrafficPolicy
            metadata: {name: who}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: app}]
              authentication: {providers: [login]}
            """
        try await GatewayRig.run(GatewayRig.configuration(port: mock.port, rest: rest)) { rig async throws in
            try await body(rig, mock, issuer)
        }
        await mock.stop()
        await issuer.server.stop()
    }

    private static func bearer(_ token: String) -> [Header] { [Header("authorization", "Bearer \(token)")] }

    @Test func `a token lets in, is not forwarded, and a bad one says what is wrong`() async throws {
        try await Self.run { rig, mock, issuer in
            let good = try issuer.token()
            #expect(try await rig.get("/", Self.bearer(good)).status == 200)
            #expect(mock.journal.requests.first?.headers.first("authorization") == nil)
            let none = try await rig.get()
            #expect(none.status == 401)
            #expect(none.headers.first("www-authenticate") == "Bearer realm=\"sluice\"")
            let other = try await rig.get("/", Self.bearer(try issuer.token { $0["aud"] = "other" }))
            #expect(other.status == 401)
            #expect(other.headers.first("www-authenticate")?.contains("error=\"invalid_token\"") == true)
            #expect(other.text.contains("asked for by default/who"), "\(other.text)")
            #expect(!other.text.contains("eyJ"))
            #expect(try await rig.get("/", Self.bearer("\(good.dropLast(4))AAAA")).status == 401)
            let foreign = try await rig.get("/", Self.bearer(try issuer.token { $0["iss"] = "https://evil.example" }))
            #expect(foreign.text.contains("nobody here believes"), "\(foreign.text)")
        }
    }

    @Test func `a request with a body waits for a key that is new, and goes on whole`() async throws {
        try await Self.run { rig, mock, issuer in
            #expect(try await rig.get("/", Self.bearer(try issuer.token())).status == 200)
            let next = SigningKey(.ed25519)
            issuer.publish([issuer.key, next])
            // What is published anew is looked for at most every ten seconds; the first fetch was just now.
            let refused = try await rig.get("/", Self.bearer(try issuer.token(next)))
            #expect(refused.status == 401)
            #expect(issuer.fetches <= 2)
        }
        try await Self.run { rig, mock, issuer in
            let body = [UInt8](repeating: 0x61, count: 700_000)
            let answer = try await rig.client.call(
                "POST", rig.url + "/upload", headers: Self.bearer(try issuer.token()), body: .bytes(body))
            #expect(answer.status == 200)
            #expect(mock.journal.requests.last?.bodyBytes == 700_000)
        }
    }

    @Test func `a scope that is asked for and missing is a 403 that names it`() async throws {
        try await Self.run(", requiredScopes: [admin]") { rig, _, issuer in
            let answer = try await rig.get("/", Self.bearer(try issuer.token()))
            #expect(answer.status == 403)
            #expect(answer.headers.first("www-authenticate")?.contains("insufficient_scope") == true)
            #expect(answer.headers.first("www-authenticate")?.contains("scope=\"admin\"") == true)
            #expect(answer.text.contains("admin"))
        }
    }

    @Test func `T13: a bound token needs a proof, for this request, once`() async throws {
        try await Self.run { rig, _, issuer in
            let holder = SigningKey(.p256)
            let token = try issuer.token { $0["cnf"] = ["jkt": .text(holder.thumbprint)] }
            let url = rig.url + "/x"
            func proof(
                _ key: SigningKey? = nil, _ change: (inout JSONObject) -> Void = { _ in }
            ) throws -> [Header] {
                let key = key ?? holder
                var claims: JSONObject = [
                    "jti": .text(UUID().uuidString), "htm": "GET", "htu": .text(url),
                    "iat": .integer(Int(Date().timeIntervalSince1970)),
                    "ath": .text(TokenDigest(Array(token.utf8)).base64URL),
                ]
                change(&claims)
                let text = try key.sign(claims, header: ["typ": "dpop+jwt", "jwk": .object(key.publicMembers)])
                return [Header("authorization", "DPoP \(token)"), Header("dpop", text)]
            }
            func status(_ headers: [Header]) async throws -> Int { try await rig.get("/x?q=1", headers).status }
            let good = try proof()
            #expect(try await status(good) == 200)
            // Used again, it is somebody else's.
            let again = try await rig.get("/x", good)
            #expect(again.status == 401)
            #expect(again.headers.first("www-authenticate")?.contains("invalid_dpop_proof") == true)
            #expect(try await status(Self.bearer(token)) == 401)
            #expect(try await status([Header("authorization", "DPoP \(token)")]) == 401)
            #expect(try await status(try proof(SigningKey(.p256))) == 401)
            #expect(try await status(try proof { $0["htm"] = "POST" }) == 401)
            #expect(try await status(try proof { $0["htu"] = .text(url + "?q=1") }) == 401)
            #expect(try await status(try proof { $0["ath"] = nil }) == 401)
            #expect(try await status(try proof { $0["iat"] = 1_700_000_000 }) == 401)
            #expect(try await status(try proof { $0["jti"] = nil }) == 401)
            // T14: bound to a certificate, and shown without one.
            let certificate = try issuer.token {
                $0["cnf"] = ["x5t#S256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
            }
            #expect(try await status(Self.bearer(certificate)) == 401)
        }
    }

    @Test func `T13: a proof without the nonce that is asked for is told which`() async throws {
        try await Self.run(", proofNonce: true") { rig, _, issuer in
            let holder = SigningKey(.ed25519)
            let token = try issuer.token { $0["cnf"] = ["jkt": .text(holder.thumbprint)] }
            func ask(_ nonce: String?) async throws -> CompletedResponse {
                var claims: JSONObject = [
                    "jti": .text(UUID().uuidString), "htm": "GET", "htu": .text(rig.url + "/"),
                    "iat": .integer(Int(Date().timeIntervalSince1970)),
                    "ath": .text(TokenDigest(Array(token.utf8)).base64URL),
                ]
                claims["nonce"] = nonce.map { .text($0) }
                let proof = try holder.sign(claims, header: ["typ": "dpop+jwt", "jwk": .object(holder.publicMembers)])
                return try await rig.get("/", [Header("authorization", "DPoP \(token)"), Header("dpop", proof)])
            }
            let first = try await ask(nil)
            #expect(first.status == 401)
            #expect(first.headers.first("www-authenticate")?.contains("use_dpop_nonce") == true)
            let nonce = try #require(first.headers.first("dpop-nonce"))
            #expect(try await ask(nonce).status == 200)
            #expect(try await ask("made-up").status == 401)
        }
    }
}
