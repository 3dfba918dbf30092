import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

/// HTTP with server-sent events, the transport of revision 2024-11-05, towards servers.
@Suite("servers of 2024-11-05 are spoken to by their pair of endpoints", .timeLimit(.minutes(1)))
struct ToolPairTests {
    typealias Stand = ToolBridgeTests.Stand

    private static let revisions: [Set<MCPRevision>] = [
        [.november2024], Set(MCPRevision.allCases).subtracting([.july2026]),
    ]

    private static func run(
        _ revisions: Set<MCPRevision>, said: String = "sse",
        _ body: (Stand, MockToolServer) async throws -> Void
    ) async throws {
        var options = MockToolServer.Options()
        options.revisions = revisions
        options.sets = [.demo, .surface]
        let server = try await MockToolServer.start(options)
        let more = "protocol: \(said), timeouts: {total: 20s}"
        try await ToolBridgeTests.run(at: "http://\(server.authority)/sse", more: more) { stand in
            try await body(stand, server)
        }
        await server.stop()
    }

    @Test(arguments: revisions, ["sse", "auto"])
    func `a client without sessions lists, calls and is asked`(
        _ revisions: Set<MCPRevision>, _ said: String
    ) async throws {
        try await Self.run(revisions, said: said) { stand, server in
            let list = try await stand.stateless("tools/list", "", name: "")
            #expect((list["tools"] as? [Any] ?? []).count > 1)
            let call = try await stand.stateless(
                "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"hello\"}", name: "echo")
            #expect("\(call)".contains("hello"), "\(call)")
            let asked = try await stand.stateless(
                "tools/call", "\"name\":\"ask_name\",\"arguments\":{}", name: "ask_name")
            #expect(asked["resultType"] as? String == "input_required", "\(asked)")
            let question = try #require((asked["inputRequests"] as? [String: Any])?.keys.first)
            let state = try #require(asked["requestState"] as? String)
            let answered = try await stand.stateless(
                "tools/call",
                """
                "name":"ask_name","arguments":{},"requestState":"\(state)","inputResponses":{"\(question)":{\
                "action":"accept","content":{"name":"Ada"}}}
                """, name: "ask_name")
            #expect("\(answered)".contains("hello Ada"), "\(answered)")
            #expect(server.journal.entries.allSatisfy { $0.transport == "sse" })
        }
    }

    @Test(arguments: revisions)
    func `a client with a session calls, and ends it there`(_ revisions: Set<MCPRevision>) async throws {
        try await Self.run(revisions) { stand, server in
            let session = try await stand.open()
            let call = try await stand.inSession(
                session, "tools/call", "\"name\":\"count\",\"arguments\":{\"to\":3}")
            #expect("\(call)".contains("counted to 3"), "\(call)")
            #expect(!server.sessionNames.isEmpty)
            let end = try await WorkbenchClient().call(
                "DELETE", try stand.gateway.url("/mcp/demo"),
                headers: [Header("authorization", "Bearer \(stand.key)"), Header("mcp-session-id", session)])
            #expect(end.status == 204)
            try await eventually("the stream at the server is closed") { server.sessionNames.isEmpty }
        }
    }

    @Test func `a stream that broke is opened again`() async throws {
        try await Self.run([.november2024]) { stand, server in
            _ = try await stand.stateless("tools/list", "", name: "")
            await server.dropConnections()
            try await eventually("the server has lost the session") { server.sessionNames.isEmpty }
            let call = try await stand.stateless(
                "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"again\"}", name: "echo")
            #expect("\(call)".contains("again"), "\(call)")
        }
    }

    @Test func `a call under way when the stream breaks fails, and is not made twice`() async throws {
        try await Self.run([.november2024]) { stand, server in
            _ = try await stand.stateless("tools/list", "", name: "")
            async let answer = stand.raw("tools/call", "\"name\":\"slow\",\"arguments\":{\"ms\":60000}", name: "slow")
            try await eventually("the call is there") { server.journal.calls("slow").count == 1 }
            await server.dropConnections()
            let text = try await answer.text
            #expect(text.contains("error"), "\(text)")
            #expect(server.journal.calls("slow").count == 1)
        }
    }

    @Test func `leaving is cancelling at the server`() async throws {
        try await Self.run([.november2024]) { stand, server in
            _ = try await stand.stateless("tools/list", "", name: "")
            let client = try await stand.gateway.open()
            let body = """
                {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","arguments":{"ms":60000},\
                "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                "io.modelcontextprotocol/clientCapabilities":{}}}}
                """
            await client.send(
                "POST /mcp/demo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(stand.key)\r\n"
                    + "content-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\n"
                    + "mcp-method: tools/call\r\nmcp-name: slow\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
            try await eventually("the call is there") { server.journal.calls("slow").count == 1 }
            await client.close()
            try await eventually("the server is told") {
                server.journal.entries.contains { $0.method == "notifications/cancelled" }
            }
        }
    }

    /// What a server says in its `endpoint` event, and a canary that must hear nothing.
    @Test(arguments: [
        "http://127.0.0.1:$CANARY/messages", "//127.0.0.1:$CANARY/messages", "file:///etc/passwd", "none",
    ])
    func `an endpoint elsewhere is refused, and nothing is sent there`(_ said: String) async throws {
        let hits = Mutex(0)
        let canary = try await MockHTTPServer.start(
            answering { _ in
                hits.withLock { $0 += 1 }
                return [.head(202, []), .end([])]
            })
        let endpoint = said.replacing("$CANARY", with: "\(canary.port)")
        let first =
            said == "none"
            ? "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"
            : "event: endpoint\ndata: \(endpoint)\n\n"
        let server = try await MockHTTPServer.start(
            answering { request in
                guard request.method == "GET" else { return [.head(405, []), .end([])] }
                return [
                    .head(200, [Header("content-type", "text/event-stream")]), .chunk(ByteBuffer(string: first)), .hang,
                ]
            })
        for said in ["sse", "auto"] {
            let url = "http://127.0.0.1:\(server.port)/sse"
            try await ToolBridgeTests.run(at: url, more: "protocol: \(said)") { stand in
                let answer = try await stand.raw("tools/list", "", name: "")
                #expect(answer.text.contains("error"), "\(answer.text)")
            }
        }
        #expect(hits.withLock { $0 } == 0)
        await server.stop()
        await canary.stop()
    }

    private func answering(_ steps: @escaping @Sendable (MockRequest) -> [MockStep]) -> MockHTTPServer.Options {
        var options = MockHTTPServer.Options()
        options.answer = { _ in [.awaitBody, .answer { steps($0) }] }
        return options
    }
}
