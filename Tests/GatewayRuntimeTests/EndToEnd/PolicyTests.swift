import GatewayModel
import GatewayWorkbench
import NIOCore
import Testing

@Suite("Policies hold on real connections", .timeLimit(.minutes(1)))
struct PolicyTests {
    private func rig(_ policy: String, more: String = "") async throws -> (MockHTTPServer, GatewayUnderTest) {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(
            Configuration.simple(mock.port, more: Configuration.policy(policy) + "\n" + more), loops: 1)
        return (mock, gateway)
    }

    @Test("a rate limit refuses with 429 and says when to come back")
    func rate() async throws {
        let (mock, gateway) = try await rig("rateLimits: [{name: few, requests: 3, per: 60s, key: [client.ip]}]")
        let client = WorkbenchClient()
        var statuses: [Int] = []
        for _ in 0..<5 { statuses.append(try await client.call("GET", try gateway.url()).status) }
        #expect(statuses == [200, 200, 200, 429, 429])
        let refused = try await client.call("GET", try gateway.url())
        #expect(try #require(refused.headers.first("retry-after").flatMap { Int($0) }) >= 1)
        #expect(refused.text.contains("SL-3003"))
        #expect(mock.journal.receivedCount == 3)
        let log = try await gateway.stopAndReadLog()
        #expect(log.last?["outcome"] as? String == "refused")
        await mock.stop()
    }

    @Test("a place is free again when its client has left")
    func concurrency() async throws {
        let (mock, gateway) = try await rig("concurrency: {max: 1}")
        let connection = try await gateway.open()
        await connection.send("GET /?delay=60s HTTP/1.1\r\nhost: a\r\n\r\n")
        try await mock.journal.wait(received: 1)
        let client = WorkbenchClient()
        #expect(try await client.call("GET", try gateway.url()).status == 503)
        await connection.close()
        try await eventually("the place is free") { try await client.call("GET", try gateway.url()).status == 200 }
        try await gateway.stop()
        await mock.stop()
    }

    @Test(
        "addresses, heads and bodies past their bounds",
        arguments: [
            ("ipAccess: {deny: [127.0.0.0/8]}", 403, "SL-3002"), ("limits: {headerBytes: 100}", 431, "SL-2003"),
        ])
    func refused(_ policy: String, _ status: Int, _ code: String) async throws {
        let (mock, gateway) = try await rig(policy)
        let response = try await WorkbenchClient().call(
            "GET", try gateway.url(), headers: [Header("x-long", String(repeating: "l", count: 200))])
        #expect(response.status == status)
        #expect(response.text.contains(code))
        #expect(mock.journal.receivedCount == 0)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a body past its bound is 413, by its length or as it comes", arguments: Destination.HTTPVersion.allCases)
    func body(_ version: Destination.HTTPVersion) async throws {
        let (mock, gateway) = try await rig("limits: {bodyBytes: 1000}")
        let client = WorkbenchClient(version: version)
        let ones = [UInt8](repeating: 0x31, count: 1001)
        let length = try await client.call("POST", try gateway.url(), body: .bytes(ones))
        #expect(length.status == 413)
        let chunked = try await client.call(
            "POST", try gateway.url(), body: .steps([.bytes(Array(ones.prefix(600))), .bytes(Array(ones.suffix(401)))]))
        #expect(chunked.status == 413)
        #expect(chunked.text.contains("SL-2004"))
        #expect(mock.journal.completedCount == 0)
        #expect(try await client.call("POST", try gateway.url(), body: .bytes(Array(ones.prefix(1000)))).status == 200)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("an API key names its user and goes no further")
    func apiKey() async throws {
        let more = """
            apiVersion: sluice.dev/v1alpha1
            kind: IdentityProvider
            metadata: {name: keys}
            spec: {type: APIKey, apiKeys: {secretRef: {name: keys}}}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: keys}
            stringData: {alice: alices-secret-key-0123456789}
            """
        let (mock, gateway) = try await rig("authentication: {mode: Required, providers: [keys]}", more: more)
        let client = WorkbenchClient()
        #expect(try await client.call("GET", try gateway.url()).status == 401)
        let wrong = try await client.call("GET", try gateway.url(), headers: [Header("X-API-Key", "no")])
        #expect(wrong.status == 401)
        let right = try await client.call(
            "GET", try gateway.url(), headers: [Header("X-API-Key", "alices-secret-key-0123456789")])
        #expect(right.status == 200)
        #expect(mock.journal.receivedCount == 1)
        #expect(mock.journal.requests.first?.headers.has("x-api-key") == false)
        let log = try await gateway.stopAndReadLog()
        #expect(log.map { $0["user"] as? String } == [nil, nil, "alice"])
        await mock.stop()
    }

    @Test(
        "PROXY protocol: the client it names is the client",
        arguments: [
            "PROXY TCP4 203.0.113.7 10.0.0.1 4711 80\r\n",
            "\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\0\u{0C}\u{7F}\0\0\u{09}\u{7F}\0\0\u{01}\0\u{50}\0\u{50}",
        ])
    func proxyProtocol(_ header: String) async throws {
        let more = """
            apiVersion: sluice.dev/v1alpha1
            kind: ListenerPolicy
            metadata: {name: lp}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]
              proxyProtocol: {mode: Required, trustedFrom: [127.0.0.1/32]}
            """
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port, more: more))
        let connection = try await gateway.open()
        await connection.send(header + "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 10_000)
        #expect(outcome.text.hasPrefix("HTTP/1.1 200"))
        let address = header.hasPrefix("PROXY") ? "203.0.113.7" : "127.0.0.9"
        #expect(mock.journal.requests.first?.headers.all("x-forwarded-for") == [address])
        let bare = try await gateway.open()
        await bare.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        let closed = await bare.readUntilClose(timeoutMilliseconds: 10_000)
        #expect(closed.bytes.isEmpty && closed.end != .open)
        let log = try await gateway.stopAndReadLog()
        #expect(log.map { $0["client"] as? String } == [address])
        await mock.stop()
    }

    @Test("what a client says about where it comes from is not believed")
    func spoofing() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port))
        let spoofed = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded"]
        _ = try await WorkbenchClient().call(
            "GET", try gateway.url("/"),
            headers: spoofed.map { Header($0, "evil") } + [
                Header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                Header("x-request-id", "evil"),
            ])
        let seen = try #require(mock.journal.requests.first)
        #expect(!seen.headers.contains { $0.value.contains("evil") })
        #expect(seen.headers.all("x-forwarded-for") == ["127.0.0.1"])
        #expect(seen.headers.all("x-forwarded-proto") == ["http"])
        let trace = try #require(seen.headers.first("traceparent"))
        #expect(trace.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-") && !trace.contains("b7ad6b7169203331"))
        // Loops hand their numbers over at the next tick.
        try await eventually("the request is counted") {
            try await gateway.metrics().contains("sluice_requests_total{route=\"default/app\"")
        }
        // Each loop writes its own lines, so the look at the metrics may stand first.
        let line = try #require(
            try await gateway.stopAndReadLog().first { $0["route"] as? String == "default/app" })
        #expect(line["request_id"] as? String == seen.headers.first("x-request-id"))
        #expect(line["trace_id"] as? String == "0af7651916cd43dd8448eb211c80319c")
        #expect(line["status"] as? Int == 200)
        #expect(line["route"] as? String == "default/app")
        #expect(line["upstream"] as? String == "127.0.0.1:\(mock.port)")
        #expect(line["path"] as? String == "/")
        #expect(line["bytes_out"] as? Int ?? 0 > 100)
        await mock.stop()
    }
}
