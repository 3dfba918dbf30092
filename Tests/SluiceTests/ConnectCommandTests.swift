import Foundation
import GatewayIdentity
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@testable import sluice

@Suite("sluice connect waits for the browser and shows who was at it", .timeLimit(.minutes(1)))
struct ConnectCommandTests {
    /// Stands in for a gateway whose browser comes back at once.
    private final class Gateway: Sendable {
        let confirmed = Mutex<[String: String]>([:])
        let asked = Mutex<[String]>([])
        /// What the browser brings, made of the flow's name.
        let brings: @Sendable (_ flow: String) -> String

        init(_ brings: @escaping @Sendable (_ flow: String) -> String) { self.brings = brings }

        func run(_ words: [String]) async throws -> CommandRun {
            var options = MockHTTPServer.Options()
            options.answer = { [self] _ in [.awaitBody, .answer { [self] in answer($0) }] }
            let server = try await MockHTTPServer.start(options)
            let done = await CommandRun.of(
                ["connect"] + words + ["--url", "http://127.0.0.1:\(server.port)", "--token", "slk_x", "--wait", "20"])
            await server.stop()
            return done
        }

        private func answer(_ request: MockRequest) -> [MockStep] {
            asked.withLock { $0.append("\(request.method) \(request.target)") }
            let fields = FormText.decode(request.body) ?? []
            let form = Dictionary(fields.map { ($0.name, $0.value) }) { first, _ in first }
            switch (request.method, request.target) {
            case ("POST", "/oauth/connections/demo"):
                if let port = form["return_port"] {
                    let place = "http://127.0.0.1:\(port)/callback?\(brings("f-1"))"
                    Task { _ = try await WorkbenchClient().call("GET", place) }
                }
                return Self.json(201, #"{"flow":"f-1","url":"http://gateway.test/oauth/connect/start?flow=f-1"}"#)
            case ("POST", "/oauth/connect/confirm"):
                confirmed.withLock { $0 = form }
                return Self.json(201, #"{"server":"default/demo","state":"connected"}"#)
            case ("GET", "/oauth/jwks"):
                return Self.json(200, #"{"keys":[{"kty":"OKP","kid":"a","crv":"Ed25519","x":"AA"}]}"#)
            case ("DELETE", "/oauth/connections/demo"): return Self.json(200, #"{"state":"removed"}"#)
            case ("GET", "/oauth/connections"):
                return Self.json(
                    200,
                    #"{"items":[{"server":"demo","state":"connected","issuer":"https://a.test","scopes":["a","b"]}]}"#)
            default:
                return Self.json(404, #"{"code":"SL-4005","detail":"there is no server to connect to","hint":"look"}"#)
            }
        }

        private static func json(_ status: Int, _ text: String) -> [MockStep] {
            [
                .head(status, [Header("content-type", "application/json")]), .chunk(ByteBuffer(string: text)),
                .end([]),
            ]
        }
    }

    @Test("the proof that the browser brings is shown to the gateway")
    func connect() async throws {
        let gateway = Gateway { "flow=\($0)&proof=p%2B1" }
        let done = try await gateway.run(["demo"])
        #expect(done.status == 0 && done.out == "demo: connected\n", "\(done.error)")
        #expect(done.error.contains("open http://gateway.test/oauth/connect/start?flow=f-1"))
        #expect(gateway.confirmed.withLock { $0 } == ["flow": "f-1", "proof": "p+1"])
    }

    @Test("an answer to another flow, or without a proof, is none", arguments: ["flow=f-2&proof=p", "flow=f-1", "x=y"])
    func wrong(query: String) async throws {
        let gateway = Gateway { _ in query }
        let done = try await gateway.run(["demo"])
        #expect(done.status == 4 && done.error.contains("something else"), "\(done.error)")
        #expect(gateway.confirmed.withLock { $0.isEmpty })
    }

    @Test("what there is, and the end of it")
    func others() async throws {
        let list = try await Gateway { _ in "" }.run(["--list"])
        #expect(list.out.contains("demo    connected  https://a.test  a b"), "\(list.out)")
        let removed = try await Gateway { _ in "" }.run(["demo", "--remove"])
        #expect(removed.out == "demo: removed\n")
        let missing = try await Gateway { _ in "" }.run(["other"])
        #expect(missing.status != 0 && missing.error.contains("there is no server to connect to"))
        #expect(try await Gateway { _ in "" }.run([]).status == 2)
    }
}
