import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("calls that go on as tasks are their caller's alone, and judged like others", .timeLimit(.minutes(1)))
struct ToolTaskTests {
    typealias Stand = ToolBridgeTests.Stand

    private static let old = Set(MCPRevision.allCases).subtracting([.july2026])
    private static let knows = "\"elicitation\":{},\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"

    private static func run(
        _ revisions: Set<MCPRevision>, _ body: (Stand, MockToolServer) async throws -> Void
    ) async throws {
        var options = MockToolServer.Options()
        options.revisions = revisions
        options.sets = [.demo, .surface]
        let server = try await MockToolServer.start(options)
        try await ToolBridgeTests.run(at: server.url) { stand in try await body(stand, server) }
        await server.stop()
    }

    private func another(_ stand: Stand, _ user: String) throws -> Stand {
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = user
        var other = stand
        other.key = try stand.gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        return other
    }

    private func ask(
        _ stand: Stand, _ method: String, _ id: String, more: String = "", can: String = ToolTaskTests.knows
    ) async throws -> CompletedResponse {
        try await stand.raw(method, "\"taskId\":\"\(id)\"\(more)", name: id, can: can)
    }

    private func begin(_ stand: Stand, _ tool: String, _ arguments: String = "{}") async throws -> String {
        let answer = try await stand.raw(
            "tools/call", "\"name\":\"\(tool)\",\"arguments\":\(arguments)", name: tool, can: Self.knows)
        let result = try stand.result(answer)
        #expect(result["resultType"] as? String == "task", "\(result)")
        return try #require(result["taskId"] as? String)
    }

