import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("clients and servers of either era work together", .timeLimit(.minutes(1)))
struct ToolBridgeTests {
    struct Stand {
        var gateway: GatewayUnderTest
        var key: String

        func post(_ body: String, _ headers: [Header] = []) async throws -> CompletedResponse {
            try await WorkbenchClient().call(
                "POST", try gateway.url("/mcp/demo"),
                headers: [
                    Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                    Header("accept", "application/json, text/event-stream"),
                ] + headers, body: .bytes(Array(body.utf8)))
        }

        /// A request of revision 2026-07-28 from a client that can ask its user.
        func stateless(_ method: String, _ params: String, name: String) async throws -> [String: Any] {
            try result(try await raw(method, params, name: name))
        }

        func raw(
            _ method: String, _ params: String, name: String, can capabilities: String = "\"elicitation\":{}"
        ) async throws -> CompletedResponse {
            let separator = params.isEmpty ? "" : ","
            return try await post(
                """
                {"jsonrpc":"2.0","id":1,"method":"\(method)","params":{\(params)\(separator)"_meta":{\
                "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                "io.modelcontextprotocol/clientCapabilities":{\(capabilities)}}}}
                """,
                [Header("mcp-protocol-version", "2026-07-28"), Header("mcp-method", method)]
                    + (name.isEmpty ? [] : [Header("mcp-name", name)]))
        }

        func open() async throws -> String {
            let answer = try await post(
                """
                {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                "capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}}
                """)
            #expect(answer.status == 200, "\(answer.text)")
            return try #require(answer.headers.first { $0.name == "mcp-session-id" }?.value, "\(answer.text)")
        }

        func inSession(_ session: String, _ method: String, _ params: String) async throws -> [String: Any] {
            try result(
                await post(
                    "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"\(method)\",\"params\":{\(params)}}",
                    [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")]))
        }

        /// The result, whether it comes as a document or at the end of a stream.
        func result(_ answer: CompletedResponse) throws -> [String: Any] {
            let isStream = answer.headers.contains { $0.value.hasPrefix("text/event-stream") }
            let lines = answer.text.split(separator: "\n").filter { $0.hasPrefix("data: ") }
            let text = isStream ? String(lines.last?.dropFirst(6) ?? "") : answer.text
            let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            return try #require(object?["result"] as? [String: Any], "\(answer.status) \(answer.text)")
        }
    }

    private static func run(_ revisions: Set<MCPRevision>, _ body: (Stand) async throws -> Void) async throws {
        var options = MockToolServer.Options()
        options.revisions = revisions
        options.sets = [.demo, .surface]
        let server = try await MockToolServer.start(options)
        do { try await run(at: server.url, body) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    /// A gateway in front of one server, with whatever else its spec and the configuration say.
    static func run(
        at url: String, more: String = "", policies: String = "", _ body: (Stand) async throws -> Void
    ) async throws {
        let gateway = try await GatewayUnderTest.start(
            """
            apiVersion: sluice.dev/v1alpha1
            kind: MCPServer
            metadata: {name: demo}
            spec: {http: {url: "\(url)"}\(more.isEmpty ? "" : ", \(more)")}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: all}
            spec: {subjects: [{any: true}], rules: [{server: demo}]}
            \(policies)
            """)
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = "alice"
        let key = try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        do { try await body(Stand(gateway: gateway, key: key)) } catch {
            try await gateway.stop()
            throw error
        }
        try await gateway.stop()
    }

    private static let eras: [Set<MCPRevision>] = [[.july2026], Set(MCPRevision.allCases).subtracting([.july2026])]

    @Test(arguments: eras)
    func `a client without sessions lists and calls`(_ revisions: Set<MCPRevision>) async throws {
        try await Self.run(revisions) { stand in
            let list = try await stand.stateless("tools/list", "", name: "")
            #expect((list["tools"] as? [Any] ?? []).count > 1)
            #expect(list["resultType"] as? String == "complete")
            let call = try await stand.stateless(
                "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"hello\"}", name: "echo")
            #expect("\(call)".contains("hello"), "\(call)")
            #expect(call["resultType"] as? String == "complete")
            let read = try await stand.stateless("server/discover", "", name: "")
            #expect(read["supportedVersions"] != nil)
        }
    }

    @Test(arguments: eras)
    func `a client with a session lists, calls and ends it`(_ revisions: Set<MCPRevision>) async throws {
        try await Self.run(revisions) { stand in
            let session = try await stand.open()
            let list = try await stand.inSession(session, "tools/list", "")
            #expect((list["tools"] as? [Any] ?? []).count > 1)
            let call = try await stand.inSession(
                session, "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"hello\"}")
            #expect("\(call)".contains("hello"), "\(call)")
            let fields = [Header("authorization", "Bearer \(stand.key)"), Header("mcp-session-id", session)]
            let end = try await WorkbenchClient().call("DELETE", try stand.gateway.url("/mcp/demo"), headers: fields)
            #expect(end.status == 204)
            let after = try await stand.post(
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", [Header("mcp-session-id", session)])
            #expect(after.status == 404, "\(after.text)")
        }
    }

    @Test(arguments: eras)
    func `a question of the server is the answer, and its answer the next call`(
        _ revisions: Set<MCPRevision>
    ) async throws {
        try await Self.run(revisions) { stand in
            let asked = try await stand.stateless(
                "tools/call", "\"name\":\"ask_name\",\"arguments\":{}", name: "ask_name")
            #expect(asked["resultType"] as? String == "input_required", "\(asked)")
            let requests = try #require(asked["inputRequests"] as? [String: Any])
            let question = try #require(requests.keys.first)
            let state = (asked["requestState"] as? String).map { ",\"requestState\":\"\($0)\"" } ?? ""
            let answered = try await stand.stateless(
                "tools/call",
                """
                "name":"ask_name","arguments":{}\(state),"inputResponses":{"\(question)":{"action":"accept",\
                "content":{"name":"Ada"}}}
                """, name: "ask_name")
            #expect("\(answered)".contains("hello Ada"), "\(answered)")
        }
    }
}
