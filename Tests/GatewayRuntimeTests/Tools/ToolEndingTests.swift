import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

/// However a call ends, each side is told in the words of its time, and what the call held is given back.
@Suite("a call that ends gives back what it held, whoever ends it", .timeLimit(.minutes(1)))
struct ToolEndingTests {
    private static let eras: [Set<MCPRevision>] = [[.july2026], [.november2025]]
    private static let limits = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: one}
        spec: {servers: [demo], limits: {concurrent: 1}}
        """

    private typealias Stand = ToolBridgeTests.Stand

    private static func run(
        _ revisions: Set<MCPRevision>, policies: String = limits, _ body: (Stand, MockToolServer) async throws -> Void
    ) async throws {
        var options = MockToolServer.Options()
        options.revisions = revisions
        options.sets = [.demo, .surface]
        let server = try await MockToolServer.start(options)
        do {
            try await ToolBridgeTests.run(at: server.url, policies: policies) { try await body($0, server) }
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    /// A call on a connection of its own, which can be left.
    private static func begin(
        _ stand: Stand, _ session: String?, _ tool: String, _ arguments: String = "{}"
    ) async throws -> RawConnection {
        let meta =
            session == nil
            ? """
            ,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":{}}
            """ : ""
        let body = """
            {"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"\(tool)",\
            "arguments":\(arguments)\(meta)}}
            """
        let fields =
            session.map { "mcp-session-id: \($0)\r\nmcp-protocol-version: 2025-11-25" }
            ?? "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: \(tool)"
        let client = try await stand.gateway.open()
        await client.send(
            "POST /mcp/demo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(stand.key)\r\n"
                + "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
                + "\(fields)\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
        return client
    }

    private static func code(_ stand: Stand, _ session: String?) async throws -> Int? {
        let answer: CompletedResponse
        if let session {
            answer = try await stand.post(
                """
                {"jsonrpc":"2.0","id":"next","method":"tools/call","params":{"name":"slow","arguments":{"ms":0}}}
                """, [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")])
        } else {
            answer = try await stand.raw("tools/call", "\"name\":\"slow\",\"arguments\":{\"ms\":0}", name: "slow")
        }
        guard answer.text.contains("\"error\"") else { return nil }
        return try ToolRoomTests.code(answer)
    }

    /// What has come once this has.
    private static func read(_ client: RawConnection, until text: String) async -> String {
        let wanted = Array(text.utf8)
        let outcome = await client.read(timeoutMilliseconds: 10_000) { bytes in
            bytes.firstRange(of: wanted) != nil
        }
        return String(decoding: outcome.bytes, as: UTF8.self)
    }

    /// Whether the server was told in its own words: a message where there is a session, else the end of the stream.
    private static func isTold(_ server: MockToolServer, _ revisions: Set<MCPRevision>) -> Bool {
        if revisions == [.july2026] { return server.journal.calls("slow").contains { $0.outcome == .cancelled } }
        return server.journal.entries.contains { $0.method == "notifications/cancelled" }
    }

    @Test(arguments: eras)
    func `a client without sessions leaves`(_ revisions: Set<MCPRevision>) async throws {
        try await Self.run(revisions) { stand, server in
            let client = try await Self.begin(stand, nil, "slow", "{\"ms\":600000}")
            try await eventually("the call is there") { server.journal.calls("slow").count == 1 }
            #expect(try await Self.code(stand, nil) == 3004)
            await client.close()
            try await eventually("the server is told") { Self.isTold(server, revisions) }
            #expect(try await Self.code(stand, nil) == nil)
        }
    }

    @Test(arguments: eras)
    func `a client with a session cancels by a message, and its stream ends`(
        _ revisions: Set<MCPRevision>
    ) async throws {
        try await Self.run(revisions) { stand, server in
            let session = try await stand.open()
            let client = try await Self.begin(stand, session, "slow", "{\"ms\":600000}")
            try await eventually("the call is there") { server.journal.calls("slow").count == 1 }
            #expect(try await Self.code(stand, session) == 3004)
            let said = try await stand.post(
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"slow\"}}",
                [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")])
            #expect(said.status == 202)
            try await eventually("the server is told") { Self.isTold(server, revisions) }
            let answer = await Self.read(client, until: "0\r\n\r\n")
            #expect(answer.contains("200 OK") && !answer.contains("\"result\""), "\(answer)")
            #expect(try await Self.code(stand, session) == nil)
            await client.close()
        }
    }

    @Test(arguments: eras)
    func `a client with a session leaves, and the call goes on`(_ revisions: Set<MCPRevision>) async throws {
        try await Self.run(revisions) { stand, server in
            let session = try await stand.open()
            let client = try await Self.begin(stand, session, "slow", "{\"ms\":600000}")
            try await eventually("the call is there") { server.journal.calls("slow").count == 1 }
            await client.close()
            // It has left, and calls off later: the call is still known.
            #expect(!Self.isTold(server, revisions))
            _ = try await stand.post(
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"slow\"}}",
                [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")])
            try await eventually("the server is told") { Self.isTold(server, revisions) }
            #expect(try await Self.code(stand, session) == nil)
        }
    }

    /// A server whose calls begin with the id of an event, and end when they are asked for by that.
    private static func goingOn(isEnded: Bool) -> ToolRoomTests.Scripted {
        let asked = Mutex("")
        let opened = """
            {"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
            """
        let begun = "id: m-1\ndata: \n\n"
        return { received, _ in
            switch received.method {
            case "server/discover": return .error(400, code: -32601, "no")
            case "initialize": return .session("s", opened)
            case "tools/call":
                let id = (received.body.firstMatch(of: /"id":("[^"]*")/)?.1).map { String($0) } ?? ""
                asked.withLock { $0 = id }
                guard !isEnded else { return .raw([begun]) }
                let head = MockStep.head(200, [Header("content-type", "text/event-stream")])
                return .steps { _ in [head, .chunk(ByteBuffer(string: begun)), .hang] }
            case "GET":
                let result = "{\"jsonrpc\":\"2.0\",\"id\":\(asked.withLock { $0 }),\"result\":{\"content\":[]}}"
                return .raw(["id: m-2\ndata: \(result)\n\n"])
            default: return nil
            }
        }
    }

    @Test(arguments: [true, false])
    func `a call that goes on without its client keeps its place`(_ isEnded: Bool) async throws {
        let scripted = Self.goingOn(isEnded: isEnded)
        try await ToolRoomTests.run(more: Self.limits, answer: scripted) { stand in
            let bridge = Stand(gateway: stand.gateway, key: try stand.key("alice"))
            let session = try await bridge.open()
            let fields = [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")]
            let client = try await Self.begin(bridge, session, "get_weather")
            let begun = await Self.read(client, until: "id: ")
            if isEnded { _ = await Self.read(client, until: "0\r\n\r\n") }
            #expect(begun.contains("200 OK"), "\(begun)")
            await client.close()
            for _ in 0..<20 {
                let next = try await bridge.post(
                    """
                    {"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"get_weather"}}
                    """, fields)
                #expect(try ToolRoomTests.code(next) == 3004, "\(next.text)")
            }
            #expect(stand.toolCalls.count == 1)
        }
    }

    private static let again = """
        {"jsonrpc":"2.0","id":"next","method":"tools/call","params":{"name":"get_weather"}}
        """

    @Test(arguments: ["resume", "cancel", "delete"])
    func `a place that is kept is given back`(_ how: String) async throws {
        try await ToolRoomTests.run(more: Self.limits, answer: Self.goingOn(isEnded: true)) { stand in
            let bridge = Stand(gateway: stand.gateway, key: try stand.key("alice"))
            var fields = [
                Header("mcp-session-id", try await bridge.open()), Header("mcp-protocol-version", "2025-11-25"),
            ]
            let own = fields + [Header("authorization", "Bearer \(bridge.key)")]
            let url = try stand.gateway.url("/mcp/demo")
            let begun = try await bridge.post(Self.again.replacing("next", with: "slow"), fields)
            #expect(try await bridge.post(Self.again, fields).text.contains("3004"))
            switch how {
            case "resume":
                let mark = try #require(begun.text.split(whereSeparator: \.isNewline).last { $0.hasPrefix("id: ") })
                let last = Header("last-event-id", String(mark.dropFirst(4)))
                let rest = try await WorkbenchClient().call("GET", url, headers: own + [last])
                #expect(rest.text.contains("\"result\""), "\(rest.text)")
            case "cancel":
                let note = "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"slow\"}"
                #expect(try await bridge.post("{\"jsonrpc\":\"2.0\",\(note)}", fields).status == 202)
            default:
                // Of the same id: what could call the first off is forgotten, its place is not.
                _ = try await bridge.post(Self.again.replacing("next", with: "slow"), fields)
                #expect(try await WorkbenchClient().call("DELETE", url, headers: own).status == 204)
                fields[0] = Header("mcp-session-id", try await bridge.open())
            }
            let next = fields
            try await eventually("the place is free") {
                try await !bridge.post(Self.again, next).text.contains("3004")
            }
        }
    }

    @Test func `a server without sessions has a call cancelled whose client leaves a stream with ids`() async throws {
        let count = Mutex(0)
        let note = """
            {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}}
            """
        let scripted: ToolRoomTests.Scripted = { received, _ in
            guard received.method == "tools/call" else { return nil }
            let number = count.withLock { count in
                count += 1
                return count
            }
            guard number <= 2 else { return nil }
            let head = MockStep.head(200, [Header("content-type", "text/event-stream")])
            return .steps { _ in [head, .chunk(ByteBuffer(string: "id: e-1\ndata: \(note)\n\n")), .hang] }
        }
        try await ToolRoomTests.run(more: Self.limits, answer: scripted) { stand in
            var places: [(bridge: Stand, fields: [Header])] = []
            for user in ["alice", "bob"] {
                let bridge = Stand(gateway: stand.gateway, key: try stand.key(user))
                let session = try await bridge.open()
                let fields = [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")]
                let client = try await Self.begin(bridge, session, "get_weather")
                let begun = await Self.read(client, until: "notifications/message")
                #expect(begun.contains("200 OK") && begun.contains("notifications/message"), "\(begun)")
                #expect(try ToolRoomTests.code(try await bridge.post(Self.again, fields)) == 3004)
                await client.close()
                places.append((bridge, fields))
            }
            for (bridge, fields) in places {
                try await eventually("the place is free") {
                    try await bridge.post(Self.again, fields).text.contains("done")
                }
            }
        }
    }

    @Test func `a call that waits for its client keeps its place, and one caller's do not fill everybody's`()
        async throws
    {
        try await Self.run([.november2025]) { stand, server in
            func ask(_ more: String = "") async throws -> CompletedResponse {
                try await stand.raw("tools/call", "\"name\":\"ask_name\",\"arguments\":{}\(more)", name: "ask_name")
            }
            let asked = try stand.result(try await ask())
            let state = try #require(asked["requestState"] as? String, "\(asked)")
            let question = try #require((asked["inputRequests"] as? [String: Any])?.keys.first)
            #expect(try ToolRoomTests.code(try await ask()) == 3004)
            let answered = try await ask(
                """
                ,"requestState":"\(state)","inputResponses":{"\(question)":{"action":"accept","content":{"name":"Ada"}}}
                """)
            #expect(answered.text.contains("hello Ada"), "\(answered.text)")
            #expect(try stand.result(try await ask())["resultType"] as? String == "input_required")
            #expect(server.journal.calls("ask_name").count == 2)
        }
    }

    @Test func `who is asked and leaves is asked again`() async throws {
        try await Self.run([.july2026], policies: "") { stand, server in
            let session = try await stand.open()
            // More often than one caller may wait at once.
            for _ in 0..<120 {
                let client = try await Self.begin(stand, session, "ask_name")
                let seen = await Self.read(client, until: "elicitation/create")
                #expect(seen.contains("What is your name?"), "\(seen)")
                await client.close()
                _ = try await stand.post(
                    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"slow\"}}",
                    [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")])
            }
            #expect(server.journal.calls("ask_name").count == 120)
        }
    }
}
