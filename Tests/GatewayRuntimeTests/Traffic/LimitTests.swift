import GatewayModel
import GatewayPolicy
import GatewayRecords
import GatewayWorkbench
import Testing

@testable import GatewayProxy

@Suite("Limits of a TrafficPolicy hold, and say when to come back", .timeLimit(.minutes(1)))
struct LimitTests {
    @Test(
        "Each value of the key is counted apart; those without one are counted together",
        arguments: [
            (Fact.cookie(Array("s".utf8)), ("cookie", "a=1; s=x"), ("cookie", "s=y; a=1")),
            (.header(Array("x-team".utf8)), ("x-team", "x"), ("x-team", "y")),
        ])
    func keys(_ fact: Fact, _ one: (String, String), _ other: (String, String)) async throws {
        var setup = Gate.Setup()
        setup.policy.rateLimits = [
            RateLimitRule(
                name: "default/limits/key", key: [fact],
                rate: try #require(Rate(requests: 1, periodNanoseconds: 3_600_000_000_000)), table: RateLimitTable())
        ]
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for version in [Destination.HTTPVersion.http1, .http2] {
                let expected = version == .http1 ? 200 : 429
                #expect(try await gate.call(headers: [one], version: version).status == expected)
                #expect(try await gate.call(headers: [other], version: version).status == expected)
                #expect(try await gate.call(version: version).status == expected)
            }
            let refused = try await gate.call(headers: [one])
            #expect(refused.status == 429)
            let seconds = try #require(refused.headers.first("retry-after").flatMap { Int($0) })
            #expect((3_500...3_600).contains(seconds))
            #expect(refused.text.contains("SL-3003"))
            #expect(try await gate.counter(.rateLimited) == 4)
        }
    }

    @Test("A place under a concurrency limit is given back, however the request ends")
    func concurrency() async throws {
        let limiter = ConcurrencyLimiter()
        var setup = Gate.Setup()
        setup.policy.concurrency = [
            ConcurrencyRule(name: "default/limits", key: [.method], countMax: 1, limiter: limiter)
        ]
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for target in ["/", "/?fault=reset", "/?fault=truncate"] {
                _ = try? await gate.call("GET", target)
            }
            let client = try await WorkbenchClient().connection("http://127.0.0.1:\(gate.port)/")
            _ = try await client.start(CallRequest("GET", "/?fault=stall-body"))
            let refused = try await gate.call()
            #expect(refused.status == 503)
            #expect(refused.headers.has("retry-after"))
            #expect(try await gate.call("OPTIONS", "/").status == 200)
            await client.close()
            try await gate.until { try await gate.call().status == 200 }
        }
    }

    @Test("Heads and bodies are bounded, with a length and without")
    func sizes() async throws {
        var setup = Gate.Setup()
        setup.policy.bodyBytesMax = 10
        setup.policy.headBytesMax = 1_000
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for version in [Destination.HTTPVersion.http1, .http2] {
                let ten = [UInt8](repeating: 0x61, count: 10)
                #expect(try await gate.call("POST", "/", body: .bytes(ten), version: version).status == 200)
                #expect(try await gate.call("POST", "/", body: .bytes(ten + [0x61]), version: version).status == 413)
                let chunked = CallBody.steps([.bytes(ten), .bytes([0x61])])
                #expect(try await gate.call("POST", "/", body: chunked, version: version).status == 413)
                let long = String(repeating: "x", count: 1_000)
                #expect(try await gate.call(headers: [("x-long", long)], version: version).status == 431)
            }
        }
    }
}
