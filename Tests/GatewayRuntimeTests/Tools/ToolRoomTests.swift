import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("tools are called once, by who may, with what was judged", .timeLimit(.minutes(1)))
struct ToolRoomTests {
    /// The configuration of the documentation, with the server's port.
    static func configuration(_ port: Int, more: String = "") -> String {
        """
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: demo}
        spec:
          http: {url: "http://127.0.0.1:\(port)/mcp"}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: engineers-read}
        spec:
          subjects: [{group: engineering}]
          rules:
            - {server: demo, tools: ["get_*", "list_*"]}
            - {server: demo, tools: ["add"], when: "tool.arguments.a < 100"}
            - {server: demo, tools: ["delete_*"], verdict: ask}
        \(more)
        """
    }

    struct Stand {
        var gateway: GatewayUnderTest
        var received: @Sendable () -> [ScriptedToolServer.Received]

        func key(_ user: String, groups: [String] = ["engineering"]) throws -> String {
            var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
            draft.user = user
            draft.groups = groups
            return try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        }

        /// A request of revision 2026-07-28, its fields made from the body unless `headers` says otherwise.
        func send(
            _ key: String, _ method: String, _ params: String = "", path: String = "/mcp/demo", name: String? = nil,
            headers: [Header] = [], id: String = "1"
        ) async throws -> CompletedResponse {
            let separator = params.isEmpty ? "" : ","
            let body = """
                {"jsonrpc":"2.0","id":\(id),"method":"\(method)","params":{\(params)\(separator)"_meta":{\
                "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                "io.modelcontextprotocol/clientCapabilities":{}}}}
                """
            var all = [
                Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                Header("accept", "application/json, text/event-stream"),
            ]
            let own = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", name ?? "")]
            for (field, value) in own where !value.isEmpty && !headers.contains(where: { $0.name == field }) {
                all.append(Header(field, value))
            }
            return try await post(path, all + headers.filter { !$0.value.isEmpty }, body)
        }

        func post(_ path: String, _ headers: [Header], _ body: String) async throws -> CompletedResponse {
            try await WorkbenchClient().call(
                "POST", try gateway.url(path), headers: headers, body: .bytes(Array(body.utf8)))
        }

        var toolCalls: [ScriptedToolServer.Received] { received().filter { $0.method == "tools/call" } }
    }

    typealias Scripted = @Sendable (ScriptedToolServer.Received, [String: Any]) -> ScriptedToolServer.Answer?

    static func run(
        tools: String = ScriptedToolServer.tools, more: String = "",
        answer: @escaping Scripted = { _, _ in nil }, _ body: (Stand) async throws -> Void
    ) async throws {
        let (server, received) = try await ScriptedToolServer.start(tools: tools, answer)
        let gateway = try await GatewayUnderTest.start(configuration(server.port, more: more))
        do { try await body(Stand(gateway: gateway, received: received)) } catch {
            try await gateway.stop()
            await server.stop()
            throw error
        }
        try await gateway.stop()
        await server.stop()
    }

