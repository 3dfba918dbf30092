import GatewayModel
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@testable import sluice

@Suite("A credential is shown to the gateway's token service and to nobody else", .timeLimit(.minutes(1)))
struct WhoAmITests {
    /// Answers every request the same way, and remembers what it was shown.
    private static func asking(
        _ status: Int, _ type: String, _ text: @escaping @Sendable (MockRequest) -> String,
        _ body: (_ url: String, _ shown: @Sendable () -> [String]) async throws -> Void
    ) async throws {
        let shown = Mutex<[String]>([])
        var options = MockHTTPServer.Options()
        options.answer = { request in
            shown.withLock { $0 += request.headers.map(\.value) + [String(decoding: request.body, as: UTF8.self)] }
            return [
                .head(status, [Header("content-type", type)]), .chunk(ByteBuffer(string: text(request))), .end([]),
            ]
        }
        let server = try await MockHTTPServer.start(options)
        try await body("http://127.0.0.1:\(server.port)") { shown.withLock { $0 } }
        await server.stop()
    }

    @Test(
        "what is no token service gets no credential, and what it says is nobody's identity",
        arguments: [
            (200, "text/plain", "hello"), (200, "application/json", #"{"proof":"apiKey","user":"root"}"#),
            (200, "application/json", #"{"keys":[]}"#), (200, "application/json", "[]"), (204, "text/plain", ""),
            (404, "application/problem+json", #"{"code":"SL-4001","detail":"no route"}"#),
            (401, "application/json", #"{"error":"who are you"}"#),
        ])
    func stranger(status: Int, type: String, text: String) async throws {
        let answer: @Sendable (MockRequest) -> String = { _ in text }
        try await Self.asking(status, type, answer) { url, shown in
            for words in [["whoami"], ["token", "exchange"], ["connect", "demo"], ["connect", "--list"]] {
                let run = await CommandRun.of(words + ["--token", "slk_secret", "--url", url])
                #expect(run.status == 3 && run.out.isEmpty, "\(run.error)")
                let answered =
                    "SL-6002 no token service answers at \(url): GET /oauth/jwks was answered \(status) \(type)"
                #expect(run.error.contains(answered), "\(run.error)")
                #expect(run.error.contains("route /oauth to {group: sluice.dev, kind: TokenService, name: sluice}"))
            }
            #expect(!shown().contains { $0.contains("slk_secret") })
        }
    }

    @Test("an answer that only resembles an identity is none, and is not printed")
    func echo() async throws {
        let keys = #"{"keys":[{"kty":"OKP","kid":"a","crv":"Ed25519","x":"AA"}]}"#
        let echoes = [
            #"{"method":"GET","path":"/oauth/whoami"}"#, #"{"proof":"none"}"#, #"{"proof":"token","echo":1}"#,
        ]
        for echo in echoes {
            let answer: @Sendable (MockRequest) -> String = { $0.target == "/oauth/jwks" ? keys : echo }
            try await Self.asking(200, "application/json", answer) { url, _ in
                let run = await CommandRun.of("whoami", "--token", "slk_secret", "--url", url)
                #expect(run.status == 3 && run.out.isEmpty, "\(run.out)")
                #expect(run.error.contains("something that is no identity") && !run.error.contains("slk_secret"))
            }
        }
    }
}
