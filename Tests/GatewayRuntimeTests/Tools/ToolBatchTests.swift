import Foundation
import GatewayModel
import GatewayRuntime
import GatewayWorkbench
import Testing

/// Batches of JSON-RPC, which revision 2025-03-26 alone has.
@Suite("each message of a batch is judged, counted and answered by itself", .timeLimit(.minutes(1)))
struct ToolBatchTests {
    private static func headers(_ key: String, _ more: [Header] = []) -> [Header] {
        [
            Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
            Header("accept", "application/json, text/event-stream"),
        ] + more
    }

    private static func call(_ id: String, _ name: String, _ arguments: String = "{}") -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"tools/call\",\"params\":"
            + "{\"name\":\"\(name)\",\"arguments\":\(arguments)}}"
    }

    private static let hint = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}"

    private static func send(
        _ stand: ToolRoomTests.Stand, _ key: String, _ messages: [String], _ more: [Header] = []
    ) async throws -> CompletedResponse {
        try await stand.post("/mcp/demo", headers(key, more), "[\(messages.joined(separator: ", "))]")
    }

    private static func answers(_ answer: CompletedResponse) throws -> [[String: Any]] {
        let all = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [[String: Any]]
        return try #require(all, "\(answer.status) \(answer.text)")
    }

    private static func open(_ stand: ToolRoomTests.Stand, _ key: String, _ revision: String) async throws -> Header {
        let answer = try await stand.post(
            "/mcp/demo", headers(key),
            """
            {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\(revision)",\
            "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
            """)
        let session = try #require(answer.headers.first { $0.name == "mcp-session-id" }, "\(answer.text)")
        return Header("mcp-session-id", session.value)
    }

    @Test func `answers come in the order of what was asked, refusals among them`() async throws {
        let (server, received) = try await ScriptedToolServer.start { _, _ in nil }
        let gateway = try await GatewayUnderTest.start(ToolRoomTests.configuration(server.port), loops: 1)
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let answer = try await Self.send(
            stand, try stand.key("alice"),
            [
                Self.call("1", "get_weather"), Self.hint, Self.call("\"b\"", "secret"), "7",
                Self.call("3", "add", "{\"a\":500}"), Self.call("4", "add", "{\"a\":1}"),
            ])
        #expect(answer.status == 200)
        let all = try Self.answers(answer)
        try #require(all.count == 5, "\(answer.text)")
        func code(_ index: Int) -> Int? { (all[index]["error"] as? [String: Any])?["code"] as? Int }
        #expect(all[0]["id"] as? Int == 1 && all[0]["result"] != nil)
        #expect(all[1]["id"] as? String == "b" && code(1) == -32602)
        #expect(all[2]["id"] is NSNull && code(2) == -32600)
        #expect(all[3]["id"] as? Int == 3 && code(3) == 3020)
        #expect(all[4]["id"] as? Int == 4 && all[4]["result"] != nil)
        #expect(stand.toolCalls.map(\.name).sorted() == ["add", "get_weather"])
        let lines = try await gateway.stopAndReadLog()
        let calls = lines.filter { $0["mcp_method"] as? String == "tools/call" }
        let results = calls.map { "\($0["item"] ?? "") \($0["result"] ?? "")" }.sorted()
        #expect(results == ["add ok", "add refused", "get_weather ok", "secret refused"], "\(lines)")
        #expect(Set(lines.compactMap { $0["request_id"] as? String }).count == 1, "\(lines)")
        #expect(calls.compactMap { $0["part"] as? Int }.sorted() == [1, 3, 5, 6], "\(lines)")
        await server.stop()
    }

    @Test func `notifications alone are taken without a word`() async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await Self.send(stand, try stand.key("alice"), [Self.hint, Self.hint])
            #expect(answer.status == 202 && answer.body.isEmpty, "\(answer.text)")
        }
    }

    @Test("sessions decide by what they agreed on", arguments: ["2025-03-26", "2025-06-18", "2025-11-25"])
    func sessions(_ revision: String) async throws {
        try await ToolRoomTests.run { stand in
            let key = try stand.key("alice")
            let session = try await Self.open(stand, key, revision)
            let answer = try await Self.send(stand, key, [Self.call("1", "get_weather")], [session])
            if revision == "2025-03-26" {
                #expect(try Self.answers(answer).first?["result"] != nil, "\(answer.text)")
            } else {
                #expect(answer.status == 400)
                #expect(try ToolRoomTests.code(answer) == -32600, "\(answer.text)")
                #expect(stand.toolCalls.isEmpty)
            }
        }
    }

    @Test(arguments: ["2025-06-18", "2025-11-25", "2026-07-28"])
    func `other revisions have none`(_ revision: String) async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await Self.send(
                stand, try stand.key("alice"), [Self.call("1", "get_weather")],
                [Header("mcp-protocol-version", revision)])
            #expect(answer.status == 400)
            #expect(try ToolRoomTests.code(answer) == -32600, "\(answer.text)")
            #expect(answer.text.contains("batches are not accepted"), "\(answer.text)")
        }
    }

    @Test(arguments: [
        ([], "at least one"), ([String](repeating: hint, count: 101), "at most 100"),
        ([String](repeating: hint, count: 600), "at most 100"),
        ([call("1", "get_weather"), call("1", "get_weather")], "one id"), ([call("1", "get_weather"), "{"], "JSON"),
    ])
    func `what is no batch is refused as a whole`(_ messages: [String], _ reason: String) async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await Self.send(stand, try stand.key("alice"), messages)
            #expect(answer.status == 400)
            #expect(answer.text.contains(reason), "\(answer.text)")
            #expect(stand.toolCalls.isEmpty)
        }
    }

    @Test func `neither a session's opening nor another batch is part of one`() async throws {
        let (server, received) = try await ScriptedToolServer.start { _, _ in nil }
        let gateway = try await GatewayUnderTest.start(ToolRoomTests.configuration(server.port), loops: 1)
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let opening = """
            {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26",\
            "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
            """
        let answer = try await Self.send(
            stand, try stand.key("alice"), [opening, "[\(Self.call("2", "get_weather"))]"])
        let codes = try Self.answers(answer).map { ($0["error"] as? [String: Any])?["code"] as? Int }
        #expect(codes == [-32600, -32600], "\(answer.text)")
        #expect(!answer.headers.contains { $0.name == "mcp-session-id" })
        #expect(stand.toolCalls.isEmpty)
        let lines = try await gateway.stopAndReadLog()
        let openings = lines.filter { $0["mcp_method"] as? String == "initialize" }
        #expect(openings.map { $0["result"] as? String } == ["refused"] && openings.first?["part"] as? Int == 1)
        await server.stop()
    }

    @Test func `a call that streams makes the whole a stream`() async throws {
        let log = """
            {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"hm"}}
            """
        let result = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"content\":[]}}"
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .session("s-1", Self.opened)
            case "tools/call" where received.name == "get_weather": .events([log, result])
            default: nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            let session = try await Self.open(stand, key, "2025-03-26")
            let answer = try await Self.send(
                stand, key,
                [Self.call("1", "add", "{\"a\":1}"), Self.call("2", "get_weather"), Self.call("3", "secret")],
                [session])
            #expect(answer.headers.contains { $0.value.hasPrefix("text/event-stream") }, "\(answer.text)")
            let events = answer.text.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { $0.dropFirst(6) }
            let messages = try events.compactMap { text in
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            }
            let ids = messages.compactMap { $0["id"] as? Int }
            #expect(ids.sorted() == [1, 2, 3], "\(answer.text)")
            #expect(messages.contains { $0["method"] as? String == "notifications/message" }, "\(answer.text)")
        }
    }

    private static let opened = """
        {"protocolVersion":"2025-03-26","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
        """

    @Test func `what is streamed counts as an answer, and what does not fit is an error`() async throws {
        let text = String(repeating: "x", count: 1_500)
        let result = """
            {"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"\(text)"}]}}
            """
        let log = """
            {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}}
            """
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .session("s-1", Self.opened)
            case "tools/call": .events([log, result])
            default: nil
            }
        }
        let (server, received) = try await ScriptedToolServer.start(scripted)
        var limits = Limits()
        limits.batchAnswersBytesMax = 2_500
        let gateway = try await GatewayUnderTest.start(ToolRoomTests.configuration(server.port), limits: limits)
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let key = try stand.key("alice")
        let session = try await Self.open(stand, key, "2025-03-26")
        let answer = try await Self.send(
            stand, key, [Self.call("1", "get_weather"), Self.call("2", "get_weather")], [session])
        #expect(answer.text.components(separatedBy: text).count == 2, "\(answer.text.prefix(400))")
        #expect(answer.text.components(separatedBy: "are larger than 2500 bytes").count == 2)
        try await gateway.stop()
        await server.stop()
    }

    /// The data and the last id of a stream.
    private static func events(_ answer: CompletedResponse) -> (messages: [[String: Any]], lastID: String?) {
        let lines = answer.text.split(separator: "\n")
        let messages = lines.filter { $0.hasPrefix("data: {") }.compactMap { line in
            try? JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8)) as? [String: Any]
        }
        return (messages, lines.last { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) })
    }

    @Test func `a client that has lost the stream takes up all of its calls again`() async throws {
        // By tool, the id under which the gateway has asked.
        let asked = Box<[String: String]>([:])
        let scripted: ToolRoomTests.Scripted = { received, params in
            switch received.method {
            case "server/discover": return .error(400, code: -32601, "no")
            case "initialize": return .session("s-1", Self.opened)
            case "tools/call":
                let id = received.body.firstMatch(of: /"id":("[^"]*")/)?.1 ?? ""
                let name = received.name
                asked.update { $0[name] = String(id) }
                return .raw(["id: \(name)-1\ndata: \n\n"])
            case "GET":
                guard let mark = received.header("last-event-id") else { return .status(405) }
                let name = String(mark.dropLast(2))
                let id = asked.value[name] ?? ""
                return .raw([
                    "id: \(name)-2\ndata: {\"jsonrpc\":\"2.0\",\"id\":\(id),"
                        + "\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"rest of \(name)\"}]}}\n\n"
                ])
            default: return nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            let session = try await Self.open(stand, key, "2025-03-26")
            let broken = Self.events(
                try await Self.send(
                    stand, key, [Self.call("1", "get_weather"), Self.call("2", "add", "{\"a\":1}")], [session]))
            #expect(broken.messages.isEmpty, "\(broken)")
            let lastID = try #require(broken.lastID)
            let rest = try await WorkbenchClient().call(
                "GET", try stand.gateway.url("/mcp/demo"),
                headers: [
                    Header("authorization", "Bearer \(key)"), Header("accept", "text/event-stream"), session,
                    Header("last-event-id", lastID),
                ])
            let ids = Self.events(rest).messages.compactMap { $0["id"] as? Int }
            #expect(ids.sorted() == [1, 2], "\(rest.text)")
            #expect(rest.text.contains("rest of get_weather") && rest.text.contains("rest of add"), "\(rest.text)")
            let calls = stand.received().filter { $0.method == "GET" }.compactMap { $0.header("last-event-id") }
            #expect(calls.sorted() == ["add-1", "get_weather-1"])
        }
    }

    @Test func `limits count each message`() async throws {
        let policy = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPToolPolicy
            metadata: {name: slow}
            spec: {servers: [demo], limits: {callsPerMinute: 2}}
            """
        try await ToolRoomTests.run(more: policy) { stand in
            let answer = try await Self.send(
                stand, try stand.key("alice"), (1...5).map { Self.call("\($0)", "get_weather") })
            let done = try Self.answers(answer).filter { $0["result"] != nil }
            #expect(done.count == 2, "\(answer.text)")
            #expect(stand.toolCalls.count == 2)
        }
    }

    @Test func `who leaves a batch leaves each of its messages`() async throws {
        let (server, received) = try await ScriptedToolServer.start { received, _ in
            received.method == "tools/call" ? .endless([]) : nil
        }
        let gateway = try await GatewayUnderTest.start(ToolRoomTests.configuration(server.port), loops: 1)
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        let body = "[\(Self.call("1", "get_weather")),\(Self.call("2", "add", "{\"a\":1}"))]"
        let client = try await gateway.open()
        await client.send(
            "POST /mcp/demo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(try stand.key("alice"))\r\n"
                + "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
        try await eventually("both calls are at the server") { stand.toolCalls.count == 2 }
        await client.close()
        try await gateway.connectionsClosed()
        let lines = try await gateway.stopAndReadLog()
        let calls = lines.filter { $0["mcp_method"] as? String == "tools/call" }
        #expect(calls.map { $0["outcome"] as? String } == ["client_aborted", "client_aborted"], "\(lines)")
        #expect(lines.count == 3, "\(lines)")
        await server.stop()
    }
}
