import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

/// The corner cases of the reference's section 5, by their numbers, where no other suite has them.
@Suite("corner cases that other gateways got wrong", .timeLimit(.minutes(1)))
struct ToolCornerTests {
    private static let opened = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
        """

    @Test func `2: a refused credential is told, and no session is opened for it again`() async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(Self.opened)
            case "tools/call": .status(401)
            default: nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(answer.text.contains("does not accept the gateway's credential"), "\(answer.text)")
            #expect(stand.received().count { $0.method == "initialize" } == 1)
            #expect(stand.toolCalls.count == 1)
        }
    }

    @Test func `5: another server changes no name`() async throws {
        let other = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPServer
            metadata: {name: other}
            spec: {http: {url: "http://127.0.0.1:1/mcp"}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: other}
            spec: {subjects: [{any: true}], rules: [{server: other}]}
            """
        for more in ["", other] {
            try await ToolRoomTests.run(more: more) { stand in
                let list = try await stand.send(try stand.key("alice"), "tools/list", path: "/mcp")
                #expect(list.text.contains("\"demo__get_weather\""), "\(list.text)")
                // 8: what is wrong with the other one is said, and hides nothing.
                #expect(list.text.contains("dev.sluice/problems") == !more.isEmpty, "\(list.text)")
            }
        }
    }

    @Test func `16: large arguments arrive whole`() async throws {
        try await ToolRoomTests.run { stand in
            let text = String(repeating: "x", count: 3 << 20)
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\",\"arguments\":{\"text\":\"\(text)\"}",
                name: "get_weather")
            #expect(answer.text.contains("done"), "\(answer.text.prefix(200))")
            #expect(stand.toolCalls.first?.body.utf8.count ?? 0 > 3 << 20)
        }
    }

    @Test(arguments: [
        ("{", 400, -32700), ("[]", 400, -32600), ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", 400, -32600),
        ("{\"id\":1,\"method\":\"ping\"}", 400, -32600), ("\"x\"", 400, -32600), ("", 400, -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", 400, nil),
    ])
    func `17: whatever is malformed gets an error of JSON-RPC`(
        _ body: String, _ status: Int, _ code: Int?
    ) async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await stand.post(
                "/mcp/demo",
                [
                    Header("authorization", "Bearer \(try stand.key("alice"))"),
                    Header("content-type", "application/json"),
                ], body)
            #expect(answer.status == status, "\(answer.status) \(answer.text)")
            let given = try ToolRoomTests.code(answer)
            #expect(given != nil && (code == nil || given == code), "\(answer.text)")
            #expect(answer.headers.contains { $0.name == "content-type" && $0.value.hasPrefix("application/json") })
        }
    }

    @Test func `21: blanks around a field's value are none of it`() async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\"", name: "get_weather",
                headers: [Header("mcp-name", "  get_weather\t")])
            #expect(answer.text.contains("done"), "\(answer.text)")
        }
    }

    @Test func `rounds without end are cut`() async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            guard received.method == "tools/call" else { return nil }
            return .result(
                """
                {"resultType":"input_required","requestState":"again","inputRequests":{"q":{"method":\
                "elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{"type":"object"}}}}}
                """)
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            var state = ""
            var rounds = 0
            while rounds < 20 {
                let given = state.isEmpty ? "" : ",\"requestState\":\"\(state)\",\"inputResponses\":{\"q\":{}}"
                let answer = try await stand.post(
                    "/mcp/demo",
                    [
                        Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                        Header("mcp-protocol-version", "2026-07-28"), Header("mcp-method", "tools/call"),
                        Header("mcp-name", "get_weather"),
                    ],
                    """
                    {"jsonrpc":"2.0","id":\(rounds),"method":"tools/call","params":{"name":"get_weather"\(given),\
                    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                    "io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}
                    """)
                let result = try ToolRoomTests.object(answer)["result"] as? [String: Any]
                guard let next = result?["requestState"] as? String else { break }
                state = next
                rounds += 1
            }
            #expect(rounds == 10)
        }
    }
}
