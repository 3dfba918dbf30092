import GatewayModel
import GatewayWorkbench
import Testing

@Suite("The mock provider fails as it is told, and knows what that costs", .timeLimit(.minutes(1)))
struct MockModelFaultTests {
    /// What a call with a fault ends as, and whether its output is billed.
    struct Case: CustomTestStringConvertible {
        var fault: String
        var stream = false
        var outcome: MockModelOutcome
        var isBilled = true
        var testDescription: String { stream ? "\(fault) in a stream" : fault }
    }

    @Test(arguments: [
        Case(fault: "drop", outcome: .refused, isBilled: false),
        Case(fault: "redirect", outcome: .refused, isBilled: false),
        Case(fault: "empty", outcome: .refused, isBilled: false),
        Case(fault: "reset", outcome: .aborted), Case(fault: "close", outcome: .aborted),
        Case(fault: "malformed", outcome: .untold), Case(fault: "truncated", outcome: .untold),
        Case(fault: "no-usage", outcome: .untold), Case(fault: "content-type", outcome: .told),
        Case(fault: "huge", outcome: .told), Case(fault: "error-event", outcome: .refused, isBilled: false),
        Case(fault: "reset", stream: true, outcome: .aborted), Case(fault: "close", stream: true, outcome: .aborted),
        Case(fault: "error-event", stream: true, outcome: .aborted),
        Case(fault: "truncated", stream: true, outcome: .aborted),
        Case(fault: "malformed", stream: true, outcome: .told), Case(fault: "huge", stream: true, outcome: .told),
        Case(fault: "no-end", stream: true, outcome: .told),
        Case(fault: "no-usage", stream: true, outcome: .untold),
    ])
    func outcomes(each: Case) async throws {
        try await ModelBench.with { bench in
            for dialect in MockDialect.allCases {
                bench.server.ledger.clear()
                let prompt = "hello [[mock: fault=\(each.fault) tokens=40]]"
                let usage = dialect == .openai ? ",\"stream_options\":{\"include_usage\":true}" : ""
                let more = each.stream ? ",\"stream\":true\(usage)" : ""
                _ = try? await (dialect == .openai ? bench.chat(prompt, more) : bench.message(prompt, more))
                let row = try #require(bench.server.ledger.sums.first)
                #expect(row.key.outcome == each.outcome, "\(dialect)")
                #expect((row.value.usage.inputTotal > 0) == each.isBilled)
                let isCut = each.stream && each.outcome == .aborted
                #expect(row.value.usage.output == (isCut ? row.value.usage.output : each.isBilled ? 40 : 0))
                if isCut { #expect((1..<40).contains(row.value.usage.output)) }
            }
        }
    }

    @Test func `a stream that says its usage each time is told to where it broke`() async throws {
        try await ModelBench.with { bench in
            let prompt = "hello [[mock: fault=error-event usage=each tokens=40]]"
            let reply = try await bench.chat(prompt, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}")
            let events = reply.text.split(separator: "\n\n").compactMap { JSONDocument(json: String($0.dropFirst(6))) }
            let last = try #require(events.compactMap { $0["usage"] }.last)
            let total = bench.server.ledger.total([.told])
            #expect(total.requests == 1)
            #expect(last["completion_tokens"]?.integer == total.usage.outputTotal)
            #expect(last["prompt_tokens"]?.integer == total.usage.inputTotal)
        }
    }

    @Test func `a caller that leaves pays for what was said`() async throws {
        try await ModelBench.with { bench in
            let body = ModelBench.body("gpt-5-mini", "hello [[mock: tokens=4000 interval=5ms]]", ",\"stream\":true")
            let raw = try await RawConnection.open(host: "127.0.0.1", port: bench.server.port)
            await raw.send(
                "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            _ = await raw.read(timeoutMilliseconds: 20_000) { String(decoding: $0, as: UTF8.self).contains("delta") }
            await raw.close()
            // Settled when the mock sees the end of the connection.
            while bench.server.ledger.openCount > 0 { await Task.yield() }
            let row = try #require(bench.server.ledger.sums.first)
            #expect(row.key.outcome == .cancelled)
            #expect(row.value.usage.output < 4000)
            #expect(row.value.usage.input > 0)
        }
    }

    @Test func `a call fails as often as it asks to, and for one dialect`() async throws {
        try await ModelBench.with { bench in
            var statuses: [Int] = []
            for _ in 0..<4 { statuses.append(try await bench.chat("x [[mock: status=503 times=2 id=a]]").status) }
            #expect(statuses == [503, 503, 200, 200])
            #expect(try await bench.chat("x [[mock: status=503 only=anthropic]]").status == 200)
            #expect(try await bench.message("x [[mock: status=503 only=anthropic]]").status == 503)
        }
    }

    @Test func `a plan lets the same share of calls fail in every run`() async throws {
        var options = MockModelServer.Options()
        options.faults.percent = 30
        options.faults.faults = ["429", "500"].compactMap { MockModelFault($0) }
        options.faults.seed = 7
        var runs: [[Int]] = []
        for _ in 0..<2 {
            try await ModelBench.with(options) { bench in
                var statuses: [Int] = []
                for _ in 0..<100 { statuses.append(try await bench.chat("hello").status) }
                runs.append(statuses)
            }
        }
        #expect(runs[0] == runs[1])
        #expect((20...40).contains(runs[0].filter { $0 != 200 }.count))
        #expect(Set(runs[0]) == [200, 429, 500])
    }

    @Test(arguments: ["reset", "529", "no-usage", "slow"])
    func `faults have names`(name: String) { #expect(MockModelFault(name) != nil) }

    @Test(arguments: ["resett", "200", "999", ""])
    func `other names are none`(name: String) { #expect(MockModelFault(name) == nil) }
}
