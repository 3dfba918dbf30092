import GatewayWorkbench
import Testing

@Suite("Mock and client speak TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    private static let certificates = Result { try ThrowawayCertificates() }

    private func start(_ change: (inout MockTLSOptions) -> Void = { _ in }) async throws -> MockHTTPServer {
        let certificates = try Self.certificates.get()
        var tls = MockTLSOptions(
            certificatePEM: certificates.server.certificate, privateKeyPEM: certificates.server.key)
        change(&tls)
        var options = MockHTTPServer.Options()
        options.tls = tls
        return try await MockHTTPServer.start(options)
    }

    private func client(_ server: MockHTTPServer, _ version: Destination.HTTPVersion) throws -> WorkbenchClient {
        var tls = ClientTLS()
        tls.authorityPEM = try Self.certificates.get().authority
        return WorkbenchClient(version: version, via: .host("127.0.0.1", port: server.port), tls: tls)
    }

    @Test(
        "ALPN decides the protocol, SNI is seen",
        arguments: [
            (Destination.HTTPVersion.automatic, "HTTP/2.0", "h2"), (.http1, "HTTP/1.1", "http/1.1"),
            (.http2, "HTTP/2.0", "h2"),
        ])
    func negotiation(version: Destination.HTTPVersion, proto: String, name: String) async throws {
        let server = try await start()
        let response = try await client(server, version).call("GET", "https://a.example/x")
        #expect(response.proto == proto)
        #expect(response.text.contains("\"serverName\":\"a.example\",\"negotiatedProtocol\":\"\(name)\""))
        #expect(response.text.contains("\"tls\":{\"version\":\"TLSv1.3\""))
        #expect(response.text.contains("\"host\":\"a.example\""))
        await server.stop()
    }

    @Test("a wrong name, an unknown authority and plain text are refused")
    func refusals() async throws {
        let server = try await start()
        for (url, client) in [
            ("https://b.example/", try client(server, .http1)),
            (
                "https://a.example/",
                WorkbenchClient(version: .http1, via: .host("127.0.0.1", port: server.port))
            ),
        ] {
            let error = await #expect(throws: CallError.self) { try await client.call("GET", url) }
            guard case .tlsFailed? = error else {
                Issue.record("came as \(String(describing: error))")
                continue
            }
        }
        await #expect(throws: CallError.self) {
            try await WorkbenchClient(version: .http1).call("GET", "http://\(server.authority)/")
        }
        #expect(server.journal.receivedCount == 0)
        await server.stop()
    }

    @Test("client certificates are shown to the server and may be required")
    func clientCertificates() async throws {
        let certificates = try Self.certificates.get()
        let server = try await start {
            $0.clientAuthorityPEM = certificates.authority
            $0.requiresClientCertificate = true
        }
        var client = try client(server, .http2)
        await #expect(throws: CallError.self) { try await client.call("GET", "https://a.example/") }
        client.tls.certificatePEM = certificates.client.certificate
        client.tls.privateKeyPEM = certificates.client.key
        let response = try await client.call("GET", "https://a.example/")
        #expect(response.status == 200)
        #expect(server.journal.requests.first?.tls?.peerCertificates == [certificates.client.certificate])
        await server.stop()
    }

    @Test("WebSocket and raw bytes over TLS")
    func others() async throws {
        let server = try await start()
        let socket = try await WebSocketClient.open("wss://a.example/ws", client: client(server, .http1))
        try await socket.send(text: "hello")
        #expect(try await socket.receive() == .text("hello"))
        await socket.drop()
        let target = try CallTarget("https://a.example/")
        let base = try client(server, .http1)
        let raw = try await RawConnection.open(
            Destination(target, version: .http1, via: base.via, tls: base.tls))
        await raw.send("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
        #expect(await raw.readUntilClose(timeoutMilliseconds: 5_000).text.hasPrefix("HTTP/1.1 200"))
        await server.stop()
    }
}
