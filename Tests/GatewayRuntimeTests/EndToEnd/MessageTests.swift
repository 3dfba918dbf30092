import GatewayModel
import GatewayWorkbench
import NIOCore
import Testing

@Suite("Messages cross the gateway as HTTP means them", .timeLimit(.minutes(1)))
struct MessageTests {
    /// How each side speaks.
    struct Sides: Sendable, CustomStringConvertible {
        var client: Destination.HTTPVersion
        var backend: String
        var description: String { "\(client.rawValue) to \(backend)" }
        static let all = [Destination.HTTPVersion.http1, .http2].flatMap { client in
            ["http", "h2c"].map { Sides(client: client, backend: $0) }
        }
    }

    private func rig(
        _ sides: Sides = Sides(client: .http1, backend: "http"), answer: (@Sendable (MockRequest) -> [MockStep]?)? = nil
    ) async throws -> (MockHTTPServer, GatewayUnderTest, WorkbenchClient) {
        var options = MockHTTPServer.Options()
        options.answer = answer
        let mock = try await MockHTTPServer.start(options)
        let gateway = try await GatewayUnderTest.start(
            Configuration.simple(mock.port, backend: "protocol: \(sides.backend)"))
        return (mock, gateway, WorkbenchClient(version: sides.client))
    }

    @Test("bodies and trailers, chunked both ways", arguments: Sides.all)
    func chunkedBothWays(_ sides: Sides) async throws {
        let (mock, gateway, client) = try await rig(sides)
        let steps: [CallBodyStep] = [
            .bytes(Array("one".utf8)), .repeated(Array(String(repeating: "0123456789", count: 200).utf8), count: 100),
            .bytes(Array("end".utf8)),
            .trailers([Header("x-sum", "abc")]),
        ]
        let response = try await client.call(
            "POST", try gateway.url("/echo?trailers=x-total:7"), headers: [Header("TE", "trailers")],
            body: .steps(steps))
        #expect(response.status == 200)
        #expect(response.body.count == 200_006)
        #expect(response.text.hasPrefix("one0123456789") && response.text.hasSuffix("789end"))
        #expect(response.trailers.first("x-total") == "7")
        let seen = try #require(mock.journal.requests.first)
        #expect(seen.bodyBytes == 200_006)
        #expect(seen.complete)
        #expect(seen.trailers.first("x-sum") == "abc")
        try await gateway.stop()
        await mock.stop()
    }

    @Test("answers without a body, and their lengths", arguments: Sides.all)
    func bodiless(_ sides: Sides) async throws {
        let (mock, gateway, client) = try await rig(sides)
        let connection = try await client.connection(try gateway.url())
        let head = try await connection.run(CallRequest("HEAD", "/bytes?n=5000"))
        #expect(head.status == 200)
        #expect(head.headers.first("content-length") == "5000")
        #expect(head.body.isEmpty)
        for status in [204, 304] {
            let response = try await connection.run(CallRequest("GET", "/status/\(status)"))
            #expect(response.status == status)
            #expect(response.body.isEmpty)
            #expect(!response.headers.has("transfer-encoding"))
        }
        let empty = try await connection.run(CallRequest("GET", "/bytes?n=0"))
        #expect(empty.status == 200)
        #expect(empty.body.isEmpty)
        let full = try await connection.run(CallRequest("GET", "/bytes?n=70000"))
        #expect(full.body.count == 70_000)
        #expect(connection.isOpen)
        await connection.close()
        try await gateway.stop()
        await mock.stop()
    }

    @Test("103 goes to the client before the answer", arguments: Sides.all)
    func earlyHints(_ sides: Sides) async throws {
        let (mock, gateway, client) = try await rig(sides)
        let response = try await client.call("GET", try gateway.url("/?hints=103"))
        #expect(response.status == 200)
        #expect(response.interim.map(\.status) == [103])
        #expect(response.interim.first?.headers.first("link") == "</style.css>; rel=preload")
        try await gateway.stop()
        await mock.stop()
    }

    @Test("Expect: the backend's 100 lets the body through, its refusal stops it")
    func expectation() async throws {
        let (mock, gateway, client) = try await rig()
        var request = CallRequest("POST", "/echo", headers: [Header("Expect", "100-continue")])
        request.body = .bytes([UInt8](repeating: 0x61, count: 1_000_000))
        request.waitsForContinue = true
        let connection = try await client.connection(try gateway.url())
        let taken = try await connection.run(request)
        #expect(taken.status == 200)
        #expect(taken.interim.map(\.status) == [100])
        #expect(taken.body.count == 1_000_000)
        await connection.close()
        let refusing = try await client.connection(try gateway.url())
        var refused = request
        refused.target = "/status/403?early=1"
        let answer = try await refusing.run(refused)
        #expect(answer.status == 403)
        #expect(answer.interim.isEmpty)
        await refusing.close()
        #expect(mock.journal.requests.last?.bodyBytes == 0)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("ten requests in one write get ten answers in order")
    func pipelining() async throws {
        let (mock, gateway, _) = try await rig()
        let connection = try await gateway.open()
        var text = ""
        for index in 0..<10 {
            text +=
                index == 5
                ? "POST /n\(index) HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
                : "GET /n\(index) HTTP/1.1\r\nhost: a\r\n\(index == 9 ? "connection: close\r\n" : "")\r\n"
        }
        await connection.send(text)
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 20_000)
        #expect(outcome.end == .closed)
        let order = outcome.text.split(separator: "\"path\":\"").dropFirst().map { $0.prefix { $0 != "\"" } }
        #expect(order == (0..<10).map { "/n\($0)" })
        #expect(mock.journal.requests.map(\.target) == (0..<10).map { "/n\($0)" })
        #expect(mock.journal.requests[5].bodyText == "hello")
        try await gateway.stop()
        await mock.stop()
    }

