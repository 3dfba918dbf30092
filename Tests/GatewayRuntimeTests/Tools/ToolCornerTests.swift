import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

/// The corner cases of the reference's section 5, by their numbers, where no other suite has them.
@Suite("corner cases that other gateways got wrong", .timeLimit(.minutes(1)))
struct ToolCornerTests {
    private static let opened = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}
        """

    @Test func `2: a refused credential is told, and no session is opened for it again`() async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(Self.opened)
            case "tools/call": .status(401)
            default: nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(answer.text.contains("does not accept the gateway's credential"), "\(answer.text)")
            #expect(stand.received().count { $0.method == "initialize" } == 1)
            #expect(stand.toolCalls.count == 1)
        }
    }

    @Test(arguments: [true, false])
    func `4: a client that never sends its session's id is served`(_ isStateless: Bool) async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": isStateless ? nil : .error(400, code: -32601, "no")
            case "initialize": .result(Self.opened)
            default: nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let headers = [
                Header("authorization", "Bearer \(try stand.key("alice"))"),
                Header("content-type", "application/json"), Header("mcp-protocol-version", "2025-11-25"),
            ]
            let opened = try await stand.post(
                "/mcp/demo", headers,
                """
                {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
                """)
            #expect(opened.status == 200, "\(opened.text)")
            let list = try await stand.post(
                "/mcp/demo", headers, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}")
            #expect(list.text.contains("get_weather"), "\(list.text)")
            let call = try await stand.post(
                "/mcp/demo", headers,
                "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"get_weather\"}}")
            #expect(call.text.contains("done"), "\(call.text)")
        }
    }

    @Test func `1: a server that forgets its sessions at once is greeted once more, and no oftener`() async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .session("s", Self.opened)
            case "tools/call": .status(404)
            default: nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(answer.text.contains("forgets its sessions"), "\(answer.text)")
            #expect(stand.received().count { $0.method == "initialize" } == 2)
            #expect(stand.toolCalls.count == 2)
        }
    }

    @Test(arguments: [false, true])
    func `13, 15, 19: a stream says something at once, and stays where the server has none`(
        _ isRefused: Bool
    ) async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(Self.opened)
            case "GET": isRefused ? .status(405) : .events([])
            default: nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            let opened = try await stand.post(
                "/mcp/demo",
                [Header("authorization", "Bearer \(key)"), Header("content-type", "application/json")],
                """
                {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
                """)
            let session = try #require(opened.headers.first { $0.name == "mcp-session-id" }?.value, "\(opened.text)")
            let client = try await stand.gateway.open()
            await client.send(
                "GET /mcp/demo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(key)\r\n"
                    + "accept: text/event-stream\r\nmcp-session-id: \(session)\r\n\r\n")
            let received = stand.received
            // A stream that has ended is asked for again; one that there is not, is not.
            try await eventually("the server is asked") {
                received().count { $0.method == "GET" } > (isRefused ? 0 : 1)
            }
            _ = await client.read(timeoutMilliseconds: 10_000) { $0.firstRange(of: Array(": open".utf8)) != nil }
            #expect(String(decoding: client.outcome.bytes, as: UTF8.self).contains(": open\n\n"))
            #expect(client.outcome.end == .open)
            await client.close()
        }
    }

    @Test func `5: another server changes no name`() async throws {
        let other = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPServer
            metadata: {name: other}
            spec: {http: {url: "http://127.0.0.1:1/mcp"}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: other}
            spec: {subjects: [{any: true}], rules: [{server: other}]}
            """
        for more in ["", other] {
            try await ToolRoomTests.run(more: more) { stand in
                let list = try await stand.send(try stand.key("alice"), "tools/list", path: "/mcp")
                #expect(list.text.contains("\"demo__get_weather\""), "\(list.text)")
                // 8: what is wrong with the other one is said, and hides nothing.
                #expect(list.text.contains("dev.sluice/problems") == !more.isEmpty, "\(list.text)")
            }
        }
    }

    @Test func `16: large arguments arrive whole`() async throws {
        try await ToolRoomTests.run { stand in
            let text = String(repeating: "x", count: 3 << 20)
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\",\"arguments\":{\"text\":\"\(text)\"}",
                name: "get_weather")
            #expect(answer.text.contains("done"), "\(answer.text.prefix(200))")
            #expect(stand.toolCalls.first?.body.utf8.count ?? 0 > 3 << 20)
        }
    }

    @Test(arguments: [
        ("{", 400, -32700), ("[]", 400, -32600), ("{\"id\":1,\"method\":\"ping\"}", 400, -32600),
        ("\"x\"", 400, -32600), ("", 400, -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", 400, nil),
    ])
    func `17: whatever is malformed gets an error of JSON-RPC`(
        _ body: String, _ status: Int, _ code: Int?
    ) async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await stand.post(
                "/mcp/demo",
                [
                    Header("authorization", "Bearer \(try stand.key("alice"))"),
                    Header("content-type", "application/json"),
                ], body)
            #expect(answer.status == status, "\(answer.status) \(answer.text)")
            let given = try ToolRoomTests.code(answer)
            #expect(given != nil && (code == nil || given == code), "\(answer.text)")
            #expect(answer.headers.contains { $0.name == "content-type" && $0.value.hasPrefix("application/json") })
        }
    }

    @Test func `21: blanks around a field's value are none of it`() async throws {
        try await ToolRoomTests.run { stand in
            let answer = try await stand.send(
                try stand.key("alice"), "tools/call", "\"name\":\"get_weather\"", name: "get_weather",
                headers: [Header("mcp-name", "  get_weather\t")])
            #expect(answer.text.contains("done"), "\(answer.text)")
        }
    }

    @Test(arguments: [MCPRevision.july2026, .november2025])
    func `24: every page of a list is there, in the server's order`(_ revision: MCPRevision) async throws {
        var lists: [[String]] = []
        for size in [0, 2] {
            var options = MockToolServer.Options()
            options.revisions = [revision]
            options.sets = [.demo, .surface]
            options.pageSize = size
            let server = try await MockToolServer.start(options)
            try await ToolBridgeTests.run(at: server.url) { stand in
                var names: [String] = []
                for (method, member, name) in [
                    ("tools/list", "tools", "name"), ("prompts/list", "prompts", "name"),
                    ("resources/list", "resources", "uri"),
                ] {
                    let result = try await stand.stateless(method, "", name: "")
                    names += (result[member] as? [[String: Any]] ?? []).compactMap { $0[name] as? String }
                    #expect(result["nextCursor"] == nil && result["cacheScope"] as? String == "private")
                }
                lists.append(names)
            }
            #expect(server.journal.count("tools/list") > (size == 0 ? 0 : 5))
            await server.stop()
        }
        #expect(lists[0] == lists[1] && lists[0].count > 10, "\(lists)")
    }

    @Test func `rounds without end are cut`() async throws {
        let scripted: ToolRoomTests.Scripted = { received, _ in
            guard received.method == "tools/call" else { return nil }
            return .result(
                """
                {"resultType":"input_required","requestState":"again","inputRequests":{"q":{"method":\
                "elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{"type":"object"}}}}}
                """)
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let key = try stand.key("alice")
            var state = ""
            var rounds = 0
            while rounds < 20 {
                let given = state.isEmpty ? "" : ",\"requestState\":\"\(state)\",\"inputResponses\":{\"q\":{}}"
                let answer = try await stand.post(
                    "/mcp/demo",
                    [
                        Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                        Header("mcp-protocol-version", "2026-07-28"), Header("mcp-method", "tools/call"),
                        Header("mcp-name", "get_weather"),
                    ],
                    """
                    {"jsonrpc":"2.0","id":\(rounds),"method":"tools/call","params":{"name":"get_weather"\(given),\
                    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                    "io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}
                    """)
                let result = try ToolRoomTests.object(answer)["result"] as? [String: Any]
                guard let next = result?["requestState"] as? String else { break }
                state = next
                rounds += 1
            }
            #expect(rounds == 10)
        }
    }
}
