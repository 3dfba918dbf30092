import Foundation
import GatewayControl
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

@Suite("a server that does not answer is left out until it does", .timeLimit(.minutes(1)))
struct ToolHealthTests {
    /// A server whose health a test decides.
    private final class Patient: Sendable {
        let isIll = Mutex(false)
        func set(_ isIll: Bool) { self.isIll.withLock { $0 = isIll } }
        var answersNothing: Bool { isIll.withLock { $0 } }
    }

    private static let initialized = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
        """

    private static func configuration(
        _ well: Int, _ patient: Int, credential: String = "",
        check: String = "healthCheck: {interval: 20ms, timeout: 5s, healthyThreshold: 2, unhealthyThreshold: 2}"
    ) -> String {
        ToolRoomTests.configuration(
            well,
            more: """
                ---
                apiVersion: sluice.dev/v1alpha1
                kind: MCPServer
                metadata: {name: patient}
                spec:
                  http: {url: "http://127.0.0.1:\(patient)/mcp"\(credential)}
                  \(check)
                ---
                apiVersion: sluice.dev/v1alpha1
                kind: ToolAccessPolicy
                metadata: {name: patients}
                spec:
                  subjects: [{group: engineering}]
                  rules:
                    - {server: patient, tools: ["get_*"]}
                    - {server: patient, tools: ["delete_*"], verdict: ask}
                """)
    }

    private static func names(_ stand: ToolRoomTests.Stand, _ key: String) async throws -> (Set<String>, String) {
        let answer = try await stand.send(key, "tools/list", path: "/mcp")
        let result = try #require(try ToolRoomTests.object(answer)["result"] as? [String: Any], "\(answer.text)")
        let names = (result["tools"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
        return (Set(names), answer.text)
    }

    private static func healthy(_ gateway: GatewayUnderTest) -> Bool? {
        let status = gateway.process.statuses.first { $0.key.name == "patient" }
        return status?.conditions["Healthy"]?.isTrue
    }

    @Test("in both times of the protocol", arguments: [true, false])
    func leftOut(_ isStateless: Bool) async throws {
        let patient = Patient()
        let (well, _) = try await ScriptedToolServer.start { _, _ in nil }
        let (ill, received) = try await ScriptedToolServer.start(
            discover: isStateless ? ScriptedToolServer.discovered : nil
        ) { received, _ in
            if patient.answersNothing { return .status(503) }
            switch received.method {
            case "initialize": return .session("s-1", Self.initialized)
            case "ping": return .result("{}")
            default: return nil
            }
        }
        let gateway = try await GatewayUnderTest.start(Self.configuration(well.port, ill.port))
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let key = try stand.key("alice")
        try await eventually("it is well") { Self.healthy(gateway) == true }
        #expect(try await Self.names(stand, key).0.contains("patient__get_weather"))

        patient.set(true)
        try await eventually("it is ill") { Self.healthy(gateway) == false }
        let (names, text) = try await Self.names(stand, key)
        #expect(names.contains("demo__get_weather") && !names.contains("patient__get_weather"), "\(text)")
        #expect(text.contains("patient: the server does not answer its health checks"), "\(text)")
        let call = try await stand.send(
            key, "tools/call", "\"name\":\"get_weather\"", path: "/mcp/patient", name: "get_weather")
        #expect(try ToolRoomTests.code(call) == 4004, "\(call.text)")
        #expect(stand.toolCalls.isEmpty)
        let gauge = "sluice_endpoint_healthy{backend=\"MCPServer/default/patient\",endpoint=\"127.0.0.1:\(ill.port)\"}"
        let illMetrics = try await gateway.metrics()
        #expect(illMetrics.contains("\(gauge) 0"))

        patient.set(false)
        try await eventually("it is well again") { Self.healthy(gateway) == true }
        #expect(try await Self.names(stand, key).0.contains("patient__get_weather"))
        let wellMetrics = try await gateway.metrics()
        #expect(wellMetrics.contains("\(gauge) 1"))
        let asked = Set(stand.received().filter { $0.header("mcp-name") == nil }.map(\.method))
        #expect(asked.contains(isStateless ? "server/discover" : "ping"), "\(asked)")
        try await gateway.stop()
        await well.stop()
        await ill.stop()
    }

    @Test("an approval is not spent on a call that is not sent, and records say that the server was away")
    func approved() async throws {
        let patient = Patient()
        let (well, _) = try await ScriptedToolServer.start { _, _ in nil }
        let (ill, received) = try await ScriptedToolServer.start { _, _ in patient.answersNothing ? .status(503) : nil }
        let gateway = try await GatewayUnderTest.start(Self.configuration(well.port, ill.port))
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let key = try stand.key("alice")
        func call() async throws -> CompletedResponse {
            try await stand.send(
                key, "tools/call", "\"name\":\"delete_all\",\"arguments\":{\"n\":1}", path: "/mcp/patient",
                name: "delete_all")
        }
        try await eventually("it is well") { Self.healthy(gateway) == true }
        #expect(try ToolRoomTests.code(try await call()) == 3021)
        let book = gateway.process.state.tools
        let item = try #require(book.approvals().first)
        let now = Int(Date().timeIntervalSince1970)
        _ = try book.decide(item.id, isApproved: true, by: "test", nowSeconds: now)
        patient.set(true)
        try await eventually("it is ill") { Self.healthy(gateway) == false }
        #expect(try ToolRoomTests.code(try await call()) == 4004)
        #expect(try book.approval(item.id).state == .approved)
        patient.set(false)
        try await eventually("it is well again") { Self.healthy(gateway) == true }
        let done = try await call()
        #expect(done.text.contains("done"), "\(done.text)")
        #expect(try book.approval(item.id).state == .used)
        let lines = try await gateway.stopAndReadLog().filter { $0["error"] != nil }
        #expect(lines.compactMap { $0["error"] as? String } == ["SL-3021", "SL-4004"])
        #expect(lines.compactMap { $0["outcome"] as? String } == ["refused", "upstream_failed"])
        await well.stop()
        await ill.stop()
    }

    @Test("a server that says nothing is ill after its timeout, however often a configuration is loaded meanwhile")
    func reloaded() async throws {
        let (well, _) = try await ScriptedToolServer.start { _, _ in nil }
        let silent = try await ScriptedBackend.start { _, _ in false }
        let check = "healthCheck: {interval: 10ms, timeout: 500ms, healthyThreshold: 1, unhealthyThreshold: 1}"
        let gateway = try await GatewayUnderTest.start(Self.configuration(well.port, silent.port, check: check))
        var loads = 0
        while Self.healthy(gateway) != false {
            loads += 1
            let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: touched}, data: {turn: \"\(loads)\"}}"
            _ = try await gateway.process.store.apply([
                ConfigurationLoad.Text(bytes: Array(text.utf8), file: "turn")
            ])
        }
        #expect(loads > 1)
        try await gateway.stop()
        await well.stop()
        await silent.stop()
    }

    @Test func `a refused credential is no illness, and no caller's is shown`() async throws {
        let (well, _) = try await ScriptedToolServer.start { _, _ in nil }
        let (strict, received) = try await ScriptedToolServer.start { _, _ in .status(401) }
        let gateway = try await GatewayUnderTest.start(
            Self.configuration(well.port, strict.port, credential: ", oauth: {}"))
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        try await eventually("it has answered") { Self.healthy(gateway) == true }
        #expect(stand.received().allSatisfy { $0.header("authorization") == nil })
        try await gateway.stop()
        await well.stop()
        await strict.stop()
    }

    @Test("the session that checks ask in is closed", arguments: [true, false])
    func closed(_ isRemoved: Bool) async throws {
        let (well, _) = try await ScriptedToolServer.start { _, _ in nil }
        let (checked, received) = try await ScriptedToolServer.start(discover: nil) { received, _ in
            switch received.method {
            case "initialize": .session("s-1", Self.initialized)
            case "ping": .result("{}")
            case "DELETE": .status(200)
            default: nil
            }
        }
        let text = Self.configuration(well.port, checked.port)
        let gateway = try await GatewayUnderTest.start(text)
        try await eventually("it is well") { Self.healthy(gateway) == true }
        @Sendable func isClosed() -> Bool {
            received().contains { $0.method == "DELETE" && $0.header("mcp-session-id") == "s-1" }
        }
        if isRemoved {
            let rest = ConfigurationLoad.Text(
                bytes: Array(ToolRoomTests.configuration(well.port).utf8), file: "test.yaml")
            #expect(await gateway.process.store.replaceFiles(ConfigurationLoad(texts: [rest])).isApplied)
            try await eventually("it is closed") { isClosed() }
        }
        try await gateway.stop()
        #expect(isClosed())
        #expect(received().count { $0.method == "DELETE" } == 1)
        await well.stop()
        await checked.stop()
    }
}