    static func object(_ answer: CompletedResponse) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any], "\(answer.text)")
    }

    static func code(_ answer: CompletedResponse) throws -> Int? {
        (try object(answer)["error"] as? [String: Any])?["code"] as? Int
    }

    @Test func `a list shows what may be called, and nothing else`() async throws {
        try await Self.run { stand in
            let answer = try await stand.send(try stand.key("alice"), "tools/list")
            #expect(answer.status == 200, "\(answer.text)")
            let result = try #require(try Self.object(answer)["result"] as? [String: Any])
            let names = (result["tools"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
            #expect(names == ["get_weather", "add", "delete_all"])
            #expect(result["resultType"] as? String == "complete")
            #expect(result["cacheScope"] as? String == "private")
            // Nobody of another group sees that there is such a server.
            #expect(try await stand.send(try stand.key("bob", groups: []), "tools/list").status == 404)
        }
    }

    @Test func `several servers carry their names`() async throws {
        try await Self.run { stand in
            let key = try stand.key("alice")
            let answer = try await stand.send(key, "tools/list", path: "/mcp")
            #expect(answer.text.contains("\"demo__get_weather\""), "\(answer.text)")
            let call = try await stand.send(
                key, "tools/call", "\"name\":\"demo__get_weather\",\"arguments\":{}", path: "/mcp",
                name: "demo__get_weather", id: "\"x\"")
            #expect(call.text.contains("\"id\":\"x\""), "\(call.text)")
            #expect(call.text.contains("done"), "\(call.text)")
            #expect(stand.toolCalls.first?.name == "get_weather")
            #expect(stand.toolCalls.first?.header("mcp-name") == "get_weather")
        }
    }

    @Test func `arguments decide, on the body`() async throws {
        try await Self.run { stand in
            let key = try stand.key("alice")
            let low = try await stand.send(
                key, "tools/call", "\"name\":\"add\",\"arguments\":{\"a\":5}", name: "add",
                headers: [Header("mcp-param-a", "5")])
            #expect(low.text.contains("done"), "\(low.text)")
            #expect(stand.toolCalls.last?.header("mcp-param-a") == "5")
            let high = try await stand.send(
                key, "tools/call", "\"name\":\"add\",\"arguments\":{\"a\":500}", name: "add",
                headers: [Header("mcp-param-a", "500")])
            #expect(try Self.code(high) == 3020, "\(high.text)")
            let twice = try await stand.send(
                key, "tools/call", "\"name\":\"add\",\"arguments\":{\"a\":5,\"a\":500}", name: "add",
                headers: [Header("mcp-param-a", "5")])
            #expect(try Self.code(twice) == -32602, "\(twice.text)")
            let mismatch = try await stand.send(
                key, "tools/call", "\"name\":\"add\",\"arguments\":{\"a\":5}", name: "add",
                headers: [Header("mcp-param-a", "6")])
            #expect(mismatch.status == 400)
            #expect(try Self.code(mismatch) == -32020, "\(mismatch.text)")
            #expect(stand.toolCalls.count == 1)
        }
    }

    @Test func `what is denied, asked about or unknown never reaches the server`() async throws {
        try await Self.run { stand in
            let key = try stand.key("alice")
            for (name, code) in [("secret", -32602), ("nothing", -32602), ("delete_all", 3021)] {
                let answer = try await stand.send(
                    key, "tools/call", "\"name\":\"\(name)\",\"arguments\":{}", name: name)
                #expect(try Self.code(answer) == code, "\(answer.text)")
            }
            #expect(stand.toolCalls.isEmpty)
            let anonymous = try await stand.send(
                "nobody", "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(anonymous.status == 401)
            #expect(try Self.code(anonymous) == 3001, "\(anonymous.text)")
            // The caller's key stays here.
            _ = try await stand.send(key, "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(stand.toolCalls.first?.header("authorization") == nil)
        }
    }

    @Test(arguments: [
        ([Header("mcp-protocol-version", "")], -32020), ([Header("mcp-method", "")], -32020),
        ([Header("mcp-method", "tools/list")], -32020), ([Header("mcp-method", "TOOLS/CALL")], -32020),
        ([Header("mcp-name", "secret")], -32020), ([Header("mcp-name", "")], -32020),
        ([Header("mcp-name", "get_weather"), Header("mcp-name", "get_weather")], -32020),
        ([Header("mcp-name", "=?base64?Z2V0X3dlYXRoZXI?=")], -32020),
        ([Header("mcp-protocol-version", "v999")], -32020),
        ([Header("mcp-protocol-version", "2025-11-25")], -32020),
    ])
    func `fields say what the body says`(_ headers: [Header], _ code: Int) async throws {
        try await Self.run { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\"", name: "get_weather", headers: headers)
            #expect(answer.status == 400, "\(answer.text)")
            #expect(try Self.code(answer) == code, "\(answer.text)")
            #expect(stand.toolCalls.isEmpty)
        }
    }

    @Test(arguments: [
        ("{", -32700, 400), ("[]", -32600, 400), ("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a\"}", -32600, 400),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}}", -32602, 400),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", -32602, 400),
    ])
    func `a message that is none is answered as one`(_ body: String, _ code: Int, _ status: Int) async throws {
        try await Self.run { stand in
            let answer = try await stand.post(
                "/mcp/demo",
                [
                    Header("authorization", "Bearer \(try stand.key("alice"))"),
                    Header("content-type", "application/json"), Header("mcp-protocol-version", "2026-07-28"),
                    Header("mcp-method", "tools/list"),
                ], body)
            #expect(answer.status == status, "\(answer.text)")
            #expect(try Self.code(answer) == code, "\(answer.text)")
        }
    }

    @Test(arguments: ["http://evil.example", "null", "http://localhost.evil", "http://user@localhost", "localhost"])
    func `pages of elsewhere are turned away`(_ origin: String) async throws {
        try await Self.run { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/list", headers: [Header("origin", origin)])
            #expect(answer.status == 403, "\(answer.text)")
            #expect(stand.received().isEmpty)
        }
    }

    @Test func `methods that are gone are not found, and a version that is none is named`() async throws {
        try await Self.run { stand in
            let key = try stand.key("alice")
            for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "nothing"] {
                let answer = try await stand.send(key, method)
                #expect(answer.status == 404, "\(method): \(answer.text)")
                #expect(try Self.code(answer) == -32601)
            }
            let discover = try await stand.send(key, "server/discover")
            #expect(discover.text.contains("\"supportedVersions\":[\"2026-07-28\""), "\(discover.text)")
            #expect(discover.text.contains("\"name\":\"one\""))
        }
    }

    @Test func `progress comes before the answer, and a client that leaves calls its request off`() async throws {
        let scripted: Scripted = { received, _ in
            guard received.method == "tools/call" else { return nil }
            return .events([
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
                    + "\"params\":{\"progressToken\":7,\"progress\":1}}",
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}",
                "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"resultType\":\"complete\",\"content\":[]}}",
            ])
        }
        try await Self.run(answer: scripted) { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\"", name: "get_weather", id: "\"q\"")
            #expect(answer.headers.contains { $0.value == "text/event-stream" }, "\(answer.headers)")
            let lines = answer.text.split(separator: "\n").filter { $0.hasPrefix("data: ") }
            #expect(lines.count == 2, "\(answer.text)")
            #expect(lines.first?.contains("\"progressToken\":7") == true)
            #expect(lines.last?.contains("\"id\":\"q\"") == true)
        }
    }
}
