import Foundation
import GatewayIdentity
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

/// What looks the same is not the same: spellings of a letter, names of two servers, what a list was and is.
@Suite("names mean one thing to policies, pins, servers and callers", .timeLimit(.minutes(1)))
struct ToolNameTests {
    /// `é` in one scalar, and in two.
    private static let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")

    private static let prompts = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: prompts}
        spec: {subjects: [{any: true}], rules: [{server: demo, prompts: ["\(composed)"]}]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: selected}
        spec: {virtual: {include: [{server: demo, prompts: ["\(composed)"]}]}}
        """

    @Test(arguments: [("/mcp/demo", ""), ("/mcp/selected", "demo__")])
    func `a rule for one spelling is none for another`(_ path: String, _ prefix: String) async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            received.method == "prompts/get" ? .result("{\"resultType\":\"complete\",\"messages\":[]}") : nil
        }
        try await ToolRoomTests.run(more: Self.prompts, answer: scripted) { stand in
            let key = try stand.key("alice")
            func get(_ name: String) async throws -> CompletedResponse {
                let field = "=?base64?\(Data((prefix + name).utf8).base64EncodedString())?="
                return try await stand.send(
                    key, "prompts/get", "\"name\":\"\(prefix)\(name)\"", path: path,
                    headers: [Header("mcp-name", field)])
            }
            #expect(try await get(Self.composed).text.contains("messages"))
            #expect(try ToolRoomTests.code(try await get(Self.decomposed)) == -32602)
            #expect(stand.received().count { $0.method == "prompts/get" } == 1)
        }
    }

    @Test func `two spellings of a tool are pinned, approved and called apart`() async throws {
        let tools = [Self.composed, Self.decomposed].map {
            "{\"name\":\"\($0)\",\"inputSchema\":{\"type\":\"object\"}}"
        }
        let policy = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: all}
            spec: {subjects: [{any: true}], rules: [{server: demo}]}
            """
        try await ToolRoomTests.run(tools: "[\(tools.joined(separator: ","))]", more: policy) { stand in
            let key = try stand.key("alice")
            func call(_ name: String) async throws -> Int? {
                let field = "=?base64?\(Data(name.utf8).base64EncodedString())?="
                return try ToolRoomTests.code(
                    try await stand.send(
                        key, "tools/call", "\"name\":\"\(name)\"", headers: [Header("mcp-name", field)]))
            }
            _ = try await stand.send(key, "tools/list")
            let book = stand.gateway.process.state.tools
            #expect(book.pins().count == 2)
            _ = try book.approve(
                server: "demo", tool: Self.composed, digest: nil, by: "test", nowSeconds: 1_800_000_000)
            #expect(try await call(Self.decomposed) == 3022)
            #expect(stand.toolCalls.isEmpty)
            #expect(try await call(Self.composed) == nil)
            #expect(stand.toolCalls.map { Array($0.name.utf8) } == [Array(Self.composed.utf8)])
        }
    }

    @Test func `a caller whose name only looks the same has nothing of the other's`() async throws {
        try await ToolRoomTests.run { stand in
            func post(_ user: String, _ session: String?, _ body: String) async throws -> CompletedResponse {
                try await stand.post(
                    "/mcp/demo",
                    [
                        Header("authorization", "Bearer \(try stand.key(user))"),
                        Header("content-type", "application/json"),
                    ] + (session.map { [Header("mcp-session-id", $0)] } ?? []), body)
            }
            let opened = try await post(
                Self.composed, nil,
                """
                {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
                """)
            let session = try #require(opened.headers.first { $0.name == "mcp-session-id" }?.value, "\(opened.text)")
            let list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
            #expect(try await post(Self.composed, session, list).status == 200)
            #expect(try await post(Self.decomposed, session, list).status == 404)
        }
    }

    @Test func `a name that is read as another server's is shown and called as that one's alone`() async throws {
        let other = ScriptedToolServer.tools.replacing("get_weather", with: "demo__get_weather")
        let (second, received) = try await ScriptedToolServer.start(tools: other) { _, _ in nil }
        let more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPServer
            metadata: {name: other}
            spec: {http: {url: "http://127.0.0.1:\(second.port)/mcp"}, prefixMode: never}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: other}
            spec: {subjects: [{any: true}], rules: [{server: other}]}
            """
        try await ToolRoomTests.run(more: more) { stand in
            let key = try stand.key("alice")
            let list = try await stand.send(key, "tools/list", path: "/mcp")
            let result = try #require(try ToolRoomTests.object(list)["result"] as? [String: Any])
            let names = (result["tools"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
            #expect(names.count { $0 == "demo__get_weather" } == 1, "\(names)")
            #expect(list.text.contains("several servers have this name: demo__get_weather"), "\(list.text)")
            let call = try await stand.send(
                key, "tools/call", "\"name\":\"demo__get_weather\"", path: "/mcp", name: "demo__get_weather")
            #expect(call.text.contains("done"), "\(call.text)")
            #expect(stand.toolCalls.count == 1)
            // Nor does a token for the one call the other where that is alone.
            var draft = TokenDraft()
            draft.user = "alice"
            draft.groups = ["engineering"]
            draft.tools = ["demo__get_*"]
            let tokens = stand.gateway.process.tokens
            let now = Int(Date().timeIntervalSince1970)
            let token = try tokens.sign(try draft.grant(audiences: tokens.audiences, nowSeconds: now))
            let alone = try await stand.send(
                token, "tools/call", "\"name\":\"demo__get_weather\"", path: "/mcp/other", name: "demo__get_weather")
            #expect(try ToolRoomTests.code(alone) == -32602, "\(alone.text)")
            #expect(received().allSatisfy { $0.method != "tools/call" })
        }
        await second.stop()
    }

    @Test func `what one caller's list shows to have changed, nobody calls`() async throws {
        let shared = ToolNameFlag()
        let pinned = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPToolPolicy
            metadata: {name: trust}
            spec: {servers: [demo], pin: firstUse}
            """
        let scripted: ToolRoomTests.Scripted = { received, _ in
            guard received.method == "tools/list" else { return nil }
            let text = shared.isSet ? "other" : "d"
            return .result(
                """
                {"resultType":"complete","tools":[{"name":"get_weather","description":"\(text)",\
                "inputSchema":{"type":"object"}}]}
                """)
        }
        try await ToolRoomTests.run(more: pinned, answer: scripted) { stand in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            func call(_ key: String) async throws -> Int? {
                try ToolRoomTests.code(
                    try await stand.send(key, "tools/call", "\"name\":\"get_weather\"", name: "get_weather"))
            }
            #expect(try await call(bob) == nil)
            #expect(try await call(alice) == nil)
            shared.set()
            _ = try await stand.send(alice, "tools/list")
            // What was kept of bob's list is of before.
            #expect(try await call(bob) == 3022)
            #expect(stand.toolCalls.count == 2)
        }
    }
}

/// Set by a test, and read by its server.
final class ToolNameFlag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}
