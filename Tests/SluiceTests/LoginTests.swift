import Foundation
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@testable import sluice

@Suite("A person logs in as the provider says, and nobody in her place", .timeLimit(.minutes(1)))
struct LoginTests {
    /// An OpenID provider whose answers a test writes.
    private final class Provider: Sendable {
        let tokens: Mutex<[(Int, String)]>
        let metadata: Mutex<String> = Mutex("")
        /// What was asked for at the token endpoint.
        let asked = Mutex<[[String: String]]>([])

        init(_ tokens: [(Int, String)]) { self.tokens = Mutex(tokens) }

        func run(_ more: String = "", _ body: (MockHTTPServer, LoginProvider) async throws -> Void) async throws {
            var options = MockHTTPServer.Options()
            options.answer = { [self] request in answer(request) }
            let server = try await MockHTTPServer.start(options)
            let url = "http://127.0.0.1:\(server.port)"
            metadata.withLock {
                $0 = """
                    {"issuer":"\(url)","token_endpoint":"\(url)/token","authorization_endpoint":"\(url)/authorize",
                     "device_authorization_endpoint":"\(url)/device"\(more)}
                    """
            }
            try await body(server, try await LoginProvider.discover(url))
            await server.stop()
        }

        private func answer(_ request: MockRequest) -> [MockStep]? {
            switch request.target {
            case "/token": [.awaitBody, .answer { [self] in token($0) }]
            case "/device":
                Self.reply(
                    200,
                    #"{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":"http://x.test/","interval":1}"#)
            default: Self.reply(200, metadata.withLock { $0 })
            }
        }

        private func token(_ request: MockRequest) -> [MockStep] {
            let fields = FormText.decode(request.body) ?? []
            asked.withLock { $0.append(Dictionary(fields.map { ($0.name, $0.value) }) { first, _ in first }) }
            let next = tokens.withLock { $0.isEmpty ? (400, #"{"error":"invalid_grant"}"#) : $0.removeFirst() }
            return Self.reply(next.0, next.1)
        }

        private static func reply(_ status: Int, _ text: String) -> [MockStep] {
            [
                .head(status, [Header("content-type", "application/json")]), .chunk(ByteBuffer(string: text)),
                .end([]),
            ]
        }
    }

    private static let good = (200, #"{"access_token":"t","expires_in":60}"#)

    private static func error(_ name: String) -> (Int, String) { (400, "{\"error\":\"\(name)\"}") }

    // MARK: T19

    @Test("T19: a code that is typed in elsewhere is polled for as the provider says, slower when it says so")
    func device() async throws {
        let provider = Provider([
            Self.error("authorization_pending"), Self.error("slow_down"), Self.error("authorization_pending"),
            Self.good,
        ])
        let pauses = Mutex<[Int]>([])
        try await provider.run { _, found in
            var login = DeviceLogin(provider: found, client: "sluice", scopes: "openid", audience: nil)
            login.pause = { seconds in pauses.withLock { $0.append(seconds) } }
            let answer = try await login.run(until: ContinuousClock.now.advanced(by: .seconds(30)))
            #expect(answer.status == 200)
        }
        #expect(pauses.withLock { $0 } == [1, 1, 6, 6])
        #expect(provider.asked.withLock { $0.allSatisfy { $0["device_code"] == "d" } })
    }

    @Test(
        "T19: a code that ran out, or that somebody said no to, is the end of it",
        arguments: ["access_denied", "expired_token", "invalid_grant"])
    func deviceDenied(error: String) async throws {
        let provider = Provider([Self.error(error), Self.good])
        try await provider.run { _, found in
            var login = DeviceLogin(provider: found, client: "sluice", scopes: "openid", audience: nil)
            login.pause = { _ in }
            let answer = try await login.run(until: ContinuousClock.now.advanced(by: .seconds(30)))
            #expect(throws: GatewayError.self) {
                _ = try found.login(answer, client: "sluice", usesIDToken: false)
            }
        }
        #expect(provider.asked.withLock { $0.count } == 1)
    }

    @Test("T19: nobody polls for ever")
    func deviceDeadline() async throws {
        try await Provider([]).run { _, found in
            var login = DeviceLogin(provider: found, client: "sluice", scopes: "openid", audience: nil)
            login.pause = { _ in }
            let past = ContinuousClock.now.advanced(by: .seconds(-1))
            await #expect(throws: GatewayError.self) { _ = try await login.run(until: past) }
        }
    }

    // MARK: T20

    /// Logs in; `browse` is what the browser makes of the place it is sent to: what comes back to the port.
    private func loopback(
        _ provider: Provider, metadata: String = "", browse: @escaping @Sendable ([String: String]) -> [String]
    ) async throws -> (status: Int, node: ConfigNode) {
        let result = Mutex<Result<(status: Int, node: ConfigNode), any Error>?>(nil)
        try await provider.run(metadata) { _, found in
            let capture = Terminal.Capture()
            let login = LoopbackLogin(provider: found, client: "sluice", scopes: "openid", audience: nil)
            async let running = Terminal.$capture.withValue(capture) {
                try await login.run(until: ContinuousClock.now.advanced(by: .seconds(20)))
            }
            while !capture.error.contains("\n") {
                if Task.isCancelled { break }
                try await Task.sleep(for: .milliseconds(2))
            }
            let place = capture.error.split(separator: " ").last.map { $0.filter { $0 != "\n" } } ?? ""
            let query = FormText.decode(Array((place.split(separator: "?").last ?? "").utf8)) ?? []
            let asked = Dictionary(query.map { ($0.name, $0.value) }) { first, _ in first }
            for answer in browse(asked) {
                _ = try await WorkbenchClient(version: .http1).call(
                    "GET", "\(asked["redirect_uri"] ?? "")?\(answer)")
            }
            do {
                let answer = try await running
                result.withLock { $0 = .success(answer) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
        }
        return try #require(result.withLock { $0 }).get()
    }

    @Test("T20: only the first code counts, and it goes out with the secret that its place was opened with")
    func code() async throws {
        let provider = Provider([Self.good, Self.good])
        let challenge = Mutex("")
        let answer = try await loopback(provider) { asked in
            challenge.withLock { $0 = asked["code_challenge"] ?? "" }
            #expect(asked["code_challenge_method"] == "S256")
            #expect(asked["code_verifier"] == nil)
            let state = asked["state"] ?? ""
            return ["state=\(state)&code=one", "state=\(state)&code=two"]
        }
        #expect(answer.status == 200)
        let asked = provider.asked.withLock { $0 }
        #expect(asked.map { $0["code"] } == ["one"])
        let verifier = try #require(asked.first?["code_verifier"])
        #expect(TokenDigest(Array(verifier.utf8)).base64URL == challenge.withLock { $0 })
    }

    @Test(
        "T20: an answer to another login, of another provider, or to nobody is not taken to the provider",
        arguments: [
            "state=other&code=x", "code=x", "state=STATE", "state=STATE&code=x&iss=http%3A%2F%2Fevil.test",
            "state=STATE&code=x&code=y", "state=STATE&error=access_denied",
        ])
    func mixUp(answer: String) async throws {
        let provider = Provider([Self.good])
        await #expect(throws: GatewayError.self) {
            _ = try await loopback(provider) { asked in
                [answer.replacing("STATE", with: asked["state"] ?? "")]
            }
        }
        #expect(provider.asked.withLock { $0.isEmpty })
    }

    @Test("T20: a provider that names itself in answers must do so in this one")
    func missingIssuer() async throws {
        let provider = Provider([Self.good])
        await #expect(throws: GatewayError.self) {
            _ = try await loopback(provider, metadata: #","authorization_response_iss_parameter_supported":true"#) {
                ["state=\($0["state"] ?? "")&code=x"]
            }
        }
        #expect(provider.asked.withLock { $0.isEmpty })
    }

    @Test("T20: a provider that takes no S256 is not logged in at, rather than without a secret")
    func downgrade() async throws {
        let provider = Provider([Self.good])
        try await provider.run(#","code_challenge_methods_supported":["plain"]"#) { _, found in
            let login = LoopbackLogin(provider: found, client: "sluice", scopes: "openid", audience: nil)
            await #expect(throws: GatewayError.self) {
                _ = try await login.run(until: ContinuousClock.now.advanced(by: .seconds(20)))
            }
        }
        #expect(provider.asked.withLock { $0.isEmpty })
    }

    @Test("T20: an ID token with the nonce of another login is refused")
    func nonce() async throws {
        let claims = Base64URL.encode(Array(#"{"nonce":"other"}"#.utf8))
        let provider = Provider([(200, "{\"access_token\":\"t\",\"id_token\":\"e30.\(claims).x\"}")])
        await #expect(throws: GatewayError.self) {
            _ = try await loopback(provider) { ["state=\($0["state"] ?? "")&code=x"] }
        }
    }
}
