import Foundation
import GatewayRuntime
import GatewayWorkbench
import Testing

/// What a server says in a way that readers differ about, or where nobody looks.
@Suite("what cannot be read is neither asked nor shown, no part of a message keeps secrets", .timeLimit(.minutes(1)))
struct ToolUnreadableTests {
    private typealias Stand = ToolBridgeTests.Stand

    private static let key = "AKIAABCDEFGHIJKLMNOP"
    private static let redacting = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: secrets}
        spec: {servers: [demo], redact: {secrets: true}, limits: {resultBytesMax: 2000}}
        """
    private static let opened = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}},\
        "serverInfo":{"name":"old","version":"1"}}
        """
    private static let result = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"content\":[]}}"
    private static let password = "{\"type\":\"object\",\"properties\":{\"password\":{\"type\":\"string\"}}}"

    /// Readers take the first of the two, the last, or neither.
    private static let twice = "\"_meta\":{\"z\":{\"a\":1,\"a\":1}}"
    private static let questions = [
        ("elicitation/create", "\"message\":\"Enter it\",\"requestedSchema\":\(password),\(twice)"),
        ("elicitation/create", "\"mode\":\"url\",\"message\":\"m\",\"url\":\"http://user@evil\",\(twice)"),
        ("sampling/createMessage", "\"messages\":[],\"maxTokens\":1,\"tools\":[],\(twice)"),
    ].enumerated().map { index, each in
        "{\"jsonrpc\":\"2.0\",\"id\":\(index + 7),\"method\":\"\(each.0)\",\"params\":{\(each.1)}}"
    }

    /// A server with sessions.
    private static func old(
        _ call: ScriptedToolServer.Answer, beside: [String] = []
    ) -> ToolRoomTests.Scripted {
        { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(opened)
            case "tools/call": call
            case "GET": .endless(beside)
            default: nil
            }
        }
    }

    private static func run(
        more: String = "", _ scripted: @escaping ToolRoomTests.Scripted,
        _ body: (Stand, ToolRoomTests.Stand) async throws -> Void
    ) async throws {
        try await ToolRoomTests.run(more: more, answer: scripted) { stand in
            try await body(Stand(gateway: stand.gateway, key: try stand.key("alice")), stand)
        }
    }

    private static let can = "\"elicitation\":{\"form\":{},\"url\":{}},\"sampling\":{}"

    private static func open(_ stand: Stand) async throws -> [Header] {
        let answer = try await stand.post(
            """
            {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
            "capabilities":{\(can)},"clientInfo":{"name":"t","version":"1"}}}
            """)
        let session = try #require(answer.headers.first { $0.name == "mcp-session-id" }?.value, "\(answer.text)")
        return [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")]
    }

    /// From a client with a session or one without.
    private static func call(
        _ stand: Stand, isStateless: Bool, _ more: String = ""
    ) async throws -> CompletedResponse {
        let params = "\"name\":\"get_weather\",\"arguments\":{}\(more)"
        if isStateless { return try await stand.raw("tools/call", params, name: "get_weather", can: can) }
        return try await stand.post(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\(params)}}", try await open(stand))
    }

    private static func areRefused(_ stand: ToolRoomTests.Stand) async throws {
        let received = stand.received
        try await eventually("all are refused") {
            received().count { $0.body.contains("the client cannot answer") } == questions.count
        }
    }

    // MARK: Questions

    @Test(arguments: [false, true], ["", redacting])
    func `a question on a call's stream`(_ isStateless: Bool, _ more: String) async throws {
        try await Self.run(more: more, Self.old(.events(Self.questions + [Self.result]))) { stand, room in
            let answer = try await Self.call(stand, isStateless: isStateless)
            #expect(!answer.text.contains("create") && !answer.text.contains("input_required"), "\(answer.text)")
            #expect(answer.text.contains("\"content\":[]"), "\(answer.text)")
            try await Self.areRefused(room)
        }
    }

    @Test(arguments: ["", redacting])
    func `a question on the stream beside`(_ more: String) async throws {
        let last = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/prompts/list_changed\"}"
        let scripted = Self.old(.events([Self.result]), beside: Self.questions + [last])
        try await Self.run(more: more, scripted) { stand, room in
            let session = try await Self.open(stand)[0].value
            let text = try await Self.stream(
                stand, "GET /mcp/demo HTTP/1.1", ["mcp-session-id: \(session)"], until: "prompts/list_changed")
            #expect(!text.contains("create"), "\(text)")
            try await Self.areRefused(room)
        }
    }

    @Test(arguments: ["", redacting])
    func `a question on a stream that is taken up again`(_ more: String) async throws {
        let scripted: ToolRoomTests.Scripted = { received, params in
            switch received.method {
            case "tools/call": .raw(["id: m-1\ndata: \n\n"])
            case "GET": .raw(Self.questions.map { "id: m-2\ndata: \($0)\n\n" })
            default: Self.old(.status(404))(received, params)
            }
        }
        try await Self.run(more: more, scripted) { stand, room in
            let session = try await Self.open(stand)
            let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"get_weather\"}}"
            let broken = try await stand.post(call, session)
            let mark = try #require(broken.text.split(separator: "\n").last { $0.hasPrefix("id: ") }, "\(broken.text)")
            let rest = try await WorkbenchClient().call(
                "GET", try stand.gateway.url("/mcp/demo"),
                headers: session + [
                    Header("authorization", "Bearer \(stand.key)"), Header("accept", "text/event-stream"),
                    Header("last-event-id", String(mark.dropFirst(4))),
                ])
            #expect(rest.status == 200 && !rest.text.contains("create"), "\(rest.text)")
            try await Self.areRefused(room)
        }
    }

    private static func stream(
        _ stand: Stand, _ line: String, _ fields: [String], _ body: String = "", until text: String
    ) async throws -> String {
        let client = try await stand.gateway.open()
        let head = [line, "host: x", "authorization: Bearer \(stand.key)", "accept: text/event-stream"] + fields
        await client.send(head.joined(separator: "\r\n") + "\r\n\r\n" + body)
        let outcome = await client.read(timeoutMilliseconds: 10_000) {
            $0.firstRange(of: Array(text.utf8)) != nil
        }
        await client.close()
        return String(decoding: outcome.bytes, as: UTF8.self)
    }

    private static let form = """
        "requestState":"own","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"m",\
        "requestedSchema":\(password)}}}
        """
    private static let many = (0..<520).map { "\"m\($0)\":0," }.joined()

    @Test(arguments: [
        "{\(many)\"resultType\":\"input_required\",\(form)}",
        "{\"resultType\":\"input_required\",\"resultType\":\"input_required\",\(form)}",
        "{\"resultType\":\"input_required\",\"resultType\":\"complete\",\(form)}",
        "{\(many)\"task\":{\"taskId\":\"own\"}}",
    ])
    func `a result with too many members, or with one twice`(_ result: String) async throws {
        try await Self.run(Self.old(.result(result))) { stand, _ in
            for isStateless in [true, false] {
                let answer = try await Self.call(stand, isStateless: isStateless)
                #expect(try ToolRoomTests.code(answer) == 4008, "\(answer.text)")
                #expect(!answer.text.contains("own") && !answer.text.contains("password"), "\(answer.text)")
            }
        }
    }

    @Test func `a result that says something unknown of itself, from a server with a session`() async throws {
        try await Self.run(Self.old(.result("{\"resultType\":\"other\",\(Self.form)}"))) { stand, _ in
            let answer = try await Self.call(stand, isStateless: true)
            #expect(try ToolRoomTests.code(answer) == 4008 && !answer.text.contains("own"), "\(answer.text)")
        }
    }

    @Test(arguments: ["{\"s\":\"own\"}", "[\"own\"]", "5"])
    func `a state that is no text`(_ state: String) async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            received.method == "tools/call"
                ? .result("{\"resultType\":\"input_required\",\"requestState\":\(state)}") : nil
        }
        try await Self.run(scripted) { stand, _ in
            for isStateless in [true, false] {
                let answer = try await Self.call(stand, isStateless: isStateless)
                #expect(answer.text.contains("cannot be read") && !answer.text.contains("own"), "\(answer.text)")
            }
        }
    }

    @Test func `a state that looks like a secret comes back to its server as it was, and is shown to nobody`()
        async throws
    {
        let scripted: ToolRoomTests.Scripted = { received, params in
            guard received.method == "tools/call", params["requestState"] == nil else { return nil }
            return .result("{\"resultType\":\"input_required\",\"requestState\":\"\(Self.key)\"}")
        }
        try await Self.run(more: Self.redacting, scripted) { stand, room in
            let asked = try await Self.call(stand, isStateless: true)
            #expect(!asked.text.contains("AKIA"), "\(asked.text)")
            let state = try #require(try stand.result(asked)["requestState"] as? String)
            let answer = try await Self.call(stand, isStateless: true, ",\"requestState\":\"\(state)\"")
            #expect(answer.text.contains("done"), "\(answer.text)")
            #expect(room.toolCalls.last?.body.contains("\"requestState\":\"\(Self.key)\"") ?? false)
        }
    }

    @Test(arguments: [
        "resources/updated\",\"params\":{\"uri\":\"file:///a\",\"uri\":\"file:///b\"}",
        "resources/updated\",\"params\":[1]", "resources/updated\"",
        "cancelled\",\"params\":{\"requestId\":\"sluice.eA\",\"x\":1,\"x\":2}",
    ])
    func `a change, or a question that is taken back, that cannot be read`(_ rest: String) async throws {
        let message = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/\(rest)}"
        try await Self.run(Self.old(.events([message, Self.result]))) { stand, _ in
            let answer = try await Self.call(stand, isStateless: false)
            #expect(answer.text.contains("\"content\":[]"), "\(answer.text)")
            #expect(!answer.text.contains("updated") && !answer.text.contains("cancelled"), "\(answer.text)")
        }
    }

    // MARK: Secrets

    @Test(arguments: ["\"params\":{},\"note\":\"\(key)\"", "\"note\":{\"\(key)\":1}", "\"\(key)\":1"])
    func `a secret beside the params of a message`(_ members: String) async throws {
        let log = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\(members)}"
        try await Self.run(more: Self.redacting, Self.old(.events([log, Self.result]))) { stand, _ in
            let answer = try await Self.call(stand, isStateless: false)
            #expect(answer.text.contains("[redacted]") && !answer.text.contains("AKIA"), "\(answer.text)")
            #expect(answer.text.contains("\"notifications/message\""), "\(answer.text)")
        }
    }

    @Test func `a secret beside a task that begins, and one that is large`() async throws {
        let task = "{\"task\":{\"taskId\":\"t\"},\"structuredContent\":{\"k\":\"\(Self.key)\"},\"_meta\":{}}"
        try await Self.run(more: Self.redacting, Self.old(.result(task))) { stand, _ in
            let answer = try await Self.call(stand, isStateless: false, ",\"task\":{}")
            #expect(answer.text.contains("[redacted]") && !answer.text.contains("AKIA"), "\(answer.text)")
            #expect(answer.text.contains("\"taskId\""), "\(answer.text)")
        }
        let large = task.replacing("\"_meta\":{}", with: "\"m\":\"\(String(repeating: "x", count: 2_000))\"")
        try await Self.run(more: Self.redacting, Self.old(.result(large))) { stand, _ in
            let answer = try await Self.call(stand, isStateless: false, ",\"task\":{}")
            #expect(answer.text.contains("larger than 2000 bytes"), "\(answer.text)")
        }
    }

    @Test(arguments: ["", redacting])
    func `a change that is listened to`(_ more: String) async throws {
        @Sendable func changed(_ kind: String, _ params: String) -> String {
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/\(kind)/list_changed\",\"params\":{\(params)}}"
        }
        let scripted: ToolRoomTests.Scripted = { received, _ in
            guard received.method == "subscriptions/listen" else { return nil }
            return .endless([
                changed("tools", "\"k\":\"\(Self.key)\""), changed("tools", "\"unreadable\":1,\(Self.twice)"),
                changed("prompts", ""),
            ])
        }
        try await Self.run(more: more, scripted) { stand, _ in
            let body = """
                {"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{\
                "toolsListChanged":true,"promptsListChanged":true},"_meta":{\
                "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                "io.modelcontextprotocol/clientCapabilities":{}}}}
                """
            let fields = [
                "content-type: application/json", "mcp-protocol-version: 2026-07-28",
                "mcp-method: subscriptions/listen", "content-length: \(body.utf8.count)",
            ]
            let text = try await Self.stream(
                stand, "POST /mcp/demo HTTP/1.1", fields, body, until: "prompts/list_changed")
            #expect(text.contains("tools/list_changed") && !text.contains("unreadable"), "\(text)")
            #expect(text.contains("AKIA") == more.isEmpty, "\(text)")
        }
    }
}
