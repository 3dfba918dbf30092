import GatewayModel
import GatewayRecords
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@testable import GatewayProxy

@Suite("A second attempt beside a slow one", .timeLimit(.minutes(1)))
struct HedgeTests {
    /// A gate with two mocks of which the first never answers `/slow`.
    private func serving(
        percent: Int = 100, transport: UpstreamTransport = UpstreamTransport(), second: [MockStep]? = nil,
        _ body: (Gate, MockHTTPServer) async throws -> Void
    ) async throws {
        var options = MockHTTPServer.Options()
        if let second { options.answer = { _ in second } }
        let other = try await MockHTTPServer.start(options)
        var setup = Gate.Setup()
        setup.policy.hedging = HedgePolicy(delayNanoseconds: 30_000_000, percentMax: percent)
        setup.endpoints = [EndpointSpec(host: "127.0.0.1", port: other.port)]
        setup.transport = transport
        setup.answer = { $0.path == "/slow" ? [.awaitBody, .hang] : nil }
        try await Gate.serving(setup) { (gate: Gate) async throws in
            try await body(gate, other)
            try await gate.expectQuiet()
        }
        await other.stop()
    }

    @Test(
        "The first head wins, whoever it is from; the other is given up",
        arguments: [
            UpstreamTransport.HTTP.http1, .http2,
        ])
    func race(_ http: UpstreamTransport.HTTP) async throws {
        try await serving(transport: UpstreamTransport(http: http)) {
            (gate: Gate, other: MockHTTPServer) async throws in
            // Requests earn second attempts; those that answer at once need none.
            for _ in 0..<4 { #expect(try await gate.call("GET", "/fast").status == 200) }
            for _ in 0..<2 { #expect(try await gate.call("GET", "/slow").status == 200) }
            // At least one of the two went to the slow one first; both were answered by the other.
            #expect(gate.mock.journal.requests.contains { $0.path == "/slow" })
            #expect(other.journal.requests.filter { $0.path == "/slow" }.count == 2)
        }
    }

    @Test("Bodies, unsafe methods and requests beyond the budget are not sent twice")
    func never() async throws {
        try await serving(percent: 0) { (gate: Gate, other: MockHTTPServer) async throws in
            var answered = 0
            for _ in 0..<2 {
                let client = try await WorkbenchClient().connection("http://127.0.0.1:\(gate.port)/")
                var request = CallRequest("GET", "/slow")
                request.timeoutMilliseconds = 2_000
                if (try? await client.run(request)) != nil { answered += 1 }
                await client.close()
            }
            #expect(answered == 1)
            #expect(gate.mock.journal.receivedCount + other.journal.receivedCount == 2)
        }
        try await serving { (gate: Gate, other: MockHTTPServer) async throws in
            for _ in 0..<4 { #expect(try await gate.call("GET", "/fast").status == 200) }
            for method in ["POST", "PUT"] {
                for _ in 0..<2 {
                    let client = try await WorkbenchClient().connection("http://127.0.0.1:\(gate.port)/")
                    var request = CallRequest(method, "/slow", body: .text("x"))
                    request.timeoutMilliseconds = 1_000
                    _ = try? await client.run(request)
                    await client.close()
                }
            }
            let slow = (gate.mock.journal.requests + other.journal.requests).filter { $0.path == "/slow" }
            #expect(slow.count == 4)
        }
    }

    @Test("If both fail the client hears of it once; if only the first does, the second's answer counts")
    func failures() async throws {
        try await serving(second: [.awaitBody, .reset]) { (gate: Gate, other: MockHTTPServer) async throws in
            for _ in 0..<4 { _ = try await gate.call("GET", "/fast") }
            // Both orders: the slow one is given up by the client, the broken one is an error.
            for _ in 0..<2 {
                let client = try await WorkbenchClient().connection("http://127.0.0.1:\(gate.port)/")
                var request = CallRequest("GET", "/slow")
                request.timeoutMilliseconds = 2_000
                let answer = try? await client.run(request)
                if let answer { #expect(answer.status == 502) }
                await client.close()
            }
        }
    }
}

extension Gate {
    /// Nothing is left of what was under way.
    func expectQuiet() async throws {
        try await until {
            let levels = try await gauges()
            return levels.allSatisfy {
                $0.value == 0 || $0.key == .upstreamConnectionsIdle || $0.key == .connectionsActive
            }
        }
    }
}
