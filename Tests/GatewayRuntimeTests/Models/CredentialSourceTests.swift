import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@Suite("Credentials of upstreams are fetched, and one source's trouble is its own", .timeLimit(.minutes(1)))
struct CredentialSourceTests {
    /// Gives out `issued-1`, `issued-2`, … for the client `sluice`, unless it is down.
    private final class Issuer: Sendable {
        private struct State {
            var issued = 0
            var isDown = false
            var seen: [MockRequest] = []
        }
        private let state = Mutex(State())

        func start() async throws -> MockHTTPServer {
            var options = MockHTTPServer.Options()
            options.answer = { [self] _ in [.awaitBody, .answer { [self] in answer($0) }] }
            return try await MockHTTPServer.start(options)
        }

        private func answer(_ request: MockRequest) -> [MockStep] {
            let (status, text) = state.withLock { state -> (Int, String) in
                state.seen.append(request)
                if state.isDown { return (503, "{\"error\":\"temporarily_unavailable\"}") }
                state.issued += 1
                return (
                    200, "{\"access_token\":\"issued-\(state.issued)\",\"token_type\":\"Bearer\",\"expires_in\":600}"
                )
            }
            return [
                .head(status, [Header("content-type", "application/json")]), .chunk(ByteBuffer(string: text)), .end([]),
            ]
        }

        var issued: Int { state.withLock { $0.issued } }
        var seen: [MockRequest] { state.withLock { $0.seen } }
        func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
    }

