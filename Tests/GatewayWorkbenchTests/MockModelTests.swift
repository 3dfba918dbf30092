import GatewayModel
import GatewayWorkbench
import Testing

/// One mock provider and a client of it.
struct ModelBench {
    let server: MockModelServer
    let client = WorkbenchClient(version: .http1)

    static func with(
        _ options: MockModelServer.Options = MockModelServer.Options(), _ body: (ModelBench) async throws -> Void
    ) async throws {
        let bench = ModelBench(server: try await MockModelServer.start(options))
        do {
            try await body(bench)
        } catch {
            await bench.server.stop()
            throw error
        }
        await bench.server.stop()
    }

    func post(_ path: String, _ body: String, headers: [Header] = []) async throws -> CompletedResponse {
        try await client.call(
            "POST", "http://\(server.authority)\(path)",
            headers: [Header("content-type", "application/json"), Header("authorization", "Bearer sk-1")] + headers,
            body: .text(body))
    }

    func chat(_ prompt: String, _ more: String = "") async throws -> CompletedResponse {
        try await post("/v1/chat/completions", Self.body("gpt-5-mini", prompt, more))
    }

    func message(_ prompt: String, _ more: String = "") async throws -> CompletedResponse {
        try await post("/v1/messages", Self.body("claude-sonnet-4-5", prompt, ",\"max_tokens\":4096" + more))
    }

    static func body(_ model: String, _ prompt: String, _ more: String) -> String {
        let text = JSONDocument.string(prompt).json
        return "{\"model\":\"\(model)\",\"messages\":[{\"role\":\"user\",\"content\":\(text)}]\(more)}"
    }
}

@Suite("The mock provider speaks both dialects and bills what it says", .timeLimit(.minutes(1)))
struct MockModelTests {
    @Test func `a chat says its usage, and the ledger has the same`() async throws {
        try await ModelBench.with { bench in
            let reply = try await bench.chat("hello [[mock: tokens=12 cached=2 reasoning=5]]")
            #expect(reply.status == 200)
            let document = try #require(JSONDocument(json: reply.body))
            let content = document["choices"]?.items.first?["message"]?["content"]?.text
            #expect(content?.utf8.count == 48)
            #expect(document["usage"]?["completion_tokens"]?.integer == 17)
            let row = try #require(bench.server.ledger.sums.first)
            #expect(row.key.key == "sk-1")
            #expect(row.key.outcome == .told)
            #expect(row.value.usage.inputTotal == document["usage"]?["prompt_tokens"]?.integer)
            #expect(row.value.usage.cacheRead == 2)
            #expect(row.value.usage.output == 12)
            #expect(row.value.usage.reasoning == 5)
        }
    }

    @Test(arguments: ["/v1/messages", "/messages"])
    func `a message counts its cache beside its input`(path: String) async throws {
        try await ModelBench.with { bench in
            let more = ",\"max_tokens\":100"
            let prompt = "hello, a prompt of some length [[mock: tokens=3 cached=4 cache-write=2 cache-write-1h=1]]"
            let reply = try await bench.post(path, ModelBench.body("claude-sonnet-4-5", prompt, more))
            let usage = try #require(JSONDocument(json: reply.body)?["usage"])
            #expect(usage["cache_read_input_tokens"]?.integer == 4)
            #expect(usage["cache_creation_input_tokens"]?.integer == 3)
            #expect(usage["cache_creation"]?["ephemeral_1h_input_tokens"]?.integer == 1)
            let total = try #require(usage["input_tokens"]?.integer) + 7
            #expect(bench.server.ledger.total().usage.inputTotal == total)
        }
    }

