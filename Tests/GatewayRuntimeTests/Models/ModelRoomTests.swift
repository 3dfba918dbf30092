import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("models are served once, by who can, to whom they were made for", .timeLimit(.minutes(1)))
struct ModelRoomTests {
    /// A gateway with models `good`, `bad` (its first target is away) and `strict` (of the
    /// other API), and callers' keys.
    private struct Stand {
        var gateway: GatewayUnderTest

        func key(_ user: String) throws -> String {
            var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
            draft.user = user
            return try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        }

        func call(
            _ key: String, _ path: String, _ body: String = "", method: String = "POST"
        ) async throws -> CompletedResponse {
            try await WorkbenchClient().call(
                method, try gateway.url(path), headers: [Header("authorization", "Bearer \(key)")],
                body: body.isEmpty ? .none : .bytes(Array(body.utf8)))
        }
    }

    private static func configuration(good: Int, bad: Int) -> String {
        """
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: good},
         spec: {dialect: openai, baseURL: "http://127.0.0.1:\(good)/v1"}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: bad},
         spec: {dialect: openai, baseURL: "http://127.0.0.1:\(bad)/v1"}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: other},
         spec: {dialect: anthropic, baseURL: "http://127.0.0.1:\(good)"}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: default}
        spec:
          models:
            - {name: good, targets: [{provider: good, model: gpt-5}], price: {input: "1", output: "1"}}
            - name: bad
              targets: [{provider: bad, model: gpt-5}, {provider: good, model: gpt-5, priority: 1}]
              price: {input: "1", output: "1"}
            - {name: strict, strict: true, targets: [{provider: other, model: claude-sonnet-4-5}],
               price: {input: "1", output: "1"}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelAccessPolicy
        metadata: {name: all}
        spec: {subjects: [{any: true}], models: ["*"]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: BudgetPolicy
        metadata: {name: calls}
        spec: {scope: user, limits: [{unit: requests, max: 3, window: total}]}
        """
    }

    private static func run(_ body: (Stand) async throws -> Void) async throws {
        var options = MockModelServer.Options()
        options.requiresKey = false
        let good = try await MockModelServer.start(options)
        // Nobody listens there any more.
        let bad = try await MockHTTPServer.start()
        await bad.stop()
        let gateway = try await GatewayUnderTest.start(configuration(good: good.port, bad: bad.port))
        try await body(Stand(gateway: gateway))
        try await gateway.stop()
        await good.stop()
    }

    private static func chat(_ model: String, _ more: String = "") -> String {
        "{\"model\":\"\(model)\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]\(more)}"
    }

    @Test func `what no target can be asked is refused, and holds up nobody`() async throws {
        try await Self.run { stand in
            let key = try stand.key("alice")
            for _ in 0..<5 {
                let answer = try await stand.call(key, "/v1/chat/completions", Self.chat("strict", ",\"seed\":7"))
                #expect(answer.status == 400, "\(answer.text)")
                #expect(answer.text.contains("seed"), "\(answer.text)")
            }
            // Nothing went out: the budget of three calls is whole.
            for _ in 0..<3 {
                #expect(try await stand.call(key, "/v1/chat/completions", Self.chat("good")).status == 200)
            }
        }
    }

    @Test func `the next target serves unseen, and the answer says who did`() async throws {
        try await Self.run { stand in
            let answer = try await stand.call(try stand.key("alice"), "/v1/chat/completions", Self.chat("bad"))
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.headers.first { $0.name == "x-sluice-provider" }?.value == "good")
            #expect(answer.headers.first { $0.name == "x-sluice-attempts" }.flatMap { Int($0.value) } ?? 0 > 1)
        }
    }

    @Test func `a budget that is used up is a 429 that says until when`() async throws {
        try await Self.run { stand in
            let key = try stand.key("alice")
            for _ in 0..<3 {
                #expect(try await stand.call(key, "/v1/chat/completions", Self.chat("good")).status == 200)
            }
            let answer = try await stand.call(key, "/v1/chat/completions", Self.chat("good"))
            #expect(answer.status == 429)
            #expect(answer.text.contains("insufficient_quota"), "\(answer.text)")
            #expect(try await stand.call(try stand.key("bob"), "/v1/chat/completions", Self.chat("good")).status == 200)
        }
    }

    @Test func `a stored response belongs to its owner, and a mark to one id`() async throws {
        try await Self.run { stand in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let body = "{\"model\":\"good\",\"input\":\"hello\"}"
            func id(_ key: String) async throws -> String {
                let answer = try await stand.call(key, "/v1/responses", body)
                let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
                return try #require(object?["id"] as? String, "\(answer.text)")
            }
            let (hers, his) = (try await id(alice), try await id(bob))
            #expect(try await stand.call(alice, "/v1/responses/\(hers)", method: "GET").status == 200)
            #expect(try await stand.call(bob, "/v1/responses/\(hers)", method: "GET").status == 404)
            let forged =
                try #require(hers.split(separator: ".").first) + "." + (try #require(his.split(separator: ".").last))
            #expect(try await stand.call(bob, "/v1/responses/\(forged)", method: "GET").status == 404)
        }
    }
}