    /// Asks until it is over or wants something.
    private func settled(_ stand: Stand, _ id: String) async throws -> [String: Any] {
        while true {
            let result = try stand.result(try await ask(stand, "tasks/get", id))
            #expect(result["taskId"] as? String == id)
            #expect(result["resultType"] as? String == "complete")
            if result["status"] as? String != "working" { return result }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func `a call goes on as a task, and yields what it would have`() async throws {
        try await Self.run([.july2026]) { stand, server in
            let discovered = try stand.result(try await stand.raw("server/discover", "", name: "", can: Self.knows))
            #expect("\(discovered)".contains("io.modelcontextprotocol/tasks"))
            let id = try await begin(stand, "work", "{\"ms\":20}")
            #expect(!id.hasPrefix("task-"))
            let done = try await settled(stand, id)
            #expect(done["status"] as? String == "completed")
            #expect("\(done)".contains("worked"), "\(done)")
            let failed = try await settled(stand, begin(stand, "work_fail"))
            #expect(failed["status"] as? String == "failed")
            #expect("\(failed["error"] ?? "")".contains("it broke on the way"), "\(failed)")
            // Who does not know tasks gets the result itself.
            let direct = try await stand.stateless(
                "tools/call", "\"name\":\"work\",\"arguments\":{\"ms\":1}", name: "work")
            #expect("\(direct)".contains("worked"), "\(direct)")
            let asked = server.journal.entries.filter { $0.method == "tasks/get" }
            #expect(asked.allSatisfy { $0.headers.first("mcp-name")?.hasPrefix("task-") ?? false })
        }
    }

    @Test func `a task asks, is answered, and is called off`() async throws {
        try await Self.run([.july2026]) { stand, _ in
            let id = try await begin(stand, "work_ask")
            let waiting = try await settled(stand, id)
            #expect(waiting["status"] as? String == "input_required")
            #expect((waiting["inputRequests"] as? [String: Any])?["name"] != nil, "\(waiting)")
            // What the client cannot answer is not asked.
            let cannot = "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"
            let unasked = try stand.result(try await ask(stand, "tasks/get", id, can: cannot))
            #expect((unasked["inputRequests"] as? [String: Any])?.isEmpty ?? false, "\(unasked)")
            let answers = ",\"inputResponses\":{\"name\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}"
            let taken = try stand.result(try await ask(stand, "tasks/update", id, more: answers))
            #expect(taken["resultType"] as? String == "complete" && taken.count == 1, "\(taken)")
            #expect("\(try await settled(stand, id))".contains("worked for Ada"))
            let long = try await begin(stand, "work", "{\"ms\":60000}")
            #expect(try await ask(stand, "tasks/cancel", long).status == 200)
            #expect(try await settled(stand, long)["status"] as? String == "cancelled")
        }
    }

    @Test func `nobody else reads a task, and the server is not asked for them`() async throws {
        try await Self.run([.july2026]) { stand, server in
            let id = try await begin(stand, "work", "{\"ms\":1}")
            let bob = try another(stand, "bob")
            server.journal.clear()
            let tampered = String(id.dropLast()) + (id.hasSuffix("A") ? "B" : "A")
            for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
                let (theirs, none) = (
                    try await ask(bob, method, id), try await ask(bob, method, "task-0")
                )
                #expect(try ToolRoomTests.code(theirs) == -32602, "\(theirs.text)")
                // Not to be told from one that is not there.
                #expect(theirs.text == none.text && theirs.status == none.status)
                #expect(try ToolRoomTests.code(try await ask(stand, method, tampered)) == -32602)
                let ignorant = try await ask(stand, method, id, can: "")
                #expect(try ToolRoomTests.code(ignorant) == -32021, "\(ignorant.text)")
                #expect(ignorant.status == 400)
            }
            #expect(server.journal.entries.filter { $0.method.hasPrefix("tasks/") }.isEmpty)
            #expect(try await settled(stand, id)["status"] as? String == "completed")
        }
    }

    @Test func `what a task yields is redacted, small and fits, like a direct result`() async throws {
        let secret = "AKIAIOSFODNN7EXAMPLE"
        let more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPToolPolicy
            metadata: {name: trust}
            spec: {servers: ["*"], redact: {secrets: true}, limits: {resultBytesMax: 2000}}
            """
        let times = "\"createdAt\":\"2026-11-25T12:00:00Z\",\"lastUpdatedAt\":\"2026-11-25T12:00:00Z\",\"ttlMs\":null"
        let scripted: ToolRoomTests.Scripted = { received, params in
            switch received.method {
            case "tools/call":
                return .result(
                    """
                    {"resultType":"task","taskId":"own-1","status":"working",\(times),"statusMessage":"with \(secret)"}
                    """)
            case "tasks/get":
                let isLarge = received.header("mcp-name") == "own-2"
                let text = isLarge ? String(repeating: "x", count: 4_000) : "fine"
                return .result(
                    """
                    {"resultType":"complete","taskId":"own-1","status":"completed",\(times),"result":{"content":[\
                    {"type":"text","text":"\(text)"}],"structuredContent":{"key":"\(secret)"}}}
                    """)
            default: return nil
            }
        }
        try await ToolRoomTests.run(more: more, answer: scripted) { stand in
            let key = try stand.key("alice")
            let can = "{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"
            func send(_ method: String, _ params: String, _ name: String) async throws -> CompletedResponse {
                let body = """
                    {"jsonrpc":"2.0","id":1,"method":"\(method)","params":{\(params),"_meta":{\
                    "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                    "io.modelcontextprotocol/clientCapabilities":\(can)}}}
                    """
                return try await stand.post(
                    "/mcp/demo",
                    [
                        Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                        Header("mcp-protocol-version", "2026-07-28"), Header("mcp-method", method),
                        Header("mcp-name", name),
                    ], body)
            }
            let begun = try await send("tools/call", "\"name\":\"get_weather\",\"arguments\":{}", "get_weather")
            #expect(!begun.text.contains(secret) && begun.text.contains("[redacted]"), "\(begun.text)")
            #expect(!begun.text.contains("own-1"))
            let result = try #require(try ToolRoomTests.object(begun)["result"] as? [String: Any])
            let id = try #require(result["taskId"] as? String)
            let done = try await send("tasks/get", "\"taskId\":\"\(id)\"", id)
            #expect(!done.text.contains(secret) && done.text.contains("fine"), "\(done.text)")
            let asked = try #require(stand.received().last)
            #expect(asked.header("mcp-name") == "own-1" && asked.body.contains("\"taskId\":\"own-1\""), "\(asked)")
            // A client that does not know tasks is not given one.
            let unasked = try await stand.send(key, "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(unasked.text.contains("error") && !unasked.text.contains("own-1"), "\(unasked.text)")
        }
    }

    @Test func `in a session a task is asked for, and its result waited for`() async throws {
        try await Self.run(Self.old) { stand, server in
            let session = try await stand.open()
            let begun = try await stand.inSession(
                session, "tools/call", "\"name\":\"work\",\"arguments\":{\"ms\":20},\"task\":{\"ttl\":60000}")
            let id = try #require((begun["task"] as? [String: Any])?["taskId"] as? String, "\(begun)")
            #expect(!id.hasPrefix("task-"))
            let result = try await stand.inSession(session, "tasks/result", "\"taskId\":\"\(id)\"")
            #expect("\(result)".contains("worked"), "\(result)")
            let related = (result["_meta"] as? [String: Any])?["io.modelcontextprotocol/related-task"]
            #expect((related as? [String: Any])?["taskId"] as? String == id, "\(result)")
            let got = try await stand.inSession(session, "tasks/get", "\"taskId\":\"\(id)\"")
            #expect(got["status"] as? String == "completed" && got["taskId"] as? String == id, "\(got)")
            let listed = try await stand.inSession(session, "tasks/list", "")
            let names = (listed["tasks"] as? [[String: Any]])?.compactMap { $0["taskId"] as? String }
            #expect(names == [id], "\(listed)")
            // Another session, and somebody else's.
            let bob = try another(stand, "bob")
            let theirs = try await bob.open()
            #expect((try await bob.inSession(theirs, "tasks/list", "")["tasks"] as? [Any])?.isEmpty ?? false)
            for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
                let answer = try await bob.post(
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(method)\",\"params\":{\"taskId\":\"\(id)\"}}",
                    [Header("mcp-session-id", theirs), Header("mcp-protocol-version", "2025-11-25")])
                #expect(try ToolRoomTests.code(answer) == -32602, "\(answer.text)")
            }
            #expect(server.journal.entries.filter { $0.method == "tasks/result" }.count == 1)
        }
    }

    @Test(arguments: [true, false])
    func `a server of the other time answers at once, and is said to have no tasks`(_ isNewClient: Bool) async throws {
        try await Self.run(isNewClient ? Self.old : [.july2026]) { stand, _ in
            if isNewClient {
                let found = try stand.result(try await stand.raw("server/discover", "", name: "", can: Self.knows))
                #expect(!"\(found)".contains("tasks"), "\(found)")
                let answer = try await stand.raw(
                    "tools/call", "\"name\":\"work\",\"arguments\":{\"ms\":1}", name: "work", can: Self.knows)
                #expect("\(try stand.result(answer))".contains("worked"), "\(answer.text)")
            } else {
                let session = try await stand.open()
                let answer = try await stand.inSession(
                    session, "tools/call", "\"name\":\"work\",\"arguments\":{\"ms\":1},\"task\":{}")
                #expect("\(answer)".contains("worked"), "\(answer)")
            }
        }
    }

    @Test func `who listens hears how a task stands, under its own name`() async throws {
        let times = "\"createdAt\":\"2026-11-25T12:00:00Z\",\"lastUpdatedAt\":\"2026-11-25T12:00:00Z\",\"ttlMs\":null"
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "tools/call":
                return .result("{\"resultType\":\"task\",\"taskId\":\"own-1\",\"status\":\"working\",\(times)}")
            case "subscriptions/listen":
                let meta = "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":1}"
                return .events([
                    """
                    {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{\(meta),\
                    "notifications":{"taskIds":["own-1"]}}}
                    """,
                    """
                    {"jsonrpc":"2.0","method":"notifications/tasks","params":{\(meta),"taskId":"own-9",\
                    "status":"working",\(times)}}
                    """,
                    """
                    {"jsonrpc":"2.0","method":"notifications/tasks","params":{\(meta),"taskId":"own-1",\
                    "status":"completed",\(times),"result":{"content":[]}}}
                    """,
                ])
            default: return nil
            }
        }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let client = ToolBridgeTests.Stand(gateway: stand.gateway, key: try stand.key("alice"))
            let id = try await begin(client, "get_weather")
            let connection = try await stand.gateway.open()
            let body = """
                {"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{"taskIds":["\(id)",\
                "task-0"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                "io.modelcontextprotocol/clientCapabilities":{\(Self.knows)}}}}
                """
            await connection.send(
                "POST /mcp/demo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(client.key)\r\n"
                    + "content-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\n"
                    + "mcp-method: subscriptions/listen\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
            let text = await connection.read(timeoutMilliseconds: 20_000) { bytes in
                String(decoding: bytes, as: UTF8.self).contains("\"completed\"")
            }.text
            #expect(text.contains("\"taskIds\":[\"\(id)\"]"), "\(text)")
            #expect(!text.contains("own-"), "\(text)")
            await connection.close()
        }
    }
}
