import Foundation
import GatewayProxy
import GatewayRuntime
import GatewayWorkbench
import Testing

/// Of a server nothing is known at first: how it is spoken to, what it lists, and it has no session.
@Suite("what several calls need first is got once", .timeLimit(.minutes(1)))
struct ToolColdTests {
    private static let initialized = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
        """
    private static let listed = "{\"tools\":\(ScriptedToolServer.tools)}"

    private static func call(_ id: Int) -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"tools/call\",\"params\":{\"name\":\"get_weather\"}}"
    }

    private static func headers(_ key: String) -> [Header] {
        [
            Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
            Header("accept", "application/json, text/event-stream"),
        ]
    }

    private static func post(
        _ stand: ToolRoomTests.Stand, _ key: String, _ body: String
    ) async throws -> CompletedResponse {
        try await stand.post("/mcp/demo", headers(key), body)
    }

    /// A client of a connection of its own, which can be left.
    private static func begin(
        _ stand: ToolRoomTests.Stand, _ key: String, _ body: String
    ) async throws -> RawConnection {
        let client = try await stand.gateway.open()
        await client.send(
            "POST /mcp/demo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(key)\r\n"
                + "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
        return client
    }

    private static func count(_ stand: ToolRoomTests.Stand, _ method: String) -> Int {
        stand.received().count { $0.method == method }
    }

    /// A server with sessions; `opening` answers the first `initialize`, `rest` what is not named here.
    private static func old(
        opening: ScriptedToolServer.Answer, rest: @escaping ToolRoomTests.Scripted = { _, _ in nil }
    ) -> ToolRoomTests.Scripted {
        let openings = Box(0)
        return { received, params in
            switch received.method {
            case "server/discover": return .error(400, code: -32601, "no")
            case "initialize":
                openings.update { $0 += 1 }
                return openings.value == 1 ? opening : .session("s-\(openings.value)", initialized)
            case "tools/list": return .result(listed)
            case "DELETE": return .status(200)
            default: return rest(received, params)
            }
        }
    }

    @Test func `a batch to a server with sessions opens one and lists once`() async throws {
        let scripted = Self.old(opening: .session("s-1", Self.initialized))
        try await ToolRoomTests.run(answer: scripted) { stand in
            let answer = try await Self.post(
                stand, try stand.key("alice"), "[\((1...4).map(Self.call).joined(separator: ","))]")
            #expect(answer.text.components(separatedBy: "done").count == 5, "\(answer.text)")
            for method in ["server/discover", "initialize", "notifications/initialized", "tools/list"] {
                #expect(Self.count(stand, method) == 1, "\(method)")
            }
            #expect(stand.toolCalls.map { $0.header("mcp-session-id") } == ["s-1", "s-1", "s-1", "s-1"])
        }
    }

    @Test func `a batch to a server without sessions asks and lists once`() async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await Self.post(
                stand, try stand.key("alice"), "[\((1...4).map(Self.call).joined(separator: ","))]")
            #expect(answer.text.components(separatedBy: "done").count == 5, "\(answer.text)")
            #expect(Self.count(stand, "server/discover") == 1 && Self.count(stand, "tools/list") == 1)
        }
    }

    @Test func `who leaves while a session is opened ends it for nobody`() async throws {
        let feed = MockFeed()
        let scripted = Self.old(opening: .held(feed, "s-1", Self.initialized))
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            let first = try await Self.begin(stand, key, Self.call(1))
            try await eventually("a session is being opened") { Self.count(stand, "initialize") == 1 }
            async let second = Self.post(stand, key, Self.call(2))
            try await eventually("both are there") { try await stand.gateway.process.plane.connectionCount() == 2 }
            await first.close()
            try await eventually("one has gone") { try await stand.gateway.process.plane.connectionCount() == 1 }
            feed.end()
            let answer = try await second
            #expect(answer.text.contains("done"), "\(answer.text)")
            #expect(Self.count(stand, "initialize") == 1)
            #expect(stand.toolCalls.map { $0.header("mcp-session-id") } == ["s-1"])
        }
    }

    @Test func `a failure is told to all who wait, and forgotten`() async throws {
        let scripted = Self.old(opening: .status(503))
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            let failed = try await Self.post(stand, key, "[\(Self.call(1)),\(Self.call(2))]")
            #expect(failed.text.components(separatedBy: "status 503").count == 3, "\(failed.text)")
            #expect(Self.count(stand, "initialize") == 1)
            let answer = try await Self.post(stand, key, Self.call(3))
            #expect(answer.text.contains("done"), "\(answer.text)")
            #expect(Self.count(stand, "initialize") == 2)
        }
    }

    @Test func `a session that its client has not waited for is closed at the server`() async throws {
        let feed = MockFeed()
        let scripted = Self.old(opening: .held(feed, "s-1", Self.initialized))
        try await ToolRoomTests.run(answer: scripted) { stand in
            let opening = """
                {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
                """
            let client = try await Self.begin(stand, try stand.key("alice"), opening)
            try await eventually("a session is being opened") { Self.count(stand, "initialize") == 1 }
            await client.close()
            try await stand.gateway.connectionsClosed()
            feed.end()
            try await eventually("it is closed") { Self.count(stand, "DELETE") == 1 }
            #expect(stand.received().last { $0.method == "DELETE" }?.header("mcp-session-id") == "s-1")
        }
    }
}
