import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("a client with a sealed session goes on at another replica", .timeLimit(.minutes(1)))
struct ToolReplicaTests {
    private static func send(
        _ gateway: GatewayUnderTest, _ key: String, _ body: String, session: String? = nil
    ) async throws -> CompletedResponse {
        var headers = [
            Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
            Header("accept", "application/json, text/event-stream"),
        ]
        if let session { headers.append(Header("mcp-session-id", session)) }
        return try await WorkbenchClient().call(
            "POST", try gateway.url("/mcp/demo"), headers: headers, body: .bytes(Array(body.utf8)))
    }

    /// Two replicas in front of one server: they share the secret of their state folder, and nothing else.
    private static func run(
        _ revisions: Set<MCPRevision>,
        _ body: (_ first: GatewayUnderTest, _ second: GatewayUnderTest, MockToolServer) async throws -> Void
    ) async throws {
        var options = MockToolServer.Options()
        options.revisions = revisions
        options.sets = [.demo, .surface]
        let server = try await MockToolServer.start(options)
        let configuration = """
            apiVersion: sluice.dev/v1alpha1
            kind: MCPServer
            metadata: {name: demo}
            spec: {http: {url: "http://127.0.0.1:\(server.port)/mcp"}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: all}
            spec: {subjects: [{any: true}], rules: [{server: demo}]}
            """
        let first = try await GatewayUnderTest.start(configuration)
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-replica-\(UUID().uuidString)")
        let state = folder.appending(path: "state")
        try FileManager.default.createDirectory(at: state, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: first.folder.appending(path: "state/session.key"), to: state.appending(path: "session.key"))
        let second = try await GatewayUnderTest.start(configuration, folder: folder)
        try await body(first, second, server)
        try await second.stop()
        await server.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    private static func key(_ gateway: GatewayUnderTest) throws -> String {
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = "alice"
        return try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
    }

    @Test(arguments: [Set([MCPRevision.november2025]), [.july2026]])
    func `it goes on where it was, at a server of either era`(_ revisions: Set<MCPRevision>) async throws {
        try await Self.run(revisions) { first, second, server in
            let opened = try await Self.send(
                first, try Self.key(first),
                """
                {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
                """)
            let session = try #require(opened.headers.first { $0.name == "mcp-session-id" }?.value, "\(opened.text)")
            try await first.stop()
            let answer = try await Self.send(
                second, try Self.key(second),
                """
                {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",\
                "arguments":{"text":"still here"}}}
                """, session: session)
            #expect(answer.status == 200 && answer.text.contains("still here"), "\(answer.status) \(answer.text)")
            // The server was not asked for a second session.
            if revisions == [.november2025] { #expect(server.journal.count("initialize") == 1) }
        }
    }

    @Test func `a client without a session answers at one replica what it was asked at another`() async throws {
        try await Self.run([.july2026]) { first, second, server in
            func ask(_ gateway: GatewayUnderTest, _ more: String) async throws -> [String: Any] {
                let body = """
                    {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask_twice","arguments":{}\(more),\
                    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                    "io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}
                    """
                let answer = try await WorkbenchClient().call(
                    "POST", try gateway.url("/mcp/demo"),
                    headers: [
                        Header("authorization", "Bearer \(try Self.key(gateway))"),
                        Header("content-type", "application/json"), Header("mcp-protocol-version", "2026-07-28"),
                        Header("mcp-method", "tools/call"), Header("mcp-name", "ask_twice"),
                    ], body: .text(body))
                return try #require(try ToolRoomTests.object(answer)["result"] as? [String: Any], "\(answer.text)")
            }
            func answers(_ asked: [String: Any]) throws -> String {
                let key = try #require((asked["inputRequests"] as? [String: Any])?.keys.first, "\(asked)")
                let state = (asked["requestState"] as? String).map { ",\"requestState\":\"\($0)\"" } ?? ""
                return state
                    + ",\"inputResponses\":{\"\(key)\":{\"action\":\"accept\",\"content\":{\"value\":\"Ada\"}}}"
            }
            let asked = try await ask(first, "")
            try await first.stop()
            let again = try await ask(second, try answers(asked))
            let said = try await ask(second, try answers(again))
            #expect("\(said)".contains("Ada and Ada"), "\(said)")
            #expect(server.journal.calls("ask_twice").count == 3)
        }
    }
}
