import Foundation
import GatewayModel
import GatewayProxy
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("the ledger is exact, whoever fails, leaves or starts again", .timeLimit(.minutes(1)))
struct ExactLedgerTests {
    private static func mixed(_ number: Int) -> (path: String, body: String) {
        let isStream = number % 2 == 0
        let model = number % 3 == 0 ? "claude" : "chat"
        let directive = "tokens=\(1 + number % 40) cached=\(number % 5 == 0 ? 2 : 0) first-byte=1ms"
        return number % 4 < 2
            ? ("/v1/chat/completions", ModelStand.question(model, directive, isStream))
            : ("/v1/messages", ModelStand.question(model, directive, isStream, ",\"max_tokens\":500"))
    }

    @Test func `with faults on three calls of ten it has what the provider says it served`() async throws {
        var options = ModelStand.Options()
        options.provider.standing = MockModelDirective(words: "usage=each")
        options.provider.faults.percent = 30
        options.provider.faults.seed = 11
        options.provider.faults.faults = [
            "429", "500", "503", "529", "drop", "redirect", "slow", "huge", "no-end", "error-event",
        ].compactMap { MockModelFault($0) }
        options.model = "retry: {backoff: 1ms, backoffMax: 5ms}"
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        for number in stride(from: worker, to: 160, by: 8) {
                            let (path, body) = Self.mixed(number)
                            // A stream that breaks off is no answer, and is charged all the same.
                            _ = try? await stand.call(key, path, body)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("every call has ended") {
                let statistics = stand.gateway.process.state.ledger.statistics
                return stand.provider.ledger.openCount == 0 && statistics.open == 0
            }
            let failed = stand.provider.ledger.entries.filter { !$0.fault.isEmpty }
            #expect(failed.count > 30)
            let theirs = stand.provider.ledger.total().usage
            let ours = try stand.rows().reduce(into: (input: 0, output: 0, cached: 0, cost: Money.zero)) { sum, row in
                sum.input += row.usage.input
                sum.output += row.usage.output
                sum.cached += row.usage.cacheRead
                sum.cost += row.cost
            }
            #expect(ours.input == theirs.input && ours.output == theirs.output && ours.cached == theirs.cacheRead)
            #expect(ours.cost > .zero)
        }
    }

    @Test func `two hundred callers spend no cent too much, over a restart and with some who leave`() async throws {
        var served = MockModelServer.Options()
        served.requiresKey = false
        let provider = try await MockModelServer.start(served)
        var options = ModelStand.Options()
        // Some four calls of ten fit.
        options.limits = "{unit: usd, max: \"0.004\", window: total}"
        let text = ModelStand.configuration(provider.port, options)
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-e2e-\(UUID().uuidString)")
        let first = try await GatewayUnderTest.start(text, drainTimeout: .milliseconds(20), folder: folder)
        let key = try ModelStand(provider: provider, gateway: first).key()
        let current = Box(first)
        let counts = Box([Int: Int]())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<200 {
                group.addTask {
                    for round in 0..<2 {
                        let stand = ModelStand(provider: provider, gateway: current.value)
                        if let status = await Self.spend(stand, key, caller: caller, round: round) {
                            counts.update { $0[status, default: 0] += 1 }
                        }
                    }
                }
            }
            group.addTask {
                try await eventually("some have been served, and half of them have been there") {
                    counts.value[200, default: 0] > 0 && counts.value.values.reduce(0, +) > 80
                }
                try await first.stop()
                current.set(try await GatewayUnderTest.start(text, drainTimeout: .milliseconds(20), folder: folder))
            }
            try await group.waitForAll()
        }
        let stand = ModelStand(provider: provider, gateway: current.value)
        try await eventually("every call has settled") { stand.gateway.process.state.ledger.statistics.open == 0 }
        #expect(counts.value[200, default: 0] > 0 && counts.value[429, default: 0] > 0, "\(counts.value)")
        let rows = try stand.rows()
        let line = try #require(try stand.gateway.process.state.budgets().first)
        #expect(line.spent == rows.reduce(0) { $0 + $1.cost.picodollars } && line.reserved == 0)
        #expect(line.spent <= line.limit)
        #expect(stand.gateway.process.state.ledger.statistics.abandoned == 0)
        // What the provider says it told, at a dollar for a million tokens, is within it too.
        #expect(provider.ledger.total([.told]).usage.total <= 4_000)
        try await stand.gateway.stop()
        await provider.stop()
    }

    /// One call of some 50 tokens; of some callers it is a stream that they leave. The status; nil for no answer.
    private static func spend(_ stand: ModelStand, _ key: String, caller: Int, round: Int) async -> Int? {
        let leaves = caller % 5 == 0
        let directive = leaves ? "tokens=30 interval=20ms" : "tokens=30"
        let body = ModelStand.question("chat", directive, leaves, ",\"max_tokens\":30")
        // Between two lives nobody listens.
        guard let port = stand.gateway.process.plane.boundPorts[8080] else { return nil }
        let answer = try? await WorkbenchClient(version: .http1).call(
            "POST", "http://127.0.0.1:\(port)/v1/chat/completions",
            headers: [Header("authorization", "Bearer \(key)")], body: .bytes(Array(body.utf8)),
            timeoutMilliseconds: leaves ? 60 : 10_000)
        return answer?.status
    }
}
