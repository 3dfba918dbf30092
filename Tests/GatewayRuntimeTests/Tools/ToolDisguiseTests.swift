import Foundation
import GatewayModel
import GatewayRuntime
import GatewayWorkbench
import NIOCore
import Testing

/// Questions, states and tasks that come where none is looked for, or more of them than anybody answers.
@Suite("a question, a state or a task is what it is wherever it stands", .timeLimit(.minutes(1)))
struct ToolDisguiseTests {
    private static let policies = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: more}
        spec: {subjects: [{any: true}], rules: [{server: demo, prompts: ["*"], resources: ["*"]}]}
        """
    private static let opened = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
        """
    private static let tasks = "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}},\"elicitation\":{}"
    private static let times =
        "\"createdAt\":\"2026-11-25T12:00:00Z\",\"lastUpdatedAt\":\"2026-11-25T12:00:00Z\",\"ttlMs\":null"
    private static let task = "{\"resultType\":\"task\",\"taskId\":\"raw-id\",\"status\":\"working\",\(times)}"

    private static func questions(_ count: Int) -> String {
        let form = """
            {"method":"elicitation/create","params":{"message":"m","requestedSchema":{"type":"object",\
            "properties":{"a":{"type":"boolean"}}}}}
            """
        return "{\((0..<count).map { "\"q\($0)\":\(form)" }.joined(separator: ","))}"
    }

    /// What the client of a task is told when its server says this of it.
    private static func told(_ more: String) async throws -> CompletedResponse {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "tools/call": .result(task)
            case "tasks/get": .result("{\"resultType\":\"complete\",\"taskId\":\"raw-id\",\(times),\(more)}")
            default: nil
            }
        }
        let answer = Box<CompletedResponse?>(nil)
        try await ToolRoomTests.run(answer: scripted) { stand in
            var client = try ToolClient(stand)
            client.can = tasks
            let begun = try ToolRoomTests.object(try await client.call())["result"] as? [String: Any]
            let id = try #require(begun?["taskId"] as? String, "\(begun ?? [:])")
            answer.set(try await client.send("tasks/get", "\"taskId\":\"\(id)\"", name: id))
        }
        return try #require(answer.value)
    }

    @Test(arguments: [
        "{\"resultType\":\"input_required\",\"requestState\":\"raw-state\",\"inputRequests\":\(questions(1))}",
        "{\"resultType\":\"task\",\"taskId\":\"raw-state\"}", "{\"resultType\":{\"raw-state\":1},\"content\":[]}",
    ])
    func `in a task's result`(_ result: String) async throws {
        let answer = try await Self.told("\"status\":\"completed\",\"result\":\(result)")
        #expect(try ToolRoomTests.code(answer) == 4008 && !answer.text.contains("raw-"), "\(answer.text)")
    }

    @Test func `in a task's error`() async throws {
        let error = "{\"code\":-32042,\"message\":\"m\",\"data\":{\"elicitations\":[{\"url\":\"javascript:a\"}]}}"
        let answer = try await Self.told("\"status\":\"failed\",\"error\":\(error)")
        #expect(answer.text.contains("\"code\":-32602") && !answer.text.contains("javascript"), "\(answer.text)")
    }

    @Test(arguments: [("prompts/get", "\"name\":\"p\"", "p"), ("resources/read", "\"uri\":\"x://1\"", "x://1")])
    func `a task that begins where none can`(_ method: String, _ params: String, _ name: String) async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in received.method == method ? .result(Self.task) : nil }
        try await ToolRoomTests.run(more: Self.policies, answer: scripted) { stand in
            for can in ["", Self.tasks] {
                var client = try ToolClient(stand)
                client.can = can
                let answer = try await client.send(method, params, name: name)
                #expect(try ToolRoomTests.code(answer) == 4008 && !answer.text.contains("raw-id"), "\(answer.text)")
            }
        }
    }

    @Test func `a task of a server without sessions, for a client with one`() async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            received.method == "tools/call" ? .result(Self.task) : nil
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let answer = try await ToolClient(stand).opened().call()
            #expect(try ToolRoomTests.code(answer) == 4008 && !answer.text.contains("raw-id"), "\(answer.text)")
        }
    }

    @Test(arguments: [100, 101])
    func `as many questions as anybody answers, and one more`(_ count: Int) async throws {
        let question = "{\"resultType\":\"input_required\",\"inputRequests\":\(Self.questions(count))}"
        let scripted: ToolRoomTests.Scripted = { received, _ in
            received.method == "tools/call" ? .result(question) : nil
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let client = try ToolClient(stand)
            let answer = try await client.call()
            #expect(answer.text.contains("\"q99\"") == (count == 100), "\(answer.text.prefix(300))")
            #expect(answer.text.contains("more than 100 questions") == (count > 100), "\(answer.text.prefix(300))")
            guard count > 100 else { return }
            let inSession = try await client.opened().call()
            #expect(inSession.text.contains("more than 100 questions"), "\(inSession.text.prefix(300))")
        }
        let told = try await Self.told("\"status\":\"input_required\",\"inputRequests\":\(Self.questions(count))")
        #expect(told.text.contains("\"q99\"") == (count == 100), "\(told.text.prefix(300))")
        #expect(told.text.contains("more than 100 questions") == (count > 100), "\(told.text.prefix(300))")
    }

    // MARK: States

    @Test func `a state and answers of a client with a session reach no server as if they were the gateway's`()
        async throws
    {
        let scripted: ToolRoomTests.Scripted = { received, params in
            guard received.method == "tools/call", params["requestState"] as? String != "own" else { return nil }
            return .result("{\"resultType\":\"input_required\",\"requestState\":\"own\"}")
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let client = try await ToolClient(stand).opened()
            let forged = ",\"requestState\":\"forged\",\"inputResponses\":{\"forged\":{\"action\":\"accept\"}}"
            let answer = try await client.call("get_weather", forged)
            #expect(answer.text.contains("done"), "\(answer.text)")
            let bodies = stand.toolCalls.map(\.body)
            #expect(bodies.count == 2 && bodies[1].contains("\"requestState\":\"own\""), "\(bodies)")
            #expect(bodies.allSatisfy { !$0.contains("forged") && !$0.contains("inputResponses") }, "\(bodies)")
        }
    }

    @Test(arguments: ["{\"user\":\"admin\"}", "[\"a\"]", "1", "null", "true", "\"made up\""])
    func `a state that no gateway has made reaches no server`(_ state: String) async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await ToolClient(stand).call("get_weather", ",\"requestState\":\(state)")
            #expect(try ToolRoomTests.code(answer) == -32602, "\(answer.text)")
            #expect(stand.toolCalls.isEmpty)
        }
    }

    // MARK: Results

    private static let validated = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: strict}
        spec: {servers: [demo], validate: results}
        """
    private static let typed = """
        [{"name":"get_weather","inputSchema":{"type":"object"},"outputSchema":{"type":"object","properties":\
        {"n":{"type":"integer"}}}}]
        """

    @Test(arguments: ["x", "task", "complete", "completed"])
    func `a result is checked whatever it calls itself`(_ type: String) async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(Self.opened)
            case "tools/call":
                .result("{\"resultType\":\"\(type)\",\"content\":[],\"structuredContent\":{\"n\":\"wrong\"}}")
            default: nil
            }
        }
        try await ToolRoomTests.run(tools: Self.typed, more: Self.validated, answer: scripted) { stand in
            let answer = try await ToolClient(stand).opened().call()
            #expect(try ToolRoomTests.code(answer) == 4008 && !answer.text.contains("wrong"), "\(answer.text)")
        }
    }

    // MARK: Memory

    private static let question = """
        {"jsonrpc":"2.0","id":99,"method":"elicitation/create","params":{"message":"m","requestedSchema":\
        {"type":"object","properties":{"a":{"type":"boolean"}}}}}
        """
    private static let said = """
        {"jsonrpc":"2.0","method":"notifications/said","params":{"text":"\(String(repeating: "z", count: 20_000))"}}
        """

    @Test func `a server whose call waits for its client is held up, and nothing of what it says is lost`()
        async throws
    {
        let (count, sent) = (1_200, Box(0))
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(Self.opened)
            case "tools/call":
                .steps { id in
                    [
                        .head(200, [Header("content-type", "text/event-stream")]),
                        .chunk(ByteBuffer(string: "data: \(Self.question)\n\n")),
                        .stream(count: count, intervalMilliseconds: 0) { _ in
                            sent.update { $0 += Self.said.utf8.count }
                            return ByteBuffer(string: "data: \(Self.said)\n\n")
                        },
                        .chunk(
                            ByteBuffer(
                                string: "data: {\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"content\":[]}}\n\n")),
                        .end([]),
                    ]
                }
            default: nil
            }
        }
        let (server, received) = try await ScriptedToolServer.start(scripted)
        var limits = Limits()
        limits.waitingCallerBytesMax = 100_000
        let gateway = try await GatewayUnderTest.start(ToolRoomTests.configuration(server.port), limits: limits)
        let client = try ToolClient(ToolRoomTests.Stand(gateway: gateway, received: received))
        let asked = try ToolRoomTests.object(try await client.call())["result"] as? [String: Any]
        let state = try #require(asked?["requestState"] as? String, "\(asked ?? [:])")
        // The server goes on until it is held up; what it has sent by then lies in buffers of the kernel.
        var (last, same) = (-1, 0)
        while same < 15 {
            same = sent.value == last ? same + 1 : 0
            last = sent.value
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(last < 18_000_000, "\(last) bytes were taken while nobody heard them")
        let answers = ",\"requestState\":\"\(state)\",\"inputResponses\":{\"q1\":{\"action\":\"decline\"}}"
        let rest = try await client.call("get_weather", answers).text
        #expect(rest.components(separatedBy: "notifications/said").count == count + 1)
        #expect(rest.contains("\"content\":[]"), "\(rest.suffix(300))")
        try await gateway.stop()
        await server.stop()
    }
}
