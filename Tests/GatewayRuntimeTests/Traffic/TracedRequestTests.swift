import GatewayModel
import GatewayPolicy
import GatewayRecords
import GatewayWorkbench
import Testing

@testable import GatewayProxy

@Suite("A traced request shows its way", .timeLimit(.minutes(1)))
struct TracedRequestTests {
    @Test(
        "Phases in order, with what decided; the token never goes on, and is good once",
        arguments: [
            Destination.HTTPVersion.http1, .http2,
        ])
    func phases(_ version: Destination.HTTPVersion) async throws {
        var setup = Gate.Setup()
        setup.policy.addresses = [
            AddressRule(list: try IPAccessList(allow: ["127.0.0.0/8"], deny: []), name: "default/local")
        ]
        try await Gate.serving(setup) { (gate: Gate) async throws in
            gate.shared.traces.expect("secret-1")
            let traced = [("x-sluice-trace", "secret-1")]
            #expect(try await gate.call("GET", "/a?b=c", headers: traced, version: version).status == 200)
            try await gate.until { gate.shared.traces.hasFinished("secret-1") }
            let trace = try #require(gate.shared.traces.take("secret-1"))
            #expect(
                trace.phases.map(\.name)
                    == ["accept", "match", "identify", "decide", "admit", "handle", "attempt 1", "answer", "settle"])
            let notes = trace.phases.map(\.note)
            #expect(notes[0].contains("127.0.0.1") && notes[0].contains("GET /a?b=c"))
            #expect(notes[1].contains("HTTPRoute default/app rule 0"))
            #expect(notes[3] == "allowed by default/local")
            #expect(notes[6].contains("127.0.0.1:\(gate.mock.port)"))
            #expect(notes[7].contains("status 200"))
            #expect(notes[8].contains("status 200"))
            let starts = trace.phases.map(\.startNanoseconds)
            #expect(starts == starts.sorted())
            #expect(trace.durationNanoseconds > 0)
            // Good once.
            _ = try await gate.call(headers: traced, version: version)
            #expect(gate.shared.traces.take("secret-1") == nil)
            for seen in gate.mock.journal.requests { #expect(!seen.headers.has("x-sluice-trace")) }
        }
    }

    @Test("A refusal names the rule; a token nobody awaits does nothing")
    func refused() async throws {
        var setup = Gate.Setup()
        setup.policy.addresses = [
            AddressRule(list: try IPAccessList(allow: [], deny: ["127.0.0.1"]), name: "default/no")
        ]
        try await Gate.serving(setup) { (gate: Gate) async throws in
            gate.shared.traces.expect("t")
            _ = try await gate.call(headers: [("x-sluice-trace", "other")])
            #expect(try await gate.call(headers: [("x-sluice-trace", "t")]).status == 403)
            try await gate.until { gate.shared.traces.hasFinished("t") }
            let trace = try #require(gate.shared.traces.take("t"))
            #expect(trace.phases.map(\.name) == ["accept", "match", "identify", "decide", "settle"])
            #expect(trace.phases[3].note.contains("denied by default/no"))
            #expect(gate.shared.traces.take("other") == nil)
        }
    }
}

extension TraceBoard {
    /// Whether a trace is there; it stays.
    func hasFinished(_ token: String) -> Bool {
        guard let trace = take(token) else { return false }
        post(trace)
        return true
    }
}
