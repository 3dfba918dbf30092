import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

/// Two providers behind one model; the answer's `x-sluice-provider` says which one was chosen.
@Suite("The strategy of a model chooses among its targets", .timeLimit(.minutes(2)))
struct StrategyTests {
    private struct Stand {
        let gateway: GatewayUnderTest
        let key: String
        let left: MockModelServer
        let right: MockModelServer

        /// Who answers a question; `more` are members of the request.
        func chosen(_ content: String = "hello", _ more: String = "") async throws -> String {
            let answer = try await WorkbenchClient(version: .http1).call(
                "POST", try gateway.url("/v1/chat/completions"), headers: request("").headers,
                body: request(content, more).body)
            #expect(answer.status == 200, "\(answer.text)")
            return answer.headers.first { $0.name == "x-sluice-provider" }?.value ?? ""
        }

        func request(_ content: String, _ more: String = "") -> CallRequest {
            let body = "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"\(content)\"}]\(more)}"
            return CallRequest(
                "POST", "/v1/chat/completions", headers: [Header("authorization", "Bearer \(key)")],
                body: .bytes(Array(body.utf8)))
        }
    }

    /// `prices` are of the left and the right provider's target; `words` direct the left one.
    private static func run(
        _ strategy: String, prices: (String, String)? = nil, left words: String = "",
        _ body: (Stand) async throws -> Void
    ) async throws {
        var options = MockModelServer.Options()
        options.requiresKey = false
        let right = try await MockModelServer.start(options)
        options.standing = MockModelDirective(words: words)
        let left = try await MockModelServer.start(options)
        func target(_ name: String, _ price: String?) -> String {
            "{provider: \(name), model: gpt-5\(price.map { ", price: {\($0)}" } ?? "")}"
        }
        func provider(_ name: String, _ port: Int) -> String {
            """
            {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: \(name)},
             spec: {dialect: openai, baseURL: "http://127.0.0.1:\(port)/v1"}}
            ---

            """
        }
        let gateway = try await GatewayUnderTest.start(
            provider("left", left.port) + provider("right", right.port) + """
                apiVersion: sluice.dev/v1alpha1
                kind: ModelCatalog
                metadata: {name: default}
                spec:
                  models:
                    - name: chat
                      strategy: \(strategy)
                      targets: [\(target("left", prices?.0)), \(target("right", prices?.1))]
                      price: {input: "1", output: "1"}
                ---
                apiVersion: sluice.dev/v1alpha1
                kind: ModelAccessPolicy
                metadata: {name: all}
                spec: {subjects: [{any: true}], models: ["*"]}
                """)
        let key = try gateway.process.state.keys.create(
            ManagedKey(id: "", hint: "", createdSeconds: 0), nowSeconds: 1_800_000_000
        ).secret
        do { try await body(Stand(gateway: gateway, key: key, left: left, right: right)) } catch {
            Issue.record(error)
        }
        try await gateway.stop()
        await left.stop()
        await right.stop()
    }

    @Test("lowestCost: what this request would cost at most, so that a long question and a long answer differ")
    func lowestCost() async throws {
        let prices = ("input: \"10\", output: \"1\"", "input: \"1\", output: \"10\"")
        try await Self.run("lowestCost", prices: prices) { (stand: Stand) async throws in
            let long = String(repeating: "many words ", count: 500)
            for _ in 0..<8 {
                #expect(try await stand.chosen(long, ",\"max_tokens\":10") == "right")
                #expect(try await stand.chosen("few", ",\"max_tokens\":5000") == "left")
            }
        }
    }

    @Test("lowestLatency: each is asked once, and then only who answers first")
    func lowestLatency() async throws {
        try await Self.run("lowestLatency", left: "delay=1500ms") { (stand: Stand) async throws in
            var chosen: [String] = []
            for _ in 0..<10 { chosen.append(try await stand.chosen()) }
            #expect(Set(chosen.prefix(2)) == ["left", "right"])
            #expect(chosen.dropFirst(2).allSatisfy { $0 == "right" }, "\(chosen)")
        }
    }

    @Test("leastInFlight: who has nothing under way goes first")
    func leastInFlight() async throws {
        try await Self.run("leastInFlight") { (stand: Stand) async throws in
            // One call that takes long: its provider is not asked again while it waits.
            let held = try await WorkbenchClient(version: .http1).connection(try stand.gateway.url())
            let answer = Task { try await held.run(stand.request("[[mock: interval=60s]]", ",\"stream\":true")) }
            while stand.left.ledger.openCount + stand.right.ledger.openCount == 0 {
                try await Task.sleep(for: .milliseconds(5))
            }
            let free = stand.left.ledger.openCount == 0 ? "left" : "right"
            for _ in 0..<8 { #expect(try await stand.chosen() == free) }
            await held.close()
            _ = await answer.result
            // Its place is free again: both are asked before long.
            var seen: Set<String> = []
            while seen.count < 2 { seen.insert(try await stand.chosen()) }
        }
    }

    @Test("weighted: by their weights, which are shares and not turns")
    func weighted() async throws {
        try await Self.run("weighted") { (stand: Stand) async throws in
            var seen: Set<String> = []
            while seen.count < 2 { seen.insert(try await stand.chosen()) }
        }
    }
}
