import Foundation
import GatewayModel
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

@Suite("What a provider says wrongly costs what it would cost by any API, and once", .timeLimit(.minutes(1)))
struct LyingProviderTests {
    /// How one call went.
    struct Outcome {
        var answer: CompletedResponse
        var rows: [UsageRow]
        /// Requests that reached the provider.
        var asked: Int

        var row: UsageRow { get throws { try #require(rows.first) } }
    }

    private static let paths = ["/v1/chat/completions", "/v1/messages"]

    /// Calls a model whose provider speaks OpenAI's chat and gives this answer to everything.
    private static func call(
        _ path: String, _ type: String, _ body: [UInt8], fields: String = "", status: String = "200 OK",
        streams: Bool = false, more: String = ",\"max_tokens\":64"
    ) async throws -> Outcome {
        let asked = Mutex(0)
        let scripted = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.hasSuffix("}") else { return false }
            asked.withLock { $0 += 1 }
            peer.send(
                Array("HTTP/1.1 \(status)\r\ncontent-type: \(type)\r\n".utf8)
                    + Array("\(fields)content-length: \(body.count)\r\n\r\n".utf8) + body)
            return true
        }
        var options = ModelStand.Options()
        options.more = ModelStand.model("odd", dialect: "openai", port: scripted.port)
        let outcome = Mutex<Outcome?>(nil)
        try await ModelStand.run(options) { stand in
            let answer = try await stand.call(try stand.key(), path, ModelStand.question("odd", "", streams, more))
            let rows = try stand.rows()
            outcome.withLock { $0 = Outcome(answer: answer, rows: rows, asked: asked.withLock { $0 }) }
        }
        await scripted.stop()
        return try #require(outcome.withLock { $0 })
    }

