import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWorkbench
import NIOCore
import NIOPosix
import Testing

@Suite("our own requests go over the upstream path, within bounds", .timeLimit(.minutes(1)))
struct OutboundClientTests {
    private static func run(_ body: (OutboundClient, DataPlane) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let registry = MetricRegistry()
        let shared = SharedState(directory: EndpointDirectory(eventLoop: group.next()))
        let plane = try await DataPlane(group: group, shared: shared) { _ in
            LoopRecorder(metrics: registry.makeLoop(), log: nil)
        }
        do { try await body(OutboundClient(plane), plane) } catch {
            Issue.record(error)
        }
        shared.directory.shutDown()
        try await plane.stop()
        try await group.shutdownGracefully()
    }

    private static func code(_ body: () async throws -> OutboundResponse) async -> ErrorCode? {
        do {
            _ = try await body()
            return nil
        } catch { return (error as? GatewayError)?.code }
    }

    @Test func `a request arrives as it was asked for, and its answer comes back whole`() async throws {
        let mock = try await MockHTTPServer.start()
        try await Self.run { client, _ async throws in
            let answer = try await client.send(
                OutboundRequest(
                    "POST", "http://\(mock.authority)/echo?x=1",
                    fields: [OutboundField("Content-Type", "text/x"), OutboundField("authorization", "Bearer t")],
                    body: Array("hello".utf8)))
            #expect(answer.status == 200)
            #expect(answer.value("content-type") == "text/x")
            #expect(answer.body == Array("hello".utf8))
            let seen = try #require(mock.journal.requests.first)
            #expect(seen.method == "POST")
            #expect(seen.target == "/echo?x=1")
            #expect(seen.host == mock.authority)
            #expect(seen.headers.first("authorization") == "Bearer t")
            #expect(seen.headers.first("x-forwarded-for") == nil)
        }
        await mock.stop()
    }

    @Test func `names are resolved, and connections are used again`() async throws {
        let mock = try await MockHTTPServer.start()
        try await Self.run { client, plane async throws in
            for _ in 0..<6 {
                #expect(try await client.send(OutboundRequest("GET", "http://localhost:\(mock.port)/")).status == 200)
                // A new configuration must not take the origin away.
                plane.shared.directory.update(for: .empty)
            }
            #expect(mock.journal.connectionCount <= 2)
        }
        await mock.stop()
    }

    @Test(arguments: [301, 404, 503])
    func `any status is an answer; redirects are not followed`(status: Int) async throws {
        let mock = try await MockHTTPServer.start()
        try await Self.run { client, _ async throws in
            let answer = try await client.send(OutboundRequest("GET", "http://\(mock.authority)/status/\(status)"))
            #expect(answer.status == status)
            #expect(mock.journal.receivedCount == 1)
        }
        await mock.stop()
    }

    @Test(arguments: [
        ("/bytes?n=2000", ErrorCode.tooLarge), ("/?delay=30s", .upstreamTimeout), ("/?fault=reset", .upstreamReset),
    ])
    func `too much, too late and cut off are errors`(path: String, code: ErrorCode) async throws {
        let mock = try await MockHTTPServer.start()
        try await Self.run { client, _ async throws in
            let found = await Self.code {
                try await client.send(
                    OutboundRequest(
                        "GET", "http://\(mock.authority)\(path)", timeoutMilliseconds: 500, responseBytesMax: 1_999))
            }
            #expect(found == code)
            // Whatever happened, the next request is served.
            #expect(try await client.send(OutboundRequest("GET", "http://\(mock.authority)/health")).status == 200)
        }
        await mock.stop()
    }

    @Test func `nobody there is an error`() async throws {
        let mock = try await MockHTTPServer.start()
        await mock.stop()
        try await Self.run { client, _ async throws in
            let found = await Self.code { try await client.send(OutboundRequest("GET", "http://\(mock.authority)/")) }
            #expect(found == .upstreamConnectFailed)
        }
    }

    @Test func `a cancelled task ends its request`() async throws {
        let mock = try await MockHTTPServer.start()
        try await Self.run { client, _ async throws in
            let url = "http://\(mock.authority)/?delay=30s"
            let task = Task { try await client.send(OutboundRequest("GET", url, timeoutMilliseconds: 60_000)) }
            try await mock.journal.wait(received: 1)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let cancelled = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return try await client.send(OutboundRequest("GET", url))
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
        }
        await mock.stop()
    }

    @Test(arguments: ["http/1.1", "h2"])
    func `TLS believes the given authority only, over either protocol`(offered: String) async throws {
        try await Certificates.make { certificates async throws in
            let leaf = try certificates.issue("IP:127.0.0.1")
            var options = MockHTTPServer.Options()
            var tls = MockTLSOptions(certificatePEM: leaf.certificate, privateKeyPEM: leaf.key)
            tls.applicationProtocols = [offered]
            options.tls = tls
            let mock = try await MockHTTPServer.start(options)
            try await Self.run { client, _ async throws in
                let url = "https://\(mock.authority)/"
                let trust = OutboundRequest.Trust.authorities(Array(certificates.authority.utf8))
                #expect(try await client.send(OutboundRequest("GET", url, trust: trust)).status == 200)
                #expect(mock.journal.requests.first?.proto == (offered == "h2" ? "HTTP/2.0" : "HTTP/1.1"))
                let found = await Self.code { try await client.send(OutboundRequest("GET", url)) }
                #expect(found == .upstreamConnectFailed)
                #expect(mock.journal.receivedCount == 1)
            }
            await mock.stop()
        }
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func `a guarded request does not come to us, by whatever name`(host: String) async throws {
        let mock = try await MockHTTPServer.start()
        try await Self.run { client, _ async throws in
            let url = "http://\(host):\(mock.port)/"
            let found = await Self.code {
                try await client.send(OutboundRequest("GET", url, reach: .guarded(allowing: [])))
            }
            #expect(found == .forbidden)
            #expect(mock.journal.connectionCount == 0)
            let allowed = OutboundRequest("GET", url, reach: .guarded(allowing: ["127.0.0.0/8", "::1"]))
            #expect(try await client.send(allowed).status == 200)
        }
        await mock.stop()
    }

    @Test(arguments: [
        OutboundRequest("GET", "ftp://a/"), OutboundRequest("CONNECT", "http://a/"),
        OutboundRequest("GET", "http://a/ b"), OutboundRequest("GET", "http://user@a/"),
        OutboundRequest("GET", "http://a/", fields: [OutboundField("x", "a\r\nb: c")]),
        OutboundRequest("GET", "http://a/", fields: [OutboundField("x y", "a")]),
        OutboundRequest("GET", "http://a/", fields: [OutboundField("Content-Length", "3")]),
        OutboundRequest("GET", "http://a/", fields: [OutboundField("host", "b")]),
        OutboundRequest("GET", "http://a/", reach: .guarded(allowing: ["nonsense"])),
    ])
    func `what cannot be sent is refused before anything is`(request: OutboundRequest) async throws {
        try await Self.run { client, _ async throws in
            #expect(await Self.code { try await client.send(request) } == .invalidValue)
        }
    }
}
