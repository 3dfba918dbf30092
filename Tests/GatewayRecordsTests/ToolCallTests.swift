import GatewayModel
import Testing

@testable import GatewayRecords

@Suite("A call of a tool is counted by its server and what came of it")
struct ToolCallTests {
    private static func scrape() -> [String] {
        let registry = MetricRegistry()
        let slot = registry.backendSlot("MCPServer/default/demo")
        for (method, result, slot) in [
            ("tools/call", ToolCallRecord.Result.ok, slot), ("tools/call", .refused, slot), ("tools/list", .ok, 0),
            ("made/up", .failed, 1_000_000),
        ] {
            var call = ToolCallRecord(method: method)
            (call.result, call.slot, call.resultBytes, call.redactions) = (result, slot, 100, 2)
            var record = RequestRecord()
            record.toolCall = ToolCallNote(call)
            (record.startedNanoseconds, record.endedNanoseconds) = (1_000_000, 3_000_000)
            let loop = registry.makeLoop()
            loop.count(record)
            loop.publish()
        }
        return String(decoding: PrometheusText.render(registry), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test(arguments: [
        #"sluice_tool_requests_total{server="MCPServer/default/demo",method="tools/call",result="ok"} 1"#,
        #"sluice_tool_requests_total{server="MCPServer/default/demo",method="tools/call",result="refused"} 1"#,
        #"sluice_tool_requests_total{server="none",method="list",result="ok"} 1"#,
        #"sluice_tool_requests_total{server="none",method="_OTHER",result="failed"} 1"#,
        #"mcp_server_operation_duration_seconds_count{sluice_tool_server="MCPServer/default/demo","#
            + #"mcp_method_name="tools/call"} 2"#,
        #"mcp_server_operation_duration_seconds_count{sluice_tool_server="none",mcp_method_name="list"} 1"#,
        #"sluice_tool_result_bytes_total{server="MCPServer/default/demo"} 200"#,
        #"sluice_tool_redactions_total{server="MCPServer/default/demo"} 4"#,
    ])
    func `what a scrape shows`(_ line: String) {
        #expect(Self.scrape().contains(line))
    }
}
