import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("what a review of the models room found stays mended", .timeLimit(.minutes(1)))
struct ModelMendTests {
    /// A provider that gives this answer to every request.
    private static func provider(_ type: String, _ body: String) async throws -> ScriptedBackend {
        try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.hasSuffix("}") else { return false }
            peer.send("HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
            return true
        }
    }

    private static func run(
        _ type: String, _ body: String, dialect: String = "openai", limits: String = "",
        _ test: (ModelStand) async throws -> Void
    ) async throws {
        let scripted = try await provider(type, body)
        var options = ModelStand.Options()
        options.limits = limits
        options.more = ModelStand.model("odd", dialect: dialect, port: scripted.port)
        try await ModelStand.run(options) { try await test($0) }
        await scripted.stop()
    }

    @Test func `the end of one attempt does not call off the next`() async throws {
        let failing = try await Self.provider(
            "text/event-stream",
            "data: {\"error\":{\"message\":\"later\",\"type\":\"server_error\"}}\n\ndata: [DONE]\n\n")
        var options = ModelStand.Options()
        options.more = """
            ---
            {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: failing},
             spec: {dialect: openai, baseURL: "http://127.0.0.1:\(failing.port)/v1"}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelCatalog
            metadata: {name: more}
            spec:
              models:
                - {name: pair, targets: [{provider: failing}, {provider: openai, model: gpt-5, priority: 1}],
                   price: {input: "1", output: "1"}}
            """
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            for _ in 0..<5 {
                let answer = try await stand.call(
                    key, "/v1/chat/completions", ModelStand.question("pair", "tokens=5", true))
                #expect(answer.text.hasSuffix("data: [DONE]\n\n") && !answer.text.contains("error"), "\(answer.text)")
            }
            // What failed before it said anything costs nothing.
            #expect(try stand.rows().allSatisfy { $0.usage.output == 5 && !$0.flags.contains(.estimated) })
        }
        await failing.stop()
    }

    @Test func `counts beyond every call are not believed: what was said is estimated`() async throws {
        let most = Int.max
        let usage = "{\"prompt_tokens\":\(most),\"completion_tokens\":\(most),\"total_tokens\":\(most)}"
        let body =
            "{\"id\":\"c\",\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
            + "\"usage\":\(usage)}"
        let limits = "{unit: tokens, max: 1000000000000, window: total}"
        try await Self.run("application/json", body, limits: limits) { stand in
            let key = try stand.key()
            for _ in 0..<3 { _ = try await stand.call(key, "/v1/chat/completions", ModelStand.question("odd")) }
            let rows = try stand.rows()
            #expect(rows.count == 3 && rows.allSatisfy { $0.flags.contains(.estimated) && $0.usage.total < 100 })
        }
    }

    @Test func `bounds beyond every call are refused and not multiplied to a trap`() async throws {
        var options = ModelStand.Options()
        options.limits = "{unit: tokens, max: 100000, window: total}"
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            let most = "9223372036854775807"
            for more in ["\"max_tokens\":\(most),\"n\":\(most)", "\"n\":1e3", "\"max_tokens\":-1"] {
                let answer = try await stand.call(
                    key, "/v1/chat/completions", ModelStand.question("chat", "", false, ",\(more)"))
                #expect(answer.status == 429 || answer.status == 400, "\(more): \(answer.text)")
            }
            let texted = try await stand.call(
                key, "/v1/chat/completions", ModelStand.question("chat", "", false, ",\"max_tokens\":\"9\""))
            #expect(texted.text.contains("max_tokens must be a whole number above 0, not \\\"9\\\""), "\(texted.text)")
            for path in ["/v1/chat/completions", "/v1/messages"] {
                let none = try await stand.call(key, path, "{\"model\":\"chat\",\"messages\":null,\"max_tokens\":9}")
                #expect(none.status == 400 && none.text.contains("messages must be a list, not null"), "\(none.text)")
            }
            #expect(stand.provider.ledger.entries.isEmpty)
            #expect(try stand.gateway.process.state.budgets().allSatisfy { $0.spent == 0 && $0.reserved == 0 })
        }
    }

    @Test func `what Responses are asked may be any text or list, and nothing else`() async throws {
        try await ModelStand.run { stand in
            let key = try stand.key()
            for input in [#""hello""#, #""two\nlines, \"quoted\"""#, #""""#, #"[{"role":"user","content":"a\nb"}]"#] {
                let answer = try await stand.call(key, "/v1/responses", "{\"model\":\"chat\",\"input\":\(input)}")
                #expect(answer.status == 200, "\(input): \(answer.text)")
            }
            for input in [#"{"type":"item_reference","id":"msg_1"}"#, "7", "true"] {
                let answer = try await stand.call(key, "/v1/responses", "{\"model\":\"chat\",\"input\":\(input)}")
                #expect(answer.status == 400 && answer.text.contains("input must be"), "\(input): \(answer.text)")
            }
            let listed = try await stand.call(
                key, "/v1/responses", #"{"model":"chat","input":"a","prompt":[{"id":"pmpt_1"}]}"#)
            #expect(listed.status == 400 && listed.text.contains("prompt must be"), "\(listed.text)")
        }
    }

    @Test func `a document that says it failed is a failure, and costs nothing`() async throws {
        let body = "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}"
        try await Self.run("application/json", body) { stand in
            let answer = try await stand.call(
                try stand.key(), "/v1/chat/completions", ModelStand.question("odd"))
            #expect(answer.status >= 500, "\(answer.text)")
            #expect(try stand.rows().allSatisfy { $0.usage == .zero && $0.cost == .zero })
        }
    }

    @Test func `what is shared at a provider is nobody's by default`() async throws {
        try await ModelStand.run { stand in
            let answer = try await stand.call(try stand.key(), "/v1/files", [], method: "GET")
            #expect(answer.status == 403, "\(answer.text)")
            #expect(stand.provider.ledger.entries.isEmpty)
        }
    }

    @Test func `an answer is given again to nobody else, and for no other question`() async throws {
        var options = ModelStand.Options()
        options.model = "cache: {ttl: 1m}"
        try await ModelStand.run(options) { stand in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let body = Array(ModelStand.question("claude", "tokens=3", false, ",\"max_tokens\":9").utf8)
            func mark(
                _ key: String, _ path: String = "/v1/messages", _ headers: [Header] = []
            ) async throws -> String? {
                let answer = try await stand.call(key, path, body, headers: headers)
                return answer.headers.first { $0.name == "x-sluice-cache" }?.value
            }
            #expect(try await mark(alice) == "miss")
            #expect(try await mark(alice) == "hit")
            #expect(try await mark(bob) == "miss")
            #expect(try await mark(alice, "/v1/messages?beta=true") == "miss")
            #expect(try await mark(alice, "/v1/messages", [Header("anthropic-beta", "x-1")]) == "miss")
            let hits = try stand.rows().filter { $0.flags.contains(.cacheHit) }
            #expect(hits.count == 1 && hits.allSatisfy { $0.cost == .zero })
        }
    }

    @Test func `a stream that breaks off within an event is told of in whole ones`() async throws {
        let whole = "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n"
        try await Self.run("text/event-stream", whole + "data: {\"choices\":[{\"delta\":{\"con") { stand in
            let answer = try await stand.call(
                try stand.key(), "/v1/chat/completions", ModelStand.question("odd", "", true))
            let events = answer.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }
            #expect(events.count == 2 && answer.text.hasPrefix(whole), "\(answer.text)")
            #expect(events.last?.hasPrefix("data: {\"error\":") == true)
        }
    }

    @Test func `what a translation lost is in the record of request and reply`() async throws {
        let body =
            "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"stop_reason\":\"end_turn\","
            + "\"content\":[{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}},"
            + "{\"type\":\"text\",\"text\":\"hi\"}],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}"
        let scripted = try await Self.provider("application/json", body)
        var options = ModelStand.Options()
        options.more = ModelStand.model("odd", dialect: "anthropic", port: scripted.port)
        let provider = try await MockModelServer.start()
        let gateway = try await GatewayUnderTest.start(ModelStand.configuration(provider.port, options))
        let stand = ModelStand(provider: provider, gateway: gateway)
        let answer = try await stand.call(
            try stand.key(), "/v1/chat/completions", ModelStand.question("odd", "", false, ",\"seed\":7"))
        #expect(answer.status == 200, "\(answer.text)")
        let header = answer.headers.first { $0.name == "x-sluice-lost" }?.value ?? ""
        #expect(header.contains("seed") && header.contains("content"), "\(header)")
        let line = try #require(try await gateway.stopAndReadLog().last)
        let lost = try #require(line["lost"] as? [String], "\(line)")
        #expect(lost.contains { $0.hasPrefix("seed: ") } && lost.contains { $0.hasPrefix("content[") }, "\(lost)")
        await provider.stop()
        await scripted.stop()
    }
}