    @Test(arguments: [1, 2, 3, 5, 8, 64])
    func `a stream is the same bytes however it is cut`(chunk: Int) async throws {
        try await ModelBench.with { bench in
            for stream in [",\"stream\":true,\"stream_options\":{\"include_usage\":true}", ",\"stream\":true"] {
                let first = try await bench.chat("hello [[mock: tokens=30]]", stream)
                let cut = try await bench.chat("hello [[mock: tokens=30 chunk=\(chunk)]]", stream)
                // The number of the call is in its id and the length of the prompt in its usage.
                #expect(Self.neutral(cut.text) == Self.neutral(first.text))
                #expect(first.text.hasSuffix("data: [DONE]\n\n"))
            }
            let whole = try await bench.message("hello [[mock: tokens=30]]", ",\"stream\":true")
            let cut = try await bench.message("hello [[mock: tokens=30 chunk=\(chunk)]]", ",\"stream\":true")
            #expect(Self.neutral(cut.text) == Self.neutral(whole.text))
            #expect(bench.server.ledger.total([.told]).requests == 4)
            // Without its usage nobody can know what a stream of Chat Completions cost.
            #expect(bench.server.ledger.total([.untold]).requests == 2)
            #expect(bench.server.ledger.total().usage.output == 6 * 30)
        }
    }

    private static func neutral(_ text: String) -> [Substring] {
        text.split(separator: "\"").filter { part in
            !part.hasPrefix("chatcmpl-") && !part.hasPrefix("msg_") && !part.contains(where: \.isNumber)
        }
    }

    @Test func `the same call gets the same answer`() async throws {
        try await ModelBench.with { bench in
            let first = JSONDocument(json: try await bench.chat("hello").body)
            let second = JSONDocument(json: try await bench.chat("hello").body)
            #expect(first?["choices"] == second?["choices"])
            #expect(first?["id"] != second?["id"])
        }
    }

    @Test func `what the vendor refuses is refused, in its own words`() async throws {
        try await ModelBench.with { bench in
            let url = "http://\(bench.server.authority)/v1/chat/completions"
            #expect(try await bench.client.call("POST", url, body: .text("{}")).status == 401)
            #expect(try await bench.post("/v1/chat/completions", "{\"model\":").status == 400)
            #expect(try await bench.post("/v1/nothing", "{}").status == 404)
            #expect(try await bench.chat("hello [[mock: sattus=500]]").status == 400)
            let unbounded = try await bench.post("/v1/messages", ModelBench.body("claude-sonnet-4-5", "hello", ""))
            #expect(unbounded.status == 400)
            #expect(unbounded.text.hasPrefix("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\""))
            let overloaded = try await bench.message("hello [[mock: status=529 retry-after=4]]")
            #expect(overloaded.status == 529)
            #expect(overloaded.text.contains("overloaded_error"))
            #expect(overloaded.headers.first("retry-after") == "4")
            #expect(bench.server.ledger.total().usage == .zero)
            #expect(bench.server.ledger.total([.refused]).requests == 6)
        }
    }

    @Test func `tool results have to answer the calls before them`() async throws {
        try await ModelBench.with { bench in
            let turn = """
                {"model":"gpt-5-mini","messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"c",
                "content":"y"}]}
                """
            let chat = try await bench.post("/v1/chat/completions", turn)
            #expect(chat.status == 400)
            let block = """
                {"model":"claude-sonnet-4-5","max_tokens":5,"messages":[{"role":"user","content":[
                {"type":"tool_result","tool_use_id":"c","content":"y"}]}]}
                """
            let message = try await bench.post("/v1/messages", block)
            #expect(message.status == 400)
        }
    }

    @Test func `the journal says what arrived`() async throws {
        try await ModelBench.with { bench in
            _ = try await bench.post(
                "/v1/chat/completions", ModelBench.body("gpt-5-mini;tokens=2", "hello", ""),
                headers: [Header("x-mock-cached", "1"), Header("cookie", "a=b")])
            let entry = try #require(bench.server.ledger.entries.first)
            #expect(entry.model == "gpt-5-mini")
            #expect(entry.usage.output == 2)
            #expect(entry.usage.cacheRead == 1)
            #expect(entry.headers.first("cookie") == "a=b")
            let url = "http://\(bench.server.authority)/mock/ledger"
            let report = try #require(JSONDocument(json: try await bench.client.call("GET", url).body))
            #expect(report["total"]?["requests"]?.integer == 1)
            #expect(report["byOutcome"]?["told"]?["outputTokens"]?.integer == 2)
            #expect(report["open"]?.integer == 0)
        }
    }
}