    private static func reply(
        _ usage: String, _ message: String = #"{"role":"assistant","content":"hello there"}"#
    )
        -> [UInt8]
    {
        let usage = usage.isEmpty ? "" : ",\"usage\":\(usage)"
        return Array(
            (#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":"#
                + message + #","finish_reason":"stop"}]"# + usage + "}").utf8)
    }

    @Test(
        "a count is read alike whether the answer is passed on or translated",
        arguments: [
            // Parts never add up to more than the whole.
            #"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":1000000},"#
                + #""completion_tokens_details":{"reasoning_tokens":99999}}"#,
            // DeepSeek's word for what is cached.
            #"{"prompt_tokens":1000,"completion_tokens":50,"prompt_cache_hit_tokens":900}"#,
            // Reasoning beside the completion, as xAI counts.
            #"{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1150,"#
                + #""completion_tokens_details":{"reasoning_tokens":100}}"#,
            #"{"prompt_tokens":1000,"completion_tokens":5,"prompt_tokens_details":{"cache_write_tokens":800}}"#,
        ])
    func alike(_ usage: String) async throws {
        var found: [TokenUsage] = []
        for path in Self.paths {
            let outcome = try await Self.call(path, "application/json", Self.reply(usage))
            #expect(outcome.answer.status == 200, "\(outcome.answer.text)")
            let row = try outcome.row
            #expect(!row.flags.contains(.estimated))
            found.append(row.usage)
        }
        #expect(found[0] == found[1])
        #expect(found[0].total <= 1_150)
        #expect(!usage.contains("cache_write") || found[0].cacheWrite5m == 800)
    }

    @Test(
        "a count that no call can have is estimated",
        arguments: [
            #"{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}"#,
            #"{"prompt_tokens":1000000000000000000,"completion_tokens":1}"#,
            #"{"prompt_tokens":-1000000,"completion_tokens":-5}"#, #"{"prompt_tokens":0,"completion_tokens":0}"#, "",
            #"{"prompt_tokens":99999999999999999999,"completion_tokens":5}"#,
            #"{"prompt_tokens":"12","completion_tokens":5}"#, #"{"prompt_tokens":1e30,"completion_tokens":5}"#,
            #"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":1099511627791,"#
                + #""completion_tokens_details":{"reasoning_tokens":1099511627776}}"#,
            // The prompt was counted, and what was said was not.
            #"{"prompt_tokens":7,"completion_tokens":0}"#,
        ])
    func absurd(_ usage: String) async throws {
        for path in Self.paths {
            let row = try await Self.call(path, "application/json", Self.reply(usage)).row
            let isGuess = row.usage.output == 3 && row.usage.input < 100
            #expect(row.flags.contains(.estimated) && isGuess, "\(path) \(usage)")
        }
    }

    @Test("a count may be written with a fraction of nought", arguments: paths)
    func fraction(_ path: String) async throws {
        let body = Self.reply(#"{"prompt_tokens":12.0,"completion_tokens":5}"#)
        let row = try await Self.call(path, "application/json", body).row
        #expect(row.usage.input == 12 && row.usage.output == 5 && !row.flags.contains(.estimated))
    }

    @Test("an answer in a coding that cannot be read is asked for once, and one that failed keeps its status")
    func coding() async throws {
        let body = Self.reply(#"{"prompt_tokens":10,"completion_tokens":5}"#)
        let path = "/v1/chat/completions"
        let fields = "content-encoding: br\r\n"
        let whole = try await Self.call(path, "application/json", body, fields: fields)
        #expect(whole.answer.status == 502 && whole.asked == 1, "\(whole.answer.text)")
        #expect(try whole.row.flags.contains(.estimated))
        let stream = try await Self.call(
            path, "text/event-stream", Self.events([Self.text, Self.stop]), fields: fields, streams: true)
        #expect(stream.asked == 1 && stream.answer.text.contains("error"), "\(stream.answer.text)")
        let listed = try await Self.call(
            path, "application/json", body, fields: "content-encoding: identity, identity\r\n")
        #expect(listed.answer.status == 200, "\(listed.answer.text)")
        let refused = try await Self.call(
            path, "application/json", body, fields: fields + "retry-after: 700\r\n", status: "429 Too Many Requests")
        #expect(refused.answer.status == 429, "\(refused.answer.text)")
    }

    @Test("an error with status 200 costs nothing by either API", arguments: paths)
    func errorInside(_ path: String) async throws {
        let body = Array(#"{"error":{"message":"no","type":"server_error"}}"#.utf8)
        let outcome = try await Self.call(path, "application/json", body)
        #expect(outcome.answer.status >= 500, "\(outcome.answer.text)")
        #expect(outcome.rows.allSatisfy { $0.usage == .zero && $0.cost == .zero })
    }

    @Test("an answer that cannot be used is not paid for again, and costs what it says")
    func useless() async throws {
        let call =
            #"{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","#
            + #""function":{"name":"f","arguments":"not json"}}]}"#
        let body = Self.reply(#"{"prompt_tokens":10,"completion_tokens":5}"#, call)
        let translated = try await Self.call("/v1/messages", "application/json", body)
        #expect(translated.answer.status == 502 && translated.asked == 1, "\(translated.answer.text)")
        let row = try translated.row
        #expect(row.usage.input == 10 && row.usage.output == 5 && !row.flags.contains(.estimated))
        for body in ["null", "[1,2]", "<html>busy</html>"] {
            let passed = try await Self.call("/v1/chat/completions", "application/json", Array(body.utf8))
            #expect(passed.answer.status == 502 && passed.asked == 1, "\(body): \(passed.answer.text)")
        }
    }

    @Test("a compressed answer that nobody asked for is read", arguments: paths)
    func compressed(_ path: String) async throws {
        let packed = try #require(
            Data(
                base64Encoded:
                    "H4sIAAAAAAACAz2NwQrDMAxD/0XnHMbGLvmVMUpIvNW0tUPswaDk35ce1pOEhJ52cEFERkCelTMZ4mMHS6Ev4iVgI7P0JsQd"
                    + "TdehSGZsnsSPjYrTcBE15YUKesCLhW2eGiVTGY25VvRnwOcPqk236pPrQjL+bgdnqys5q5zpNcDV03oG995/9+Y6ma4AAAA="
            ))
        let outcome = try await Self.call(
            path, "application/json", [UInt8](packed), fields: "content-encoding: gzip\r\n")
        #expect(outcome.answer.status == 200 && outcome.answer.text.contains("packed"), "\(outcome.answer.text)")
        #expect(outcome.answer.headers.first("content-encoding") == nil)
        #expect(try outcome.row.usage.total == 5)
        let broken = try await Self.call(
            path, "application/json", Array(packed.prefix(60)), fields: "content-encoding: gzip\r\n")
        #expect(broken.answer.status == 502, "\(broken.answer.text)")
    }

    // MARK: Streams

    private static func events(_ events: [String]) -> [UInt8] { Array(events.map { "data: \($0)\n\n" }.joined().utf8) }
    private static let text =
        #"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"hello there"}}]}"#
    private static let stop = #"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#

    @Test("a stream that says why it stopped is whole without its last word", arguments: paths)
    func undone(_ path: String) async throws {
        let outcome = try await Self.call(
            path, "text/event-stream", Self.events([Self.text, Self.stop]), streams: true)
        #expect(!outcome.answer.text.contains("error") && outcome.answer.text.contains("hello there"))
        #expect(try outcome.row.outcome == .completed)
        let several = try await Self.call(
            path, "text/event-stream", Self.events([Self.text, Self.stop]), streams: true,
            more: ",\"max_tokens\":64,\"n\":2")
        #expect(path != "/v1/chat/completions" || several.answer.text.contains("error"), "\(several.answer.text)")
        let second = #"{"id":"c","choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}]}"#
        let both = try await Self.call(
            path, "text/event-stream", Self.events([Self.text, Self.stop, second]), streams: true,
            more: ",\"max_tokens\":64,\"n\":2")
        #expect(path != "/v1/chat/completions" || !both.answer.text.contains("error"), "\(both.answer.text)")
        let cut = try await Self.call(path, "text/event-stream", Self.events([Self.text]), streams: true)
        #expect(cut.answer.text.contains("error"), "\(cut.answer.text)")
    }

    @Test("an error within a stream is told once")
    func toldOnce() async throws {
        let error = #"{"error":{"message":"later","type":"server_error"}}"#
        let outcome = try await Self.call(
            "/v1/chat/completions", "text/event-stream", Self.events([Self.text, error, "[DONE]"]), streams: true)
        #expect(outcome.answer.text.split(separator: "\"error\"").count == 2, "\(outcome.answer.text)")
        #expect(try outcome.row.outcome == .failed)
    }

    @Test("who is translated for is told an estimate where nobody counted")
    func estimate() async throws {
        let stream = try await Self.call(
            "/v1/messages", "text/event-stream", Self.events([Self.text, Self.stop, "[DONE]"]), streams: true)
        #expect(stream.answer.text.contains("\"output_tokens\":3"), "\(stream.answer.text)")
        let whole = try await Self.call("/v1/messages", "application/json", Self.reply(""))
        #expect(whole.answer.text.contains("\"output_tokens\":3"), "\(whole.answer.text)")
        #expect(try whole.row.flags.contains(.estimated) && whole.row.usage.output == 3)
    }
}
