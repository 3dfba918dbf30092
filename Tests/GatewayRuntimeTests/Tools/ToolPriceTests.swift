import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("tools have prices, and budgets of money count them", .timeLimit(.minutes(1)))
struct ToolPriceTests {
    @Test func `a call costs the price of its tool, the highest of several, and nothing where no server is asked`()
        async throws
    {
        let more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPToolPolicy
            metadata: {name: cheap}
            spec: {servers: ["*"], price: "0.01"}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPToolPolicy
            metadata: {name: dear}
            spec: {servers: [demo], tools: ["get_*"], price: "0.4"}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: BudgetPolicy
            metadata: {name: tool-money}
            spec: {scope: user, tools: ["demo__*"], limits: [{unit: usd, max: "1.00", window: total}]}
            """
        try await ToolRoomTests.run(more: more) { stand in
            let key = try stand.key("alice")
            func call() async throws -> CompletedResponse {
                try await stand.send(key, "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            }
            for _ in 0..<2 { #expect(try await call().text.contains("done")) }
            let added = try await stand.send(
                key, "tools/call", "\"name\":\"add\",\"arguments\":{\"a\":1}", name: "add",
                headers: [Header("mcp-param-a", "1")])
            #expect(added.text.contains("done"), "\(added.text)")
            let refused = try await call()
            #expect(refused.text.contains("budget") && refused.text.contains("usd"), "\(refused.text)")
            #expect(stand.toolCalls.count == 3)
            let lines = stand.gateway.process.state.ledger.lines(nowMilliseconds: 1_800_000_000_000)
            #expect(lines.filter { $0.unit == .usd }.map(\.spent) == [810_000_000_000])
        }
    }
}
