import GatewayModel
import GatewayWorkbench
import Testing

@Suite("The mock of tools speaks the revisions with sessions", .timeLimit(.minutes(1)))
struct MockToolSessionTests {
    @Test(arguments: ["2025-03-26", "2025-06-18", "2025-11-25"])
    func `a session is opened, used and ended`(revision: String) async throws {
        try await ToolBench.with { bench in
            let headers = try await bench.open(revision)
            let call = ToolBench.request("tools/call", ["name": "add", "arguments": ["a": 2, "b": 3]])
            let sum = try await bench.post(call, headers)
            #expect(sum.said == #"{"sum":5}"#)
            #expect((sum.result?["structuredContent"] == nil) == (revision == "2025-03-26"))
            #expect(sum.result?["resultType"] == nil)
            #expect(try await bench.post(call, []).status == 400)
            #expect(try await bench.post(call, [Header("mcp-session-id", "other")]).status == 404)
            #expect(try await bench.client.call("DELETE", bench.server.url, headers: headers).status == 200)
            #expect(try await bench.post(call, headers).status == 404)
        }
    }

    @Test func `a question comes on the stream, and its answer in a request`() async throws {
        try await ToolBench.with { bench in
            let headers = try await bench.open(can: ["elicitation": [:]])
            let connection = try await bench.client.connection(bench.server.url)
            let call = ToolBench.request("tools/call", ["name": "ask_name", "arguments": [:]], id: "call")
            let reply = try await connection.start(
                CallRequest(
                    "POST", "/mcp", headers: [ToolBench.accept, ToolBench.json] + headers, body: .bytes(call.bytes)))
            var body = reply.body.makeAsyncIterator()
            var text = ""
            while ToolBench.events(text).isEmpty { text += try #require(try await body.next()).text }
            let question = try #require(ToolBench.events(text).first)
            #expect(question["method"] == "elicitation/create")
            let answer: JSONDocument = [
                "jsonrpc": "2.0", "id": question["id"] ?? nil,
                "result": ["action": "accept", "content": ["name": "Ada"]],
            ]
            #expect(try await bench.post(answer, headers).status == 202)
            while let chunk = try await body.next() { text += chunk.text }
            #expect(ToolBench.events(text).last?["result"]?["content"]?.items.first?["text"] == "hello Ada")
            await connection.close()
        }
    }

    @Test func `a broken stream is taken up behind the last event`() async throws {
        var options = MockToolServer.Options()
        options.sets = [.conformance]
        try await ToolBench.with(options) { bench in
            let headers = try await bench.open()
            let call = ToolBench.request("tools/call", ["name": "test_reconnection", "arguments": [:]])
            let first = try await bench.post(call, headers)
            #expect(first.messages.isEmpty)
            #expect(first.text.contains("retry: 50"))
            let ids = first.text.split(separator: "\n").filter { $0.hasPrefix("id: ") }
            let last = try #require(ids.last).dropFirst(4)
            let rest = try await bench.client.call(
                "GET", bench.server.url,
                headers: headers + [Header("accept", "text/event-stream"), Header("last-event-id", String(last))])
            #expect(rest.said == "Reconnection test completed successfully.")
        }
    }

    @Test func `cancelling is a notification, and leaving is not`() async throws {
        try await ToolBench.with { bench in
            let headers = try await bench.open()
            let connection = try await bench.client.connection(bench.server.url)
            let call = ToolBench.request("tools/call", ["name": "slow", "arguments": ["ms": 60_000]], id: 7)
            _ = try await connection.start(
                CallRequest(
                    "POST", "/mcp", headers: [ToolBench.accept, ToolBench.json] + headers, body: .bytes(call.bytes)))
            await connection.close()
            #expect(bench.server.journal.calls("slow").first?.outcome == .open)
            let cancel: JSONDocument = [
                "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": 7],
            ]
            #expect(try await bench.post(cancel, headers).status == 202)
            await bench.server.journal.wait { $0.contains { $0.name == "slow" && $0.outcome == .cancelled } }
        }
    }

    @Test func `the old pair of endpoints answers on its stream`() async throws {
        try await ToolBench.with { bench in
            let base = "http://\(bench.server.authority)"
            let connection = try await bench.client.connection(base)
            let stream = try await connection.start(
                CallRequest("GET", "/sse", headers: [Header("accept", "text/event-stream")]))
            var body = stream.body.makeAsyncIterator()
            var text = try #require(try await body.next()).text
            let endpoint = try #require(text.split(separator: "\n").last { $0.hasPrefix("data: ") }).dropFirst(6)
            for message in [
                ToolBench.request("initialize", ["protocolVersion": "2024-11-05", "capabilities": [:]], id: 1),
                ["jsonrpc": "2.0", "method": "notifications/initialized"],
                ToolBench.request("tools/call", ["name": "echo", "arguments": ["text": "hello"]], id: 2),
            ] {
                let taken = try await bench.client.call(
                    "POST", base + endpoint, headers: [ToolBench.json], body: .bytes(message.bytes))
                #expect(taken.status == 202)
            }
            text = ""
            while ToolBench.events(text).count < 2 { text += try #require(try await body.next()).text }
            let answers = ToolBench.events(text)
            #expect(answers.first?["result"]?["protocolVersion"] == "2024-11-05")
            #expect(answers.last?["result"]?["content"]?.items.first?["text"] == "hello")
            await connection.close()
        }
    }

    @Test(arguments: [
        (Header("origin", "http://evil.example"), 403), (Header("origin", "null"), 403),
        (Header("origin", "http://user@localhost"), 403), (Header("origin", "http://localhost.evil"), 403),
        (Header("origin", "http://localhost:3000"), 200), (Header("host", "evil.example"), 403),
    ])
    func `a page of somebody else is not let in`(header: Header, status: Int) async throws {
        try await ToolBench.with { bench in
            let reply = try await bench.ask("tools/list", headers: [header])
            #expect(reply.status == status)
        }
    }
}
