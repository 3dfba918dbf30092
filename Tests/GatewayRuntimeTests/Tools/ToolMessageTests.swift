import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

/// What servers say beside results: questions, changes, log lines, and what they take back.
@Suite("what a server says is told to whom it concerns, in the words of its time", .timeLimit(.minutes(1)))
struct ToolMessageTests {
    private static let opened = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true}},\
        "instructions":"Be kind.\\u200B","serverInfo":{"name":"old","version":"1"}}
        """

    /// A server with sessions that says this to a call, and that on the stream beside.
    private static func old(call: [String], beside: [String] = []) -> ToolRoomTests.Scripted {
        { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(opened)
            case "tools/call": .events(call)
            case "GET": .endless(beside)
            case "resources/read":
                .result("{\"contents\":[{\"uri\":\"x://1\",\"text\":\"AKIAABCDEFGHIJKLMNOP\"}]}")
            case "prompts/get":
                .result(
                    """
                    {"messages":[{"role":"user","content":{"type":"text","text":"AKIAABCDEFGHIJKLMNOP"}}]}
                    """)
            default: nil
            }
        }
    }

    private static let policies = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: more}
        spec: {subjects: [{any: true}], rules: [{server: demo, resources: ["x://1"], prompts: ["*"]}]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: secrets}
        spec: {servers: [demo], redact: {secrets: true}}
        """

    private static func headers(_ key: String, _ session: String?) -> [Header] {
        [
            Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
            Header("accept", "application/json, text/event-stream"),
        ] + (session.map { [Header("mcp-session-id", $0), Header("mcp-protocol-version", "2025-11-25")] } ?? [])
    }

    private static func open(
        _ stand: ToolRoomTests.Stand, _ key: String, can capabilities: String = "{\"elicitation\":{}}"
    ) async throws -> (session: String, answer: CompletedResponse) {
        let answer = try await stand.post(
            "/mcp/demo", headers(key, nil),
            """
            {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
            "capabilities":\(capabilities),"clientInfo":{"name":"t","version":"1"}}}
            """)
        let session = answer.headers.first { $0.name == "mcp-session-id" }?.value
        return (try #require(session, "\(answer.text)"), answer)
    }

    private static func ask(
        _ stand: ToolRoomTests.Stand, _ key: String, _ session: String, _ method: String, _ params: String
    ) async throws -> CompletedResponse {
        try await stand.post(
            "/mcp/demo", headers(key, session),
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(method)\",\"params\":{\(params)}}")
    }

    private static let question = """
        {"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Name?",\
        "requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}}
        """
    private static let result = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"content\":[]}}"

    private static func lines(_ answer: CompletedResponse) throws -> [[String: Any]] {
        try answer.text.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { line in
            try #require(JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8)) as? [String: Any])
        }
    }

    @Test func `a question that a server takes back is taken back by the name the client knows`() async throws {
        let back = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}"
        let scripted = Self.old(call: [Self.question, back, Self.result])
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            let (session, _) = try await Self.open(stand, key)
            let answer = try await Self.ask(stand, key, session, "tools/call", "\"name\":\"get_weather\"")
            let messages = try Self.lines(answer)
            try #require(messages.count == 3, "\(answer.text)")
            let asked = try #require(messages[0]["id"] as? String)
            #expect((messages[1]["params"] as? [String: Any])?["requestId"] as? String == asked, "\(answer.text)")
        }
    }

    @Test func `a form for a secret, and a page for who shows none, are refused at the server`() async throws {
        let secret = Self.question.replacing("\"name\":{", with: "\"password\":{")
        let page = """
            {"jsonrpc":"2.0","id":8,"method":"elicitation/create","params":{"mode":"url","message":"m",\
            "url":"https://a.example/","elicitationId":"e"}}
            """
        try await ToolRoomTests.run(answer: Self.old(call: [secret, page, Self.result])) { stand in
            let key = try stand.key("alice")
            let (session, _) = try await Self.open(stand, key)
            let answer = try await Self.ask(stand, key, session, "tools/call", "\"name\":\"get_weather\"")
            #expect(try Self.lines(answer).isEmpty, "\(answer.text)")
            let received = stand.received
            // A user's no, and a way that the client has not declared.
            try await eventually("both are refused") {
                let bodies = received().map(\.body)
                return bodies.contains { $0.contains("\"result\":{\"action\":\"decline\"}") }
                    && bodies.contains { $0.contains("-32602") && $0.contains("the client cannot answer in") }
            }
        }
    }

    /// What nobody may be asked is no question of what a client can.
    @Test func `a form for a secret in a result is declined for who has a session, and told as what it is`()
        async throws
    {
        func form(_ field: String) -> String {
            "{\"method\":\"elicitation/create\",\"params\":{\"message\":\"m\",\"requestedSchema\":{\"type\":\"object\","
                + "\"properties\":{\"\(field)\":{\"type\":\"string\"}}}}}"
        }
        let asking =
            "{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":\(form("password"))},\"requestState\":\"s\"}"
        let bare = "{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":\(form("password"))}}"
        let scripted: ToolRoomTests.Scripted = { received, params in
            guard received.method == "tools/call", params["inputResponses"] == nil else { return nil }
            return .result(received.name == "get_weather" ? asking : bare)
        }
        let tools = ["get_weather", "get_bare"].map { "{\"name\":\"\($0)\",\"inputSchema\":{\"type\":\"object\"}}" }
        try await ToolRoomTests.run(tools: "[\(tools.joined(separator: ","))]", answer: scripted) { stand in
            let client = try ToolClient(stand)
            let told = try await client.call("get_bare")
            #expect(try ToolRoomTests.code(told) == 4008 && told.text.contains("nobody may ask"), "\(told.text)")
            var unable = client
            unable.can = ""
            let missing = try await unable.call("get_bare")
            #expect(try ToolRoomTests.code(missing) == -32021, "\(missing.text)")
            let needed = "\"requiredCapabilities\":{\"elicitation\":{\"form\":{}}}"
            #expect(missing.text.contains(needed), "\(missing.text)")
            let answer = try await client.opened().call()
            #expect(answer.text.contains("done"), "\(answer.text)")
            let last = try #require(stand.toolCalls.last?.body)
            #expect(last.contains("\"inputResponses\":{\"a\":{\"action\":\"decline\"}}"), "\(last)")
        }
    }

    @Test func `who may not read a resource does not hear of it, nor of another's questions`() async throws {
        func updated(_ uri: String) -> String {
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"\(uri)\"}}"
        }
        let log = """
            {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info",\
            "data":"AKIAABCDEFGHIJKLMNOP"}}
            """
        let beside = [updated("x://2"), Self.question, log, updated("x://1")]
        let scripted = Self.old(call: [Self.result], beside: beside)
        try await ToolRoomTests.run(more: Self.policies, answer: scripted) { stand in
            let key = try stand.key("alice")
            let (session, _) = try await Self.open(stand, key, can: "{}")
            let client = try await stand.gateway.open()
            await client.send(
                "GET /mcp/demo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(key)\r\n"
                    + "accept: text/event-stream\r\nmcp-session-id: \(session)\r\n\r\n")
            let wanted = Array("x://1".utf8)
            let outcome = await client.read(timeoutMilliseconds: 10_000) { $0.firstRange(of: wanted) != nil }
            let text = String(decoding: outcome.bytes, as: UTF8.self)
            #expect(text.contains("x://1"), "\(text)")
            #expect(!text.contains("x://2") && !text.contains("elicitation") && !text.contains("AKIA"), "\(text)")
            await client.close()
        }
    }

    @Test func `resources and prompts keep the secrets that all tools keep`() async throws {
        try await ToolRoomTests.run(more: Self.policies, answer: Self.old(call: [Self.result])) { stand in
            let key = try stand.key("alice")
            let (session, opened) = try await Self.open(stand, key)
            // What nobody sees is not told to a model either.
            #expect(!opened.text.contains("instructions"), "\(opened.text)")
            let read = try await Self.ask(stand, key, session, "resources/read", "\"uri\":\"x://1\"")
            #expect(read.text.contains("[redacted]") && !read.text.contains("AKIA"), "\(read.text)")
            let prompt = try await Self.ask(stand, key, session, "prompts/get", "\"name\":\"p\"")
            #expect(prompt.text.contains("[redacted]") && !prompt.text.contains("AKIA"), "\(prompt.text)")
        }
    }

    @Test func `a session's requests name a version that there is`() async throws {
        try await ToolRoomTests.run(answer: Self.old(call: [Self.result])) { stand in
            let key = try stand.key("alice")
            let (session, _) = try await Self.open(stand, key)
            for (version, status) in [("v999", 400), ("2025-06-18", 200)] {
                let answer = try await stand.post(
                    "/mcp/demo",
                    Self.headers(key, session).filter { $0.name != "mcp-protocol-version" }
                        + [Header("mcp-protocol-version", version)],
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}")
                #expect(answer.status == status, "\(version): \(answer.text)")
            }
        }
    }

    @Test(arguments: [MCPRevision.july2026, .november2025])
    func `a session hears of the log what it asked for, from a server of either time`(
        _ revision: MCPRevision
    ) async throws {
        var options = MockToolServer.Options()
        options.revisions = [revision]
        options.sets = [.demo, .surface]
        let server = try await MockToolServer.start(options)
        try await ToolBridgeTests.run(at: server.url) { stand in
            let session = try await stand.open()
            let headers = [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")]
            func log(_ level: String) async throws -> Bool {
                let answer = try await stand.post(
                    """
                    {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"log",\
                    "arguments":{"text":"a line","level":"\(level)"}}}
                    """, headers)
                #expect(answer.text.contains("logged"), "\(answer.text)")
                return answer.text.contains("notifications/message")
            }
            #expect(try await log("info"))
            _ = try await stand.inSession(session, "logging/setLevel", "\"level\":\"error\"")
            #expect(try await log("info") == false)
            #expect(try await log("error"))
        }
        await server.stop()
    }

    @Test(arguments: [true, false])
    func `a trace goes on through the gateway, in both times`(_ isStateless: Bool) async throws {
        let none: ToolRoomTests.Scripted = { _, _ in nil }
        let scripted = isStateless ? none : Self.old(call: [Self.result])
        try await ToolRoomTests.run(answer: scripted) { stand in
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let body = """
                {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_weather","_meta":{\
                "traceparent":"00-\(trace)-00f067aa0ba902b7-01",\
                "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                "io.modelcontextprotocol/clientCapabilities":{}}}}
                """
            let answer = try await stand.post(
                "/mcp/demo",
                Self.headers(try stand.key("alice"), nil) + [
                    Header("mcp-protocol-version", "2026-07-28"), Header("mcp-method", "tools/call"),
                    Header("mcp-name", "get_weather"),
                ], body)
            #expect(answer.status == 200, "\(answer.text)")
            let sent = try #require(stand.toolCalls.first?.body)
            #expect(sent.contains("\"traceparent\":\"00-\(trace)-") && !sent.contains("00f067aa0ba902b7"), "\(sent)")
        }
    }
}
