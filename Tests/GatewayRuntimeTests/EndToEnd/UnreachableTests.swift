import GatewayModel
import GatewayWorkbench
import Glibc
import Testing

@Suite("Backends that are not there are told apart", .timeLimit(.minutes(2)), .serialized)
struct UnreachableTests {
    /// A listening socket whose queue is full, so that the kernel answers no further SYN.
    private final class BlackHole {
        let port: Int
        private var descriptors: [CInt] = []

        init() throws {
            let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            descriptors = [server]
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let results = unsafe Self.withAddress(&address) {
                unsafe (bind(server, $0, length), listen(server, 0), getsockname(server, $0, &length))
            }
            try #require(results == (0, 0, 0))
            port = Int(UInt16(bigEndian: address.sin_port))
            for _ in 0..<8 {
                let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
                let client = socket(AF_INET, type, 0)
                descriptors.append(client)
                _ = unsafe Self.withAddress(&address) { unsafe connect(client, $0, length) }
            }
        }

        private static func withAddress<Result>(
            _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
        ) -> Result {
            unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
            }
        }

        func stop() { for descriptor in descriptors { close(descriptor) } }
    }

    @Test("connecting to a black hole ends by the connect timeout, with 504 and its code")
    func blackHole() async throws {
        let hole = try BlackHole()
        defer { hole.stop() }
        let gateway = try await GatewayUnderTest.start(
            Configuration.simple(hole.port, more: Configuration.policy("timeouts: {connect: 200ms}")))
        let answer = try await WorkbenchClient().call("GET", try gateway.url(), timeoutMilliseconds: 60_000)
        #expect(answer.status == 504)
        #expect(answer.text.contains("SL-4007"))
        let log = try await gateway.stopAndReadLog()
        // Its own clock, not the default of five seconds.
        let microseconds = try #require(log.first?["duration_us"] as? Int)
        #expect(microseconds >= 200_000 && microseconds < 5_000_000)
    }

    @Test("when every endpoint fails its active check, nobody is asked: 503, until one passes again")
    func allUnhealthy() async throws {
        let healthy = Box(false)
        var options = MockHTTPServer.Options()
        options.answer = { request in
            let status = healthy.value || request.target == "/work" ? 200 : 500
            return [.awaitBody, .head(status, [Header("content-length", "0")]), .end([])]
        }
        let backend = try await MockHTTPServer.start(options)
        let check = "healthCheck: {path: /healthz, interval: 20ms, unhealthyThreshold: 1, healthyThreshold: 1}"
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port, backend: check))
        try await eventually("the endpoint is out") {
            try await WorkbenchClient().call("GET", try gateway.url("/work")).status == 503
        }
        let refused = try await WorkbenchClient().call("GET", try gateway.url("/work"))
        #expect(refused.status == 503 && refused.text.contains("SL-4004"))
        healthy.set(true)
        try await eventually("it is back") {
            try await WorkbenchClient().call("GET", try gateway.url("/work")).status == 200
        }
        try await gateway.stop()
        await backend.stop()
    }

    @Test("a probe takes no certificate that a request would not take")
    func probedName() async throws {
        try await Certificates.make { certificates async throws in
            // The library alone is content: the certificate names the dialled address.
            let leaf = try certificates.issue("IP:127.0.0.1")
            var options = MockHTTPServer.Options()
            options.tls = MockTLSOptions(certificatePEM: leaf.certificate, privateKeyPEM: leaf.key)
            let mock = try await MockHTTPServer.start(options)
            func backend(_ name: String, _ serverName: String) -> String {
                Configuration.backendObject(
                    name, [mock.port],
                    """
                    protocol: https
                    tls: {\(serverName)caCertificateRefs: [{group: "", kind: ConfigMap, name: ca}]}
                    healthCheck: {path: /, interval: 20ms, timeout: 30s, unhealthyThreshold: 1}
                    """)
            }
            let authority = """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: ca}
                data:
                  ca.crt: |
                \(Certificates.block(certificates.authority, indent: 4))

                """
            let gateway = try await GatewayUnderTest.start(
                Configuration.gateway + "\n" + Configuration.route() + "\n"
                    + Configuration.route("other", path: "/other", to: "misnamed") + "\n" + backend("app", "") + "\n"
                    + backend("misnamed", "serverName: a.example, ") + "\n" + authority)
            try await eventually("the misnamed one is out") {
                try await WorkbenchClient().call("GET", try gateway.url("/other")).status == 503
            }
            #expect(try await WorkbenchClient().call("GET", try gateway.url("/")).status == 200)
            try await gateway.stop()
            await mock.stop()
        }
    }
}
