import Foundation
import GatewayWorkbench
import Testing

@Suite("arguments fit the tool's schema, whether or not a policy says so", .timeLimit(.minutes(1)))
struct ToolSchemaTests {
    private static let tools = """
        [{"name":"get_weather","inputSchema":{"type":"object","properties":{"city":{"type":"string"}},\
        "required":["city"]}}]
        """

    private static func policy(_ spec: String) -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: trust}
        spec: {servers: [demo], \(spec)}
        """
    }

    private static func call(_ stand: ToolRoomTests.Stand, _ arguments: String) async throws -> CompletedResponse {
        try await stand.send(
            try stand.key("alice"), "tools/call", "\"name\":\"get_weather\",\"arguments\":\(arguments)",
            name: "get_weather")
    }

    @Test(arguments: ["", policy("pin: off"), policy("validate: arguments"), policy("validate: results")])
    func `what does not fit is told, and does not reach the server`(_ more: String) async throws {
        try await ToolRoomTests.run(tools: Self.tools, more: more) { stand in
            let wrong = try await Self.call(stand, "{\"city\":1}")
            #expect(wrong.text.contains("\"isError\":true"), "\(wrong.text)")
            #expect(wrong.text.contains("/city"), "\(wrong.text)")
            #expect(stand.toolCalls.isEmpty)
            let right = try await Self.call(stand, "{\"city\":\"Rome\"}")
            #expect(right.text.contains("done"), "\(right.text)")
        }
    }

    @Test func `whoever says off gets no check, also beside a policy that says nothing of it`() async throws {
        let more = Self.policy("validate: off") + "\n" + Self.policy("pin: off").replacing("trust", with: "other")
        try await ToolRoomTests.run(tools: Self.tools, more: more) { stand in
            let answer = try await Self.call(stand, "{\"city\":1}")
            #expect(answer.text.contains("done"), "\(answer.text)")
            #expect(stand.toolCalls.count == 1)
        }
    }

    /// The gateway fetches nothing; what the server means by such a schema the server itself checks.
    @Test(arguments: [("", true), (policy("validate: arguments"), false)])
    func `a schema that cannot be understood stops a call only where a policy asks for the check`(
        _ more: String, _ passes: Bool
    ) async throws {
        let tools = """
            [{"name":"get_weather","inputSchema":{"type":"object",\
            "properties":{"city":{"$ref":"https://schemas.example/city.json"}}}}]
            """
        let (server, received) = try await ScriptedToolServer.start(tools: tools) { _, _ in nil }
        let gateway = try await GatewayUnderTest.start(
            ToolRoomTests.configuration(server.port, more: more), loops: 1)
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let answer = try await Self.call(stand, "{\"city\":\"Rome\"}")
        #expect(answer.text.contains("done") == passes, "\(answer.text)")
        let lines = try await gateway.stopAndReadLog()
        await server.stop()
        #expect(stand.toolCalls.count == (passes ? 1 : 0))
        let line = try #require(lines.first)
        let reason = line["unchecked"] as? String ?? ""
        #expect(reason.contains("https://schemas.example/city.json") == passes, "\(lines)")
    }
}