    private static func source(_ name: String, _ port: Int, _ path: String = "/token") -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: CredentialSource
        metadata: {name: \(name)}
        spec:
          clientCredentials:
            tokenURL: "http://127.0.0.1:\(port)\(path)"
            clientID: sluice
            clientSecret: {secretRef: {name: client, key: secret}}
            scopes: [models]
        ---
        """
    }

    private static func model(_ name: String, _ port: Int, source: String) -> String {
        """
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: \(name)},
         spec: {dialect: openai, baseURL: "http://127.0.0.1:\(port)/v1", credential: {sourceRef: {name: \(source)}}}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: \(name)}
        spec:
          models: [{name: \(name), targets: [{provider: \(name), model: gpt-5}], price: {input: "1", output: "1"}}]
        """
    }

    private static let secret = """
        ---
        {apiVersion: v1, kind: Secret, metadata: {name: client}, stringData: {secret: hush-hush}}
        """

    /// A gateway with the model `fetched` by a good source and `broken` by one whose server is not there.
    private static func run(
        _ issuer: Issuer, more: String = "", _ body: (ModelStand, String) async throws -> Void
    ) async throws {
        var served = MockModelServer.Options()
        served.requiresKey = false
        let provider = try await MockModelServer.start(served)
        let tokens = try await issuer.start()
        // A port that was somebody's and is nobody's now.
        let gone = try await MockHTTPServer.start()
        await gone.stop()
        var options = ModelStand.Options()
        options.more =
            secret + "\n" + source("vendor", tokens.port) + "\n" + model("fetched", provider.port, source: "vendor")
            + "\n" + source("lost", gone.port) + "\n" + model("broken", provider.port, source: "lost") + "\n" + more
        let gateway = try await GatewayUnderTest.start(ModelStand.configuration(provider.port, options))
        let stand = ModelStand(provider: provider, gateway: gateway)
        do { try await body(stand, try stand.key()) } catch {
            try await gateway.stop()
            throw error
        }
        await provider.stop()
        await tokens.stop()
    }

    private static func ask(_ stand: ModelStand, _ key: String, _ model: String) async throws -> CompletedResponse {
        try await stand.call(key, "/v1/chat/completions", ModelStand.question(model))
    }

    @Test("a hundred first calls at once are one fetch; the provider sees its token, and nobody else does")
    func singleFetch() async throws {
        let issuer = Issuer()
        try await Self.run(issuer) { stand, key in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<100 { group.addTask { try await Self.ask(stand, key, "fetched").status } }
                for try await status in group { #expect(status == 200) }
            }
            #expect(issuer.issued == 1)
            let form = issuer.seen[0].bodyText
            #expect(form.contains("grant_type=client_credentials") && form.contains("scope=models"))
            #expect(issuer.seen[0].headers.first("authorization") == "Basic " + "sluice:hush-hush".base64)
            #expect(Set(stand.provider.ledger.entries.map(\.key)) == ["issued-1"])
            // What is kept and shown has neither the client's secret nor the token.
            stand.gateway.process.state.fold()
            try await stand.gateway.stop()
            for file in try FileManager.default.subpathsOfDirectory(atPath: stand.gateway.folder.path) {
                guard let data = FileManager.default.contents(atPath: stand.gateway.folder.path + "/" + file) else {
                    continue
                }
                #expect(data.firstRange(of: Data("issued-1".utf8)) == nil, "\(file)")
                // The configuration's last good text is kept, with its Secret, for the owner only.
                if !file.contains("objects") && !file.contains("history") {
                    #expect(data.firstRange(of: Data("hush-hush".utf8)) == nil, "\(file)")
                }
            }
        }
    }

    @Test("a source that fails is an error of its upstream alone, says so in its status, and heals by itself")
    func isolated() async throws {
        let issuer = Issuer()
        try await Self.run(issuer) { stand, key in
            let refused = try await Self.ask(stand, key, "broken")
            #expect(refused.status == 503, "\(refused.text)")
            #expect(refused.text.contains("credential"))
            #expect(!refused.text.contains("127.0.0.1") && !refused.text.contains("hush"))
            #expect(try await Self.ask(stand, key, "fetched").status == 200)
            #expect(try await Self.ask(stand, key, "chat").status == 200)
            let ready = Dictionary(
                uniqueKeysWithValues: stand.gateway.process.statuses.filter { $0.key.kind == "CredentialSource" }
                    .map { ($0.key.name, $0.conditions.first { $0.type == "Ready" }) })
            #expect(ready["vendor"]??.isTrue == true)
            #expect(ready["lost"]??.isTrue == false && ready["lost"]??.reason == "FetchFailed")
            try await stand.gateway.stop()
        }
    }

    @Test("no source is fetched from the metadata service of a cloud")
    func metadata() async throws {
        let metadata = Self.source("metadata", 80).replacing("127.0.0.1:80", with: "169.254.169.254")
        let more = metadata + "\n" + Self.model("stolen", 1, source: "metadata")
        try await Self.run(Issuer(), more: more) { stand, key in
            #expect(try await Self.ask(stand, key, "stolen").status == 503)
            let status = stand.gateway.process.statuses.first { $0.key.name == "metadata" }
            let ready = status?.conditions.first { $0.type == "Ready" }
            #expect(ready?.isTrue == false)
            #expect(ready?.message.contains("not an address that may be asked") == true, "\(ready?.message ?? "")")
            try await stand.gateway.stop()
        }
    }

    @Test("a server of tools is opened by a source as well")
    func tools() async throws {
        let issuer = Issuer()
        let (server, received) = try await ScriptedToolServer.start(tools: ScriptedToolServer.tools) { _, _ in nil }
        let tokens = try await issuer.start()
        let text =
            Self.secret + "\n" + Self.source("vendor", tokens.port) + "\n"
            + ToolRoomTests.configuration(server.port).replacing(
                "http: {url: \"http://127.0.0.1:\(server.port)/mcp\"}",
                with: "http: {url: \"http://127.0.0.1:\(server.port)/mcp\", credential: {sourceRef: {name: vendor}}}")
        let gateway = try await GatewayUnderTest.start(text)
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let answer = try await stand.send(try stand.key("alice"), "tools/list")
        #expect(answer.status == 200, "\(answer.text)")
        let shown = Set(received().map { $0.header("authorization") ?? "" })
        #expect(shown == ["Bearer issued-1"])
        try await gateway.stop()
        await server.stop()
        await tokens.stop()
    }
}

extension String {
    fileprivate var base64: String { Data(utf8).base64EncodedString() }
}
