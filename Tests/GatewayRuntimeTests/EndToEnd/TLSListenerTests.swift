import Foundation
import GatewayRuntime
import GatewayWorkbench
import Testing

@Suite("TLS from client to backend, end to end", .timeLimit(.minutes(2)), .serialized)
struct TLSListenerTests {
    /// A Gateway with HTTPS listeners on port 8443; `more` are further fields of its spec.
    private static func gateway(_ name: String, _ listeners: String, _ more: String = "") -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: \(name)}
        spec:
          gatewayClassName: sluice
          listeners: [\(listeners)]
          \(more)
        ---

        """
    }

    private static func listener(_ name: String, host: String? = nil, secret: String) -> String {
        let hostname = host.map { "hostname: \($0), " } ?? ""
        return "{name: \(name), \(hostname)protocol: HTTPS, port: 8443, "
            + "tls: {certificateRefs: [{name: \(secret)}]}}"
    }

    private static func secret(_ name: String, _ leaf: (certificate: String, key: String)) -> String {
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: \(name)}
        type: kubernetes.io/tls
        stringData:
          tls.crt: |
        \(Certificates.block(leaf.certificate, indent: 4))
          tls.key: |
        \(Certificates.block(leaf.key, indent: 4))
        ---

        """
    }

    private static func authority(_ certificates: Certificates) -> String {
        """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: clients}
        data:
          ca.crt: |
        \(Certificates.block(certificates.authority, indent: 4))
        ---

        """
    }

    private static func frontend(_ mode: String) -> String {
        "tls: {frontend: {default: {validation: {mode: \(mode), "
            + "caCertificateRefs: [{group: \"\", kind: ConfigMap, name: clients}]}}}}"
    }

    private static func route(_ gateways: [String], _ port: Int) -> String {
        let parents = gateways.map { "{name: \($0)}" }.joined(separator: ", ")
        return Configuration.route().replacing("[{name: edge}]", with: "[\(parents)]") + "\n"
            + Configuration.backendObject("app", [port]) + "\n"
    }

    /// A client that trusts `authority` and connects to the gateway, whatever the URL says.
    private static func client(
        _ gateway: GatewayUnderTest, _ authority: String, _ version: Destination.HTTPVersion = .http1,
        _ change: (inout ClientTLS) -> Void = { _ in }
    ) throws -> WorkbenchClient {
        var tls = ClientTLS()
        tls.authorityPEM = authority
        change(&tls)
        return WorkbenchClient(version: version, via: .host("127.0.0.1", port: try gateway.port(8443)), tls: tls)
    }

    @Test("a new certificate serves new connections at once, and old ones go on")
    func rotation() async throws {
        let mock = try await MockHTTPServer.start()
        try await Certificates.make { old async throws in
            try await Certificates.make { new async throws in
                func text(_ certificates: Certificates) throws -> String {
                    Self.gateway("edge", Self.listener("https", secret: "cert"))
                        + Self.secret("cert", try certificates.issue("DNS:a.example")) + Self.route(["edge"], mock.port)
                }
                let file = Box<URL?>(nil)
                let gateway = try await GatewayUnderTest.start { folder in
                    let path = folder.appending(path: "gateway.yaml")
                    try Data(try text(old).utf8).write(to: path)
                    file.set(path)
                    return .files([path.path])
                }
                let url = "https://a.example/"
                let kept = try await Self.client(gateway, old.authority).connection(url)
                #expect(try await kept.run(CallRequest("GET", "/")).status == 200)
                #expect(throws: Never.self) { try Data(try text(new).utf8).write(to: try #require(file.value)) }
                try await eventually("the new certificate is shown") {
                    (try? await Self.client(gateway, new.authority).call("GET", url).status) == 200
                }
                await #expect(throws: CallError.self) {
                    try await Self.client(gateway, old.authority).call("GET", url)
                }
                #expect(try await kept.run(CallRequest("GET", "/")).status == 200)
                await kept.close()
                try await gateway.stop()
            }
        }
        await mock.stop()
    }

    @Test("the oldest TLS version and HTTP/2 are each listener's own, by server name")
    func perListener() async throws {
        let mock = try await MockHTTPServer.start()
        try await Certificates.make { certificates async throws in
            let leaf = try certificates.issue("DNS:a.example,DNS:b.example")
            func policy(_ name: String, _ fields: String) -> String {
                """
                apiVersion: sluice.dev/v1alpha1
                kind: ListenerPolicy
                metadata: {name: \(name)}
                spec:
                  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge, sectionName: \(name)}]
                  \(fields)
                ---

                """
            }
            let gateway = try await GatewayUnderTest.start(
                Self.gateway(
                    "edge",
                    Self.listener("a", host: "a.example", secret: "cert") + ", "
                        + Self.listener("b", host: "b.example", secret: "cert"))
                    + Self.secret("cert", leaf) + policy("a", "tls: {minVersion: TLSv1.3}")
                    + policy("b", "http2: {enabled: false}") + Self.route(["edge"], mock.port))
            let old = try Self.client(gateway, certificates.authority) { $0.isTLS12AtMost = true }
            await #expect(throws: CallError.self) { try await old.call("GET", "https://a.example/") }
            #expect(try await old.call("GET", "https://b.example/").status == 200)
            let modern = try Self.client(gateway, certificates.authority, .automatic)
            #expect(try await modern.call("GET", "https://a.example/").proto == "HTTP/2.0")
            #expect(try await modern.call("GET", "https://b.example/").proto == "HTTP/1.1")
            try await gateway.stop()
        }
        await mock.stop()
    }

    @Test("a demand for a client certificate cannot be passed by through another Gateway of the port")
    func demand() async throws {
        let mock = try await MockHTTPServer.start()
        try await Certificates.make { certificates async throws in
            let (closed, own) = (try certificates.issue("DNS:closed.example"), try certificates.issue("DNS:me"))
            // The other Gateway takes every name and has a certificate for the closed one's too.
            let both = try certificates.issue("DNS:open.example,DNS:closed.example")
            let gateway = try await GatewayUnderTest.start(
                Self.gateway(
                    "closed", Self.listener("https", host: "closed.example", secret: "closed"),
                    Self.frontend("AllowValidOnly"))
                    + Self.gateway("another", Self.listener("https", secret: "both"))
                    + Self.secret("closed", closed) + Self.secret("both", both) + Self.authority(certificates)
                    + Self.route(["closed", "another"], mock.port))
            let nobody = try Self.client(gateway, certificates.authority)
            await #expect(throws: CallError.self) { try await nobody.call("GET", "https://closed.example/") }
            // By another server name the closed host is not served at all.
            let other = try await nobody.connection("https://open.example/")
            let asked = try await other.run(CallRequest("GET", "/", headers: [Header("host", "closed.example")]))
            #expect(asked.status == 421 || asked.status == 404)
            await other.close()
            #expect(mock.journal.receivedCount == 0)
            let known = try Self.client(gateway, certificates.authority) {
                $0.certificatePEM = own.certificate
                $0.privateKeyPEM = own.key
            }
            #expect(try await known.call("GET", "https://closed.example/").status == 200)
            #expect(try await nobody.call("GET", "https://open.example/").status == 200)
            try await gateway.stop()
        }
        await mock.stop()
    }

    @Test("with AllowInsecureFallback everybody is let in, and only a valid certificate makes somebody")
    func fallback() async throws {
        let mock = try await MockHTTPServer.start()
        try await Certificates.make { certificates async throws in
            try await Certificates.make { strangers async throws in
                let server = try certificates.issue("DNS:a.example")
                let own = try certificates.issue("DNS:me", subject: "/CN=alice")
                let foreign = try strangers.issue("DNS:me", subject: "/CN=alice")
                let identity = """
                    apiVersion: sluice.dev/v1alpha1
                    kind: IdentityProvider
                    metadata: {name: certificates}
                    spec: {type: ClientCertificate}
                    ---

                    """
                let config =
                    Self.gateway("edge", Self.listener("https", secret: "cert"), Self.frontend("AllowInsecureFallback"))
                    + Self.secret("cert", server) + Self.authority(certificates) + Self.route(["edge"], mock.port)
                    + identity
                let open = try await GatewayUnderTest.start(config)
                let closed = try await GatewayUnderTest.start(
                    config + Configuration.policy("authentication: {providers: [certificates]}"))
                for (leaf, status) in [(nil, 401), (foreign, 401), (own, 200)] {
                    func answer(_ gateway: GatewayUnderTest) async throws -> Int {
                        let client = try Self.client(gateway, certificates.authority) {
                            $0.certificatePEM = leaf?.certificate ?? ""
                            $0.privateKeyPEM = leaf?.key ?? ""
                        }
                        return try await client.call("GET", "https://a.example/").status
                    }
                    #expect(try await answer(open) == 200)
                    #expect(try await answer(closed) == status)
                }
                try await open.stop()
                try await closed.stop()
            }
        }
        await mock.stop()
    }
}