    @Test("pipelined requests go on behind one the gateway answers itself")
    func pipeliningOwnAnswers() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(
            Configuration.gateway + "\n" + Configuration.route(path: "/app") + "\n"
                + Configuration.backendObject("app", [mock.port]))
        let connection = try await gateway.open()
        await connection.send(
            "GET /none HTTP/1.1\r\nhost: a\r\n\r\nPOST /none HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
                + "POST /none HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                + "GET /app HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 20_000)
        let statuses = outcome.text.split(separator: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
        #expect(statuses == [404, 404, 404, 200], "\(outcome.text)")
        #expect(outcome.end == .closed)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("HTTP/1.0: closed after the answer, kept when asked for, never chunked")
    func http10() async throws {
        let (mock, gateway, _) = try await rig()
        let plain = try await gateway.open()
        await plain.send("GET /bytes?n=100 HTTP/1.0\r\n\r\n")
        let once = await plain.readUntilClose(timeoutMilliseconds: 20_000)
        #expect(once.end == .closed)
        #expect(once.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(once.text.contains("connection: close"))
        let kept = try await gateway.open()
        await kept.send("GET /bytes?n=26 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        let first = await kept.read(timeoutMilliseconds: 20_000) { $0.suffix(1) == [0x7A] }
        #expect(first.text.contains("connection: keep-alive"))
        await kept.send("GET /chunks?n=3&size=4 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        let second = await kept.readUntilClose(timeoutMilliseconds: 20_000)
        #expect(second.end == .closed)
        #expect(second.text.hasSuffix("\r\n\r\naaaabbbbcccc"))
        #expect(!second.text.contains("chunked"))
        #expect(mock.journal.requests.allSatisfy { $0.proto == "HTTP/1.1" && !$0.host.isEmpty })
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a backend that ends its body by closing", arguments: ["until-close", "http10"])
    func untilClose(_ fault: String) async throws {
        let (mock, gateway, client) = try await rig()
        let connection = try await client.connection(try gateway.url())
        for _ in 0..<3 {
            let response = try await connection.run(CallRequest("GET", "/?fault=\(fault)"))
            #expect(response.status == 200)
            #expect(response.text == "until close")
        }
        #expect(connection.isOpen)
        await connection.close()
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a large answer on a connection that closes arrives whole", arguments: ["HTTP/1.0", "HTTP/1.1"])
    func largeAndClosed(_ version: String) async throws {
        let (mock, gateway, _) = try await rig()
        let connection = try await RawConnection.open(
            Destination(CallTarget(try gateway.url())), readsMax: 64 << 20)
        await connection.send("GET /bytes?n=30000000 \(version)\r\nhost: a\r\nconnection: close\r\n\r\n")
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 40_000)
        #expect(outcome.end == .closed)
        #expect(outcome.bytes.count > 30_000_000)
        try await gateway.stop()
        await mock.stop()
    }

    @Test(
        "what breaks the answer's rules is a 502 with its code",
        arguments: [
            "both-lengths", "two-lengths", "bad-length", "garbage", "bad-header", "huge-head", "bad-status",
            "stray-upgrade", "close", "reset",
        ])
    func badAnswers(_ fault: String) async throws {
        let (mock, gateway, client) = try await rig()
        let response = try await client.call("GET", try gateway.url("/?fault=\(fault)"), timeoutMilliseconds: 10_000)
        #expect(response.status == 502, "\(response.text)")
        #expect(response.text.contains(fault == "close" || fault == "reset" ? "SL-4006" : "SL-4008"))
        let after = try await client.call("GET", try gateway.url("/"))
        #expect(after.status == 200)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("bytes after an answer never become the next one's")
    func extraBytes() async throws {
        let (mock, gateway, client) = try await rig()
        let connection = try await client.connection(try gateway.url())
        for _ in 0..<5 {
            #expect(try await connection.run(CallRequest("GET", "/?fault=extra-bytes")).text == "ok")
            #expect(try await connection.run(CallRequest("GET", "/status/201")).status == 201)
        }
        await connection.close()
        try await gateway.stop()
        await mock.stop()
    }

    @Test(
        "an answer cut off by the backend never looks whole",
        arguments: [
            "truncate", "truncate-chunked", "reset-body", "bad-chunk",
        ])
    func truncated(_ fault: String) async throws {
        let (mock, gateway, client) = try await rig()
        await #expect(throws: CallError.self) {
            try await client.call("GET", try gateway.url("/?fault=\(fault)"), timeoutMilliseconds: 10_000)
        }
        let old = try await gateway.open()
        await old.send("GET /?fault=\(fault) HTTP/1.0\r\n\r\n")
        let outcome = await old.readUntilClose(timeoutMilliseconds: 10_000)
        // A length tells; without one only a reset does.
        #expect(outcome.text.contains("content-length: 1000") || outcome.end == .reset || outcome.text.contains("502"))
        let after = try await client.call("GET", try gateway.url("/"))
        #expect(after.status == 200)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a body without length that a reset ends is not taken for whole")
    func resetUntilClose() async throws {
        let backend = try await ScriptedBackend.start { peer, event in
            guard case .bytes = event else { return false }
            peer.channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\nhalf")).whenComplete { _ in
                peer.channel.eventLoop.scheduleTask(in: .milliseconds(50)) { peer.reset() }
            }
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port))
        await #expect(throws: CallError.self) {
            try await WorkbenchClient().call("GET", try gateway.url(), timeoutMilliseconds: 10_000)
        }
        try await gateway.stop()
        await backend.stop()
    }
}
