import GatewayModel
import GatewayPolicy
import GatewayWire
import GatewayWorkbench
import Testing

@testable import GatewayProxy

@Suite("Who the client is: the peer, unless a trusted one speaks for another", .timeLimit(.minutes(1)))
struct TrustedHopsTests {
    struct Case: Sendable {
        var hops: Int
        var from: [String] = []
        var sent: [(String, String)]
        /// As the access list sees it.
        var client: String
        var forwardedFor: String
        var proto = "http"
        var host = "app.example"
    }

    static let cases: [Case] = [
        // Nobody is believed: what was sent is gone.
        Case(hops: 0, sent: [], client: "127.0.0.1", forwardedFor: "127.0.0.1"),
        Case(
            hops: 0,
            sent: [
                ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example"),
                ("x-real-ip", "10.0.0.1"), ("forwarded", "for=10.0.0.1"), ("x-forwarded-port", "1"),
            ], client: "127.0.0.1", forwardedFor: "127.0.0.1"),
        // One proxy before us: the last address is what it saw; those before it anyone may have written.
        Case(hops: 1, sent: [("x-forwarded-for", "10.0.0.1")], client: "10.0.0.1", forwardedFor: "10.0.0.1, 127.0.0.1"),
        Case(
            hops: 1, sent: [("x-forwarded-for", "10.6.6.6, 10.0.0.1")], client: "10.0.0.1",
            forwardedFor: "10.6.6.6, 10.0.0.1, 127.0.0.1"),
        Case(
            hops: 1, sent: [("x-forwarded-for", "10.6.6.6"), ("x-forwarded-for", "10.0.0.1")], client: "10.0.0.1",
            forwardedFor: "10.6.6.6, 10.0.0.1, 127.0.0.1"),
        Case(
            hops: 2, sent: [("x-forwarded-for", "10.6.6.6, 10.0.0.1, 10.0.0.2")], client: "10.0.0.1",
            forwardedFor: "10.6.6.6, 10.0.0.1, 10.0.0.2, 127.0.0.1"),
        Case(hops: 1, sent: [("x-forwarded-for", "unknown")], client: "127.0.0.1", forwardedFor: "unknown, 127.0.0.1"),
        Case(
            hops: 1,
            sent: [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "a.b")],
            client: "10.0.0.1", forwardedFor: "10.0.0.1, 127.0.0.1", proto: "https", host: "a.b"),
        // Only proxies at known addresses, also along the way.
        Case(
            hops: 1, from: ["10.0.0.0/8"], sent: [("x-forwarded-for", "10.0.0.1")], client: "127.0.0.1",
            forwardedFor: "127.0.0.1"),
        Case(
            hops: 3, from: ["127.0.0.0/8", "10.0.0.0/8"], sent: [("x-forwarded-for", "10.6.6.6, 192.0.2.1, 10.0.0.2")],
            client: "192.0.2.1", forwardedFor: "10.6.6.6, 192.0.2.1, 10.0.0.2, 127.0.0.1"),
    ]

    @Test("The address, and what the backend is told", arguments: cases.indices)
    func clients(_ index: Int) async throws {
        let example = Self.cases[index]
        var setup = Gate.Setup()
        setup.settings.trustedHops = example.hops
        setup.settings.trustedSources = CIDRSet(example.from.compactMap { GatewayWire.CIDR($0) })
        setup.policy.addresses = [
            AddressRule(list: try IPAccessList(allow: [example.client], deny: []), name: "default/only")
        ]
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for version in [Destination.HTTPVersion.http1, .http2] {
                let answer = try await gate.call(
                    headers: [("host", "app.example")] + example.sent, version: version)
                #expect(answer.status == 200)
                let seen = try #require(gate.mock.journal.requests.last)
                #expect(seen.headers.all("x-forwarded-for") == [example.forwardedFor])
                #expect(seen.headers.all("x-forwarded-proto") == [example.proto])
                #expect(seen.headers.all("x-forwarded-host") == [example.host])
                #expect(!seen.headers.has("x-real-ip"))
                #expect(!seen.headers.has("forwarded"))
            }
        }
        setup.policy.addresses = [
            AddressRule(list: try IPAccessList(allow: [], deny: [example.client]), name: "default/not")
        ]
        try await Gate.serving(setup) { (gate: Gate) async throws in
            #expect(try await gate.call(headers: example.sent).status == 403)
        }
    }

    @Test("Rate limits count the client a trusted proxy speaks for, and nobody can choose another")
    func rates() async throws {
        var setup = Gate.Setup()
        setup.policy.rateLimits = [
            RateLimitRule(
                name: "default/limit/ip", key: [.clientIP],
                rate: try #require(Rate(requests: 1, periodNanoseconds: 3_600_000_000_000)), table: RateLimitTable())
        ]
        try await Gate.serving(setup) { (gate: Gate) async throws in
            #expect(try await gate.call(headers: [("x-forwarded-for", "10.0.0.1")]).status == 200)
            #expect(try await gate.call(headers: [("x-forwarded-for", "10.0.0.2")]).status == 429)
        }
        setup.settings.trustedHops = 1
        setup.policy.rateLimits[0].table = RateLimitTable()
        try await Gate.serving(setup) { (gate: Gate) async throws in
            #expect(try await gate.call(headers: [("x-forwarded-for", "10.0.0.1")]).status == 200)
            #expect(try await gate.call(headers: [("x-forwarded-for", "10.0.0.2")]).status == 200)
            #expect(try await gate.call(headers: [("x-forwarded-for", "10.6.6.6, 10.0.0.2")]).status == 429)
        }
    }

    @Test(
        "A redirect keeps the scheme and port the client used",
        arguments: [
            (0, [("x-forwarded-proto", "https")], "http://app.example:8080/x"),
            (1, [("x-forwarded-proto", "https")], "https://app.example/x"),
            (1, [("x-forwarded-proto", "https"), ("x-forwarded-port", "8443")], "https://app.example:8443/x"),
            (1, [], "http://app.example:8080/x"),
        ] as [(Int, [(String, String)], String)])
    func redirect(_ hops: Int, _ sent: [(String, String)], _ location: String) async throws {
        var setup = Gate.Setup()
        setup.settings.trustedHops = hops
        setup.action = .redirect(
            Redirect(scheme: nil, hostname: nil, path: .full(Array("/x".utf8)), port: nil, status: 302))
        try await Gate.serving(setup) { (gate: Gate) async throws in
            let answer = try await gate.call(headers: [("host", "app.example")] + sent)
            #expect(answer.headers.first("location") == location)
        }
    }

    @Test("A kept answer of one scheme is not shown for the other")
    func schemes() async throws {
        var setup = CacheTests.setup()
        setup.settings.trustedHops = 1
        try await Gate.serving(setup) { (gate: Gate) async throws in
            #expect(try await gate.call(headers: [("x-forwarded-proto", "https")]).text == "1")
            #expect(try await gate.call(headers: [("x-forwarded-proto", "http")]).text == "2")
            #expect(try await gate.call().text == "2")
            #expect(try await gate.call(headers: [("x-forwarded-proto", "https")]).text == "1")
        }
    }
}
