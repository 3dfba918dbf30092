import GatewayModel
import GatewayWorkbench
import NIOCore
import Testing

@Suite("Requests survive what backends do, and end in time", .timeLimit(.minutes(1)))
struct ResilienceTests {
    @Test("a kept connection that turns out to be dead costs a GET nothing and a POST a 502")
    func stale() async throws {
        // The second request on a connection is answered by a reset: as if it had been closed in that moment.
        let seen = Box<[String]>([])
        let backend = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.contains("\r\n\r\n") else { return false }
            seen.update { $0.append("\(peer.number) \(text.prefix { $0 != " " })") }
            if text.contains("x-second") {
                peer.reset()
            } else {
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            }
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port), loops: 1)
        let client = WorkbenchClient()
        #expect(try await client.call("GET", try gateway.url()).status == 200)
        // A new connection answers this request with a reset too, so the one free retry is all there is.
        #expect(try await client.call("GET", try gateway.url(), headers: [Header("x-second", "1")]).status == 502)
        #expect(seen.value == ["1 GET", "1 GET", "2 GET"])
        #expect(try await client.call("GET", try gateway.url()).status == 200)
        let post = try await client.call(
            "POST", try gateway.url(), headers: [Header("x-second", "1")], body: .text("x"))
        #expect(post.status == 502)
        #expect(post.text.contains("SL-4006"))
        #expect(seen.value.count { $0.hasSuffix("POST") } == 1)
        try await gateway.stop()
        await backend.stop()
    }

    @Test(
        "statuses and resets are tried again as the policy says",
        arguments: [
            ("on: [503]", "responseCode=503&", 200), ("on: [500]", "responseCode=503&", 503),
            ("on: [reset]", "", 200), ("on: [connect-failure]", "", 502),
        ])
    func retries(_ condition: String, _ query: String, _ status: Int) async throws {
        let mock = try await MockHTTPServer.start()
        let policy = Configuration.policy(
            "retry:\n  attempts: 3\n  \(condition)\n  backoff: {base: 1ms, max: 2ms}")
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port, more: policy))
        let response = try await WorkbenchClient().call("GET", try gateway.url("/retry?\(query)succeedAfter=2&uuid=u"))
        #expect(response.status == status)
        #expect(mock.journal.receivedCount == (status == 200 ? 3 : 1))
        let log = try await gateway.stopAndReadLog()
        #expect(log.first?["attempts"] as? Int == (status == 200 ? 3 : 1))
        if status == 200 { #expect(log.first?["outcome"] as? String == "completed") }
        await mock.stop()
    }

    @Test(
        "every clock ends a request with 504 and its code",
        arguments: [
            ("firstByte: 150ms", "/?delay=30s"), ("total: 150ms", "/?delay=30s"), ("idle: 150ms", "/?fault=silent"),
            ("perTry: 150ms", "/?delay=30s"),
        ])
    func timeouts(_ timeout: String, _ target: String) async throws {
        let mock = try await MockHTTPServer.start()
        let policy = Configuration.policy("timeouts: {\(timeout)}")
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port, more: policy))
        let response = try await WorkbenchClient().call("GET", try gateway.url(target))
        #expect(response.status == 504)
        #expect(response.text.contains("SL-4007"))
        let log = try await gateway.stopAndReadLog()
        #expect(log.first?["outcome"] as? String == "timed_out")
        #expect(log.first?["error"] as? String == "SL-4007")
        await mock.stop()
    }

    @Test("a body that stops coming is cut off, not ended")
    func stalledBody() async throws {
        let mock = try await MockHTTPServer.start()
        let policy = Configuration.policy("timeouts: {idle: 1s}")
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port, more: policy))
        await #expect(throws: CallError.self) {
            try await WorkbenchClient().call("GET", try gateway.url("/?fault=stall-body"))
        }
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a client that leaves takes its request with it", arguments: [true, false])
    func clientAbort(_ isReset: Bool) async throws {
        let (asked, gone) = (Box(false), Box(false))
        let backend = try await ScriptedBackend.start { _, event in
            if case .bytes = event { asked.set(true) } else { gone.set(true) }
            return false
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port))
        let connection = try await gateway.open()
        await connection.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        // A connection that nothing was sent on yet is kept for others.
        try await eventually("the backend is asked") { asked.value }
        if isReset { await connection.reset() } else { await connection.close() }
        try await eventually("the backend hears of it") { gone.value }
        let log = try await gateway.stopAndReadLog()
        #expect(log.count == 1)
        #expect(log.first?["status"] as? Int == 499)
        #expect(log.first?["outcome"] as? String == "client_aborted")
        await backend.stop()
    }

    @Test("an endpoint that is down is left out until it is back; with none left the answer is an error of ours")
    func down() async throws {
        let first = try await MockHTTPServer.start()
        let other = try await MockHTTPServer.start()
        let check = "healthCheck: {path: /health, interval: 50ms, unhealthyThreshold: 1, healthyThreshold: 1}"
        let gateway = try await GatewayUnderTest.start(
            Configuration.gateway + "\n" + Configuration.route() + "\n"
                + Configuration.backendObject("app", [first.port, other.port], check))
        let client = WorkbenchClient()
        await first.stop()
        try await eventually("it is left out") {
            var statuses: Set<Int> = []
            for _ in 0..<10 { statuses.insert(try await client.call("GET", try gateway.url()).status) }
            return statuses == [200]
        }
        var options = MockHTTPServer.Options()
        options.port = first.port
        let again = try await MockHTTPServer.start(options)
        try await eventually("it is back") {
            _ = try await client.call("GET", try gateway.url("/mine"))
            return again.journal.requests.contains { $0.target == "/mine" }
        }
        await again.stop()
        await other.stop()
        #expect([502, 503].contains(try await client.call("GET", try gateway.url()).status))
        try await gateway.stop()
    }

    @Test("connections cut under load lose no GET, by name too", arguments: ["127.0.0.1", "localhost"])
    func cutConnections(_ host: String) async throws {
        let mock = try await MockHTTPServer.start()
        let policy = Configuration.policy(
            "retry: {attempts: 3, on: [reset, connect-failure], budgetPercent: 100, budgetMinPerSecond: 1000}")
        let gateway = try await GatewayUnderTest.start(
            Configuration.gateway + "\n" + Configuration.route() + "\n"
                + Configuration.backendObject("app", [mock.port], host: host) + "\n" + policy)
        var plan = LoadPlan(url: try gateway.url())
        plan.requestsPerConnection = 250
        plan.request = { CallRequest("GET", "/?n=\($0)") }
        plan.verify = { index, response in
            let isRight = response.status == 200 && response.text.contains("/?n=\(index)\"")
            return isRight ? nil : "\(response.status) \(response.text)"
        }
        let cutting = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(200))
                await mock.dropConnections()
            }
        }
        let report = await LoadGenerator(plan).run()
        cutting.cancel()
        #expect(report.failures.isEmpty)
        #expect(report.verified == plan.requestCount)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a mirror gets the body, and neither its slowness nor its death is felt", arguments: ["slow", "dead"])
    func mirror(_ kind: String) async throws {
        let mock = try await MockHTTPServer.start()
        var options = MockHTTPServer.Options()
        options.answer = { _ in
            kind == "slow" ? [.awaitBody, .wait(milliseconds: 300), .head(200, []), .end([])] : [.reset]
        }
        let copy = try await MockHTTPServer.start(options)
        let filter = """
            filters:
              - type: RequestMirror
                requestMirror: {backendRef: {group: sluice.dev, kind: Backend, name: copy}}
            """
        let gateway = try await GatewayUnderTest.start(
            Configuration.simple(mock.port, rule: filter, more: Configuration.backendObject("copy", [copy.port])))
        let client = WorkbenchClient()
        for index in 0..<10 {
            let response = try await client.call(
                "POST", try gateway.url("/echo?n=\(index)"), body: .steps([.bytes(Array("part".utf8)), .bytes([0x31])]))
            #expect(response.status == 200)
            #expect(response.text == "part1")
        }
        if kind == "slow" {
            try await copy.journal.wait(received: 10, completed: 10)
            #expect(copy.journal.requests.allSatisfy { $0.bodyText == "part1" })
        }
        let log = try await gateway.stopAndReadLog()
        #expect(log.count == 10)
        await mock.stop()
        await copy.stop()
    }
}
