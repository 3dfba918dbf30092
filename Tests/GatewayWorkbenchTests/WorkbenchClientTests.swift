import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@Suite("The workbench client shows what is on the wire", .timeLimit(.minutes(1)))
struct WorkbenchClientTests {
    @Test("takes URLs apart and leaves targets alone")
    func targets() throws {
        let target = try CallTarget("http://[::1]:81/a/../b%2fc?x=//#f")
        #expect(target.host == "::1")
        #expect(target.port == 81)
        #expect(target.target == "/a/../b%2fc?x=//")
        #expect(target.authority == "[::1]:81")
        #expect(try CallTarget("https://a.b").authority == "a.b")
        #expect(try CallTarget("http://a?q").target == "/?q")
        for bad in ["ftp://a", "a.b/c", "http://:80/", "http://a:x/", "http://a:70000/"] {
            #expect(throws: (any Error).self) { try CallTarget(bad) }
        }
    }

    @Test("streams both ways, with pauses", arguments: [Destination.HTTPVersion.http1, .http2])
    func streaming(version: Destination.HTTPVersion) async throws {
        let server = try await MockHTTPServer.start()
        let connection = try await WorkbenchClient(version: version).connection("http://\(server.authority)")
        let body = CallBody.steps([
            .bytes(Array("one ".utf8)), .pause(milliseconds: 600), .bytes(Array("two".utf8)),
            .trailers([Header("x-check", "7")]),
        ])
        let response = try await connection.run(CallRequest("POST", "/echo", body: body))
        #expect(response.text == "one two")
        #expect(response.chunks.count == 2)
        #expect(response.headMicroseconds < 600_000)
        #expect(response.totalMicroseconds >= 600_000)
        #expect(server.journal.requests.first?.trailers == [Header("x-check", "7")])
        #expect(server.journal.requests.first?.bodyText == "one two")
        await connection.close()
        await server.stop()
    }

    @Test("a slow reader holds the sender back", arguments: [Destination.HTTPVersion.http1, .http2])
    func backPressure(version: Destination.HTTPVersion) async throws {
        let made = Counter()
        var options = MockHTTPServer.Options()
        options.answer = { _ in
            [
                .head(200, []),
                .stream(count: 1024, intervalMilliseconds: 0) { _ in
                    made.value.add(1, ordering: .relaxed)
                    return .init(repeating: 0x61, count: 65536)
                }, .end([]),
            ]
        }
        let server = try await MockHTTPServer.start(options)
        let connection = try await WorkbenchClient(version: version).connection("http://\(server.authority)")
        let response = try await connection.start(CallRequest())
        var iterator = response.body.makeAsyncIterator()
        _ = try await iterator.next()
        // Time enough for a sender that nobody holds back to make all of its 64 MiB.
        let deadline = ContinuousClock.now + .milliseconds(250)
        try await Task.sleep(until: deadline)
        #expect(made.value.load(ordering: .relaxed) < 768)
        var bytes = 0
        while let chunk = try await iterator.next() { bytes += chunk.bytes.readableBytes }
        #expect(made.value.load(ordering: .relaxed) == 1024)
        #expect(bytes > 1000 * 65536)
        await connection.close()
        await server.stop()
    }

    @Test("sends a body only after 100")
    func expectContinue() async throws {
        let server = try await MockHTTPServer.start()
        let connection = try await WorkbenchClient(version: .http1).connection("http://\(server.authority)")
        var request = CallRequest("POST", "/x", headers: [Header("Expect", "100-continue")], body: .text("hello"))
        request.waitsForContinue = true
        let response = try await connection.run(request)
        #expect(response.interim.map(\.status) == [100])
        #expect(server.journal.requests.first?.bodyText == "hello")
        let refused = try await connection.run(
            {
                var request = request
                request.target = "/status/417?early=1"
                return request
            }())
        #expect(refused.status == 417)
        await connection.close()
        await server.stop()
    }

    @Test("speaks over unix sockets and to another address than the URL's")
    func addresses() async throws {
        var options = MockHTTPServer.Options()
        options.unixPath = "/tmp/sluice-workbench-\(UInt32.random(in: 0 ... .max)).sock"
        let local = try await MockHTTPServer.start(options)
        let client = WorkbenchClient(version: .http1, via: .unix(path: options.unixPath ?? ""))
        let response = try await client.call("GET", "http://admin/v1")
        #expect(response.text.contains("\"host\":\"admin\""))
        await local.stop()
        let server = try await MockHTTPServer.start()
        let resolved = WorkbenchClient(version: .http2, via: .host("127.0.0.1", port: server.port))
        #expect(try await resolved.call("GET", "http://a.example/").text.contains("\"host\":\"a.example\""))
        await server.stop()
    }

    @Test("says that nobody listens")
    func refused() async throws {
        let server = try await MockHTTPServer.start()
        await server.stop()
        let error = await #expect(throws: CallError.self) {
            try await WorkbenchClient(version: .http1).call("GET", "http://127.0.0.1:\(server.port)/")
        }
        guard case .connectFailed? = error else {
            Issue.record("came as \(String(describing: error))")
            return
        }
    }

    @Test("talks over WebSocket")
    func webSocket() async throws {
        let server = try await MockHTTPServer.start()
        let socket = try await WebSocketClient.open("ws://\(server.authority)/ws")
        try await socket.send(text: "hello")
        #expect(try await socket.receive() == .text("hello"))
        try await socket.send(binary: [1, 2, 3])
        #expect(try await socket.receive() == .binary([1, 2, 3]))
        try await socket.send(fragments: "a", "b")
        #expect(try await socket.receive() == .text("ab"))
        try await socket.ping([9])
        #expect(try await socket.receive() == .pong([9]))
        try await socket.send(text: "close:4001")
        #expect(try await socket.receive() == .close(code: 4001, reason: ""))
        try await socket.sendClose(code: 4001)
        #expect(try await socket.receive() == nil)
        await #expect(throws: CallError.upgradeRefused(status: 200)) {
            try await WebSocketClient.open("ws://\(server.authority)/other")
        }
        await server.stop()
    }

    @Test("the raw connection sends any bytes and tells how it ended")
    func raw() async throws {
        let server = try await MockHTTPServer.start()
        let raw = try await RawConnection.open(host: "127.0.0.1", port: server.port)
        await raw.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let outcome = await raw.readUntilClose(timeoutMilliseconds: 5000)
        #expect(outcome.end == .closed)
        #expect(outcome.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        let reset = try await RawConnection.open(host: "127.0.0.1", port: server.port)
        await reset.send("GET /?fault=reset HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await reset.readUntilClose(timeoutMilliseconds: 5000).end == .reset)
        let open = try await RawConnection.open(host: "127.0.0.1", port: server.port)
        #expect(await open.readUntilClose(timeoutMilliseconds: 50).end == .open)
        await open.close()
        await server.stop()
    }
}

private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}
