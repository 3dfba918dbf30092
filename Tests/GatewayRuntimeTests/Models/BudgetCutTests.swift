import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("a stream that trips a budget ends in its client's protocol", .timeLimit(.minutes(1)))
struct BudgetCutTests {
    /// Nothing bounds the output: 64 tokens are reserved, and there is room for 200 more.
    private static let tight: ModelStand.Options = {
        var options = ModelStand.Options()
        options.limits = "{unit: tokens, max: 400, window: total}"
        options.budget = ", estimate: {outputTokensDefault: 64, inputBytesPerToken: 3}"
        return options
    }()

    @Test(arguments: ["chat", "claude"])
    func `the answer is cut, the provider told, and what was made is charged`(model: String) async throws {
        try await ModelStand.run(Self.tight) { stand in
            let answer = try await stand.call(
                try stand.key(), "/v1/chat/completions",
                ModelStand.question(model, "tokens=100000 delta=40 interval=1ms", true))
            #expect(answer.status == 200, "\(answer.text)")
            let last = try #require(answer.text.components(separatedBy: "\n\n").last { !$0.isEmpty })
            #expect(last.hasPrefix("data: {\"error\":{"), "\(last)")
            #expect(last.contains("insufficient_quota"))
            #expect(!answer.text.contains("[DONE]"))
            try await eventually("the provider heard of it") { stand.provider.ledger.openCount == 0 }
            #expect(stand.provider.ledger.total([.cancelled]).requests == 1)
            try Self.checkCharge(stand)
        }
    }

    /// What had come when it tripped, and no more.
    private static func checkCharge(_ stand: ModelStand) throws {
        let row = try #require(try stand.rows().last)
        #expect(row.outcome == .cut)
        #expect(row.flags.contains(.estimated))
        #expect(row.usage.total > 200 && row.usage.total <= 440, "\(row.usage)")
        let line = try #require(try stand.gateway.process.state.budgets().first)
        #expect(line.reserved == 0 && line.spent == Int128(row.usage.total))
    }

    @Test func `a provider that keeps to no bound is cut in Anthropic's words`() async throws {
        let endless = try await ScriptedBackend.start { peer, event in
            guard case .bytes = event else { return true }
            peer.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            peer.send(
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\","
                    + "\"usage\":{\"input_tokens\":12,\"output_tokens\":1}}}\n\n")
            let delta =
                "{\"type\":\"content_block_delta\",\"index\":0,"
                + "\"delta\":{\"type\":\"text_delta\",\"text\":\"12345678\"}}"
            for _ in 0..<2_000 { peer.send("event: content_block_delta\ndata: \(delta)\n\n") }
            return true
        }
        var options = Self.tight
        options.more = ModelStand.model("endless", dialect: "anthropic", port: endless.port)
        try await ModelStand.run(options) { stand in
            let answer = try await stand.call(
                try stand.key(), "/v1/messages",
                ModelStand.question("endless", "", true, ",\"max_tokens\":100"))
            let last = try #require(answer.text.components(separatedBy: "\n\n").last { !$0.isEmpty })
            #expect(last.hasPrefix("event: error\ndata: {\"type\":\"error\""), "\(last)")
            #expect(last.contains("rate_limit_error"))
            #expect(!answer.text.contains("message_stop"))
            let row = try #require(try stand.rows().last)
            #expect(row.outcome == .cut && row.usage.input == 12)
        }
        await endless.stop()
    }

    @Test func `a stream that finds room goes on to its end`() async throws {
        var options = Self.tight
        options.limits = "{unit: tokens, max: 40000, window: total}"
        try await ModelStand.run(options) { stand in
            let answer = try await stand.call(
                try stand.key(), "/v1/chat/completions",
                ModelStand.question("chat", "tokens=3000 delta=400", true))
            #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
            let row = try #require(try stand.rows().last)
            #expect(row.outcome == .completed && row.usage.output == 3_000)
            #expect(stand.gateway.process.state.ledger.statistics.grown > 1)
            let metrics = try await stand.gateway.metrics()
            #expect(metrics.contains("sluice_ledger_settlements_total{result=\"settled\"} 1"))
            #expect(metrics.contains("sluice_ledger_growths_total{result=\"cut\"} 0"))
        }
    }

    @Test func `tokens in lists and stored conversations are reserved for`() async throws {
        var options = ModelStand.Options()
        options.limits = "{unit: tokens, max: 60000, window: total}"
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            let tokens = Array(repeating: "1234", count: 70_000).joined(separator: ",")
            let list = try await stand.call(key, "/v1/embeddings", "{\"model\":\"chat\",\"input\":[\(tokens)]}")
            #expect(list.status == 429, "\(list.text)")
            let first = try await stand.call(key, "/v1/responses", "{\"model\":\"chat\",\"input\":\"hello\"}")
            let object = try JSONSerialization.jsonObject(with: Data(first.body)) as? [String: Any]
            let id = try #require(object?["id"] as? String, "\(first.text)")
            let more = "{\"model\":\"chat\",\"input\":\"more\","
            let next = more + "\"previous_response_id\":\"\(id)\",\"max_output_tokens\":1}"
            #expect(try await stand.call(key, "/v1/responses", next).status == 200)
            // Of what nobody here knows the length of the most is taken.
            let unknown = more + "\"prompt\":{\"id\":\"pmpt_open1\"},\"max_output_tokens\":30000}"
            #expect(try await stand.call(key, "/v1/responses", unknown).status == 429)
        }
    }
}
