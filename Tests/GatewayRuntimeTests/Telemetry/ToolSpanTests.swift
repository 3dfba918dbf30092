import Foundation
import GatewayRuntime
import GatewayWorkbench
import Testing

@Suite("what the gateway asks servers of tools is a span and a number of its own", .timeLimit(.minutes(1)))
struct ToolSpanTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let opened = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
        """

    private static func call(_ stand: ToolRoomTests.Stand, _ key: String) async throws -> CompletedResponse {
        try await stand.post(
            "/mcp/demo",
            [
                Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                Header("mcp-protocol-version", "2026-07-28"), Header("mcp-method", "tools/call"),
                Header("mcp-name", "get_weather"),
            ],
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_weather","_meta":{\
            "traceparent":"00-\(trace)-00f067aa0ba902b7-01",\
            "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":{}}}}
            """)
    }

    @Test(arguments: [true, false])
    func `a call is a span of the server's and one of the client's, in the conventions' words`(
        _ isStateless: Bool
    ) async throws {
        let (server, received) = try await ScriptedToolServer.start(
            discover: isStateless ? ScriptedToolServer.discovered : nil
        ) { received, _ in
            switch received.method {
            case "initialize": .session("secret-session", Self.opened)
            case "tools/call": .result("{\"content\":[],\"isError\":true}")
            default: nil
            }
        }
        let collector = try await MockHTTPServer.start()
        var telemetry = try TelemetryCollector(url: "http://\(collector.authority)", fields: [])
        telemetry.intervalMilliseconds = 50
        let gateway = try await GatewayUnderTest.start(
            ToolRoomTests.configuration(server.port), loops: 1, adjust: { $0.otlp = telemetry })
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let answer = try await Self.call(stand, try stand.key("alice"))
        #expect(answer.text.contains("isError"), "\(answer.text)")
        try await gateway.stop()
        let spans = try TelemetryExportTests.spans(collector).filter { $0["traceId"] as? String == Self.trace }
        let outer = try #require(spans.first { $0["kind"] as? Int == 2 })
        let inner = try #require(spans.first { $0["kind"] as? Int == 3 }, "\(spans)")
        #expect(inner["name"] as? String == "tools/call get_weather")
        #expect(inner["parentSpanId"] as? String == outer["spanId"] as? String)
        // What the server is told is the span that the collector gets.
        let sent = try #require(stand.toolCalls.first?.body)
        let id = inner["spanId"] as? String ?? "none"
        #expect(sent.contains("\"traceparent\":\"00-\(Self.trace)-\(id)-01\""), "\(sent)")
        let expected = [
            "mcp.method.name": "tools/call", "mcp.protocol.version": isStateless ? "2026-07-28" : "2025-11-25",
            "gen_ai.tool.name": "get_weather", "gen_ai.operation.name": "execute_tool", "error.type": "tool_error",
            "network.transport": "tcp", "server.address": "127.0.0.1", "server.port": "\(server.port)",
            "sluice.tool.server": "demo",
        ]
        for (name, value) in expected { #expect(TelemetryExportTests.attribute(inner, name) == value, "\(name)") }
        #expect(TelemetryExportTests.attribute(inner, "jsonrpc.request.id") != nil)
        #expect(!"\(spans)".contains("secret-session"))
        await server.stop()
        await collector.stop()
    }

    @Test func `operations are counted by how they failed, and sessions by how long they were open`() async throws {
        let opened = Self.opened
        let (server, received) = try await ScriptedToolServer.start(discover: nil) { received, _ in
            switch received.method {
            case "initialize": .session("s-1", opened)
            case "tools/call": .result("{\"content\":[],\"isError\":true}")
            default: nil
            }
        }
        let gateway = try await GatewayUnderTest.start(ToolRoomTests.configuration(server.port), loops: 1)
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let headers = [
            Header("authorization", "Bearer \(try stand.key("alice"))"), Header("content-type", "application/json"),
        ]
        let answer = try await stand.post(
            "/mcp/demo", headers,
            """
            {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
            "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
            """)
        let session = try #require(answer.headers.first { $0.name == "mcp-session-id" }, "\(answer.text)")
        let own = headers + [Header("mcp-session-id", session.value)]
        _ = try await stand.post(
            "/mcp/demo", own,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"get_weather\"}}")
        _ = try await WorkbenchClient().call("DELETE", try gateway.url("/mcp/demo"), headers: own)
        let labels = "sluice_tool_server=\"MCPServer/default/demo\""
        try await eventually("all is counted") {
            let text = try await gateway.metrics()
            return text.contains(
                "mcp_client_operation_duration_seconds_count{\(labels),mcp_method_name=\"tools/call\","
                    + "error_type=\"tool_error\"} 1")
                && text.contains(
                    "mcp_client_operation_duration_seconds_count{\(labels),mcp_method_name=\"list\",error_type=\"\"} 1")
                && text.contains("mcp_client_session_duration_seconds_count{\(labels)} 1")
        }
        try await gateway.stop()
        await server.stop()
    }
}
