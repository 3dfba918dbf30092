import GatewayModel
import GatewayWorkbench
import Testing

@Suite("The mock of tools has tasks, in both eras", .timeLimit(.minutes(1)))
struct MockTaskTests {
    private static let able: JSONDocument = [
        "elicitation": [:], "extensions": ["io.modelcontextprotocol/tasks": [:]],
    ]

    private func get(_ bench: ToolBench, _ id: String) async throws -> CompletedResponse {
        try await bench.ask("tasks/get", ["taskId": .string(id)], can: Self.able, headers: [Header("Mcp-Name", id)])
    }

    private func wait(_ bench: ToolBench, _ id: String, for status: String) async throws -> JSONDocument {
        while true {
            let task = try #require(try await get(bench, id).result)
            if task["status"]?.text == status { return task }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func `a call goes on as a task, and its result is found there`() async throws {
        try await ToolBench.with { bench in
            let made = try await bench.call("work", ["ms": 20], can: Self.able)
            #expect(made.result?["resultType"] == "task")
            #expect(made.result?["ttlMs"]?.integer == 600_000)
            let id = try #require(made.result?["taskId"]?.text)
            let done = try await wait(bench, id, for: "completed")
            #expect(done["result"]?["content"]?.items.first?["text"] == "worked")
            #expect(try await bench.call("work", ["ms": 1]).said == "worked")
        }
    }

    @Test func `a task may fail, be cancelled, or ask`() async throws {
        try await ToolBench.with { bench in
            func start(_ tool: String, _ arguments: JSONDocument = [:]) async throws -> String {
                let made = try await bench.call(tool, arguments, can: Self.able)
                return try #require(made.result?["taskId"]?.text)
            }
            let failed = try await wait(bench, try await start("work_fail"), for: "failed")
            #expect(failed["error"]?["code"]?.integer == -32603)
            let long = try await start("work", ["ms": 60_000])
            let cancel = try await bench.ask(
                "tasks/cancel", ["taskId": .string(long)], can: Self.able, headers: [Header("Mcp-Name", long)])
            #expect(cancel.status == 200)
            _ = try await wait(bench, long, for: "cancelled")
            let asking = try await start("work_ask")
            let asked = try await wait(bench, asking, for: "input_required")
            #expect(asked["inputRequests"]?["name"]?["method"] == "elicitation/create")
            _ = try await bench.ask(
                "tasks/update",
                [
                    "taskId": .string(asking),
                    "inputResponses": ["name": ["action": "accept", "content": ["name": "Ada"]]],
                ], can: Self.able, headers: [Header("Mcp-Name", asking)])
            let done = try await wait(bench, asking, for: "completed")
            #expect(done["result"]?["content"]?.items.first?["text"] == "worked for Ada")
        }
    }

    @Test func `tasks are for those who know them, and their own`() async throws {
        try await ToolBench.with { bench in
            let unable = try await bench.ask("tasks/get", ["taskId": "x"], headers: [Header("Mcp-Name", "x")])
            #expect(unable.code == -32021)
            #expect(try await get(bench, "guessed").code == -32602)
        }
    }

    @Test func `the old revision asks for a task, and waits for its result`() async throws {
        try await ToolBench.with { bench in
            let headers = try await bench.open()
            let other = try await bench.open()
            let call = ToolBench.request(
                "tools/call", ["name": "work", "arguments": ["ms": 20], "task": ["ttl": 1_000]])
            let made = try await bench.post(call, headers)
            let id = try #require(made.result?["task"]?["taskId"])
            let get = ToolBench.request("tasks/get", ["taskId": id])
            #expect(try await bench.post(get, headers).result?["status"] != nil)
            #expect(try await bench.post(get, other).code == -32602)
            let done = try await bench.post(ToolBench.request("tasks/result", ["taskId": id]), headers)
            #expect(done.said == "worked")
            #expect(done.result?["_meta"]?["io.modelcontextprotocol/related-task"]?["taskId"] == id)
            let list = try await bench.post(ToolBench.request("tasks/list", [:]), headers)
            #expect(list.result?["tasks"]?.items.count == 1)
        }
    }
}
