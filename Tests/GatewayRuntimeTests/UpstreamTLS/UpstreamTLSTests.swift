import GatewayWorkbench
import Testing

@Suite("a backend over TLS is who the configuration says, or gets nothing", .timeLimit(.minutes(1)))
struct UpstreamTLSTests {
    /// Names of the certificate, the server name configured, the protocol, and the status that comes of it.
    struct Meeting: Sendable, CustomStringConvertible {
        var names: String
        var serverName: String?
        var http = "https"
        var status = 200
        var description: String { "\(names) as \(serverName ?? "its address") over \(http): \(status)" }
    }

    @Test(arguments: [
        Meeting(names: "IP:127.0.0.1"),
        Meeting(names: "DNS:a.example", serverName: "a.example"),
        Meeting(names: "DNS:*.example.org", serverName: "b.example.org"),
        Meeting(names: "DNS:a.example", serverName: "a.example", http: "h2"),
        Meeting(names: "DNS:a.example", status: 502),
        Meeting(names: "DNS:a.example", serverName: "b.example", status: 502),
        Meeting(names: "DNS:*.example.org", serverName: "c.b.example.org", status: 502),
        // The library alone would take this one: the certificate names the dialled address.
        Meeting(names: "IP:127.0.0.1", serverName: "a.example", status: 502),
        Meeting(names: "DNS:a.example,IP:127.0.0.1", serverName: "b.example", http: "h2", status: 502),
    ])
    func `the certificate's names decide`(meeting: Meeting) async throws {
        try await Certificates.make { certificates async throws in
            let leaf = try certificates.issue(meeting.names)
            var options = MockHTTPServer.Options()
            options.tls = MockTLSOptions(certificatePEM: leaf.certificate, privateKeyPEM: leaf.key)
            let mock = try await MockHTTPServer.start(options)
            let name = meeting.serverName.map { "serverName: \($0), " } ?? ""
            let text = GatewayRig.configuration(
                port: mock.port,
                backend: ", protocol: \(meeting.http), tls: {\(name)caCertificateRefs: "
                    + "[{group: \"\", kind: ConfigMap, name: ca}]}",
                rest: Self.authority(certificates.authority))
            try await GatewayRig.run(text) { rig async throws in
                #expect(try await rig.get().status == meeting.status)
                #expect(mock.journal.receivedCount == (meeting.status == 200 ? 1 : 0))
                guard let seen = mock.journal.requests.first else { return }
                #expect(seen.proto == (meeting.http == "h2" ? "HTTP/2.0" : "HTTP/1.1"))
                #expect(seen.tls?.serverName == meeting.serverName ?? "")
            }
            await mock.stop()
        }
    }

    @Test func `an authority nobody gave us signs in vain`() async throws {
        try await Certificates.make { ours async throws in
            try await Certificates.make { theirs async throws in
                let leaf = try theirs.issue("IP:127.0.0.1")
                var options = MockHTTPServer.Options()
                options.tls = MockTLSOptions(certificatePEM: leaf.certificate, privateKeyPEM: leaf.key)
                let mock = try await MockHTTPServer.start(options)
                let text = GatewayRig.configuration(
                    port: mock.port,
                    backend: ", protocol: https, tls: {caCertificateRefs: [{group: \"\", kind: ConfigMap, name: ca}]}",
                    rest: Self.authority(ours.authority))
                try await GatewayRig.run(text) { rig async throws in #expect(try await rig.get().status == 502) }
                #expect(mock.journal.receivedCount == 0)
                await mock.stop()
            }
        }
    }

    @Test(arguments: [true, false])
    func `the client certificate is shown when it is configured`(isConfigured: Bool) async throws {
        try await Certificates.make { certificates async throws in
            let leaf = try certificates.issue("IP:127.0.0.1")
            let own = try certificates.issue("DNS:gateway.example", subject: "/CN=gateway")
            var options = MockHTTPServer.Options()
            var tls = MockTLSOptions(certificatePEM: leaf.certificate, privateKeyPEM: leaf.key)
            tls.clientAuthorityPEM = certificates.authority
            tls.requiresClientCertificate = true
            options.tls = tls
            let mock = try await MockHTTPServer.start(options)
            let reference = isConfigured ? ", clientCertificateRef: {name: own}" : ""
            let text = GatewayRig.configuration(
                port: mock.port,
                backend: ", protocol: https, tls: {caCertificateRefs: [{group: \"\", kind: ConfigMap, name: ca}]"
                    + "\(reference)}",
                rest: Self.authority(certificates.authority)
                    + """

                    ---
                    apiVersion: v1
                    kind: Secret
                    metadata: {name: own}
                    type: kubernetes.io/tls
                    stringData:
                      tls.crt: |
                    \(Certificates.block(own.certificate, indent: 4))
                      tls.key: |
                    \(Certificates.block(own.key, indent: 4))
                    """)
            try await GatewayRig.run(text) { rig async throws in
                #expect(try await rig.get().status == (isConfigured ? 200 : 502))
                let shown = mock.journal.requests.first?.tls?.peerCertificates.first
                #expect((shown != nil) == isConfigured)
            }
            await mock.stop()
        }
    }

    static func authority(_ pem: String) -> String {
        """
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: ca}
        data:
          ca.crt: |
        \(Certificates.block(pem, indent: 4))
        """
    }
}
