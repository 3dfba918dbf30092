import GatewayModel
import GatewayProxy
import GatewayRuntime
import Testing

@Suite("References become backends, or answers that say no")
struct BackendCompileTests {
    private func toService(_ name: String, _ port: Int = 80, rest: String = "") -> String {
        "backendRefs: [{name: \(name), port: \(port)\(rest)}]"
    }

    @Test("a Service's endpoints come from all of its slices: ready ones, by port name, each once")
    func slices() throws {
        let made = Compilation(
            Pieces.gateway + Pieces.route("[{\(toService("app"))}]")
                + Pieces.service("app", port: "{name: web, port: 80, targetPort: http}, {name: admin, port: 81}")
                + Pieces.slice(
                    "app-1", of: "app", port: "{name: web, port: 8080}, {name: admin, port: 9090}",
                    endpoints: """
                        [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2], conditions: {ready: false}},
                         {addresses: [10.0.0.3], conditions: {ready: true}}]
                        """)
                + Pieces.slice(
                    "app-2", of: "app", port: "{name: web, port: 8080}",
                    endpoints: "[{addresses: [10.0.0.3]}, {addresses: [10.0.0.4]}]")
                + Pieces.slice(
                    "app-3", of: "app", port: "{name: web, port: 8081}", endpoints: "[{addresses: ['fd00::1']}]",
                    addressType: "IPv6")
                + Pieces.slice(
                    "app-4", of: "app", port: "{name: web, port: 8080}", endpoints: "[{addresses: [evil.example.com]}]",
                    addressType: "FQDN")
                + Pieces.slice("other-1", of: "other", endpoints: "[{addresses: [10.9.9.9]}]"))
        let backend = try #require(try made.backends("/").first?.compiled)
        #expect(backend.name == "Service/default/app:80")
        #expect(
            backend.endpoints.map { "\($0.host) \($0.port)" } == [
                "10.0.0.1 8080", "10.0.0.3 8080", "10.0.0.4 8080", "fd00::1 8081",
            ])
    }

    @Test("the protocol is the Service port's appProtocol")
    func appProtocol() throws {
        for (word, expected) in [
            ("kubernetes.io/h2c", UpstreamTransport.HTTP.http2), ("kubernetes.io/ws", .http1), ("http", .http1),
        ] {
            let made = Compilation(
                Pieces.gateway + Pieces.route("[{\(toService("app"))}]")
                    + Pieces.service("app", port: "{port: 80, appProtocol: \(word)}")
                    + Pieces.slice("app-1", of: "app", endpoints: "[{addresses: [10.0.0.1]}]"))
            #expect(try made.backends("/").first?.compiled?.transport.http == expected, "\(word)")
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var name: String
        var reference: String
        var objects: String
        var reason: String
        var code: ErrorCode = .invalidBackend
        var testDescription: String { name }
    }

    @Test(
        "a reference that cannot be used refuses its share, and the condition says why",
        arguments: [
            Refusal(name: "missing", reference: "{name: gone, port: 80}", objects: "", reason: "BackendNotFound"),
            Refusal(
                name: "kind", reference: "{group: example.com, kind: Thing, name: x, port: 80}", objects: "",
                reason: "InvalidKind"),
            Refusal(
                name: "port", reference: "{name: app, port: 99}", objects: Pieces.service("app"),
                reason: "BackendNotFound"),
            Refusal(
                name: "external", reference: "{name: app, port: 80}",
                objects: Pieces.service("app", extra: ", type: ExternalName, externalName: localhost"),
                reason: "BackendNotFound"),
            Refusal(
                name: "protocol", reference: "{name: app, port: 80}",
                objects: Pieces.service("app", port: "{port: 80, appProtocol: example.com/odd}"),
                reason: "UnsupportedProtocol"),
            Refusal(
                name: "forbidden", reference: "{name: app, namespace: other, port: 80}", objects: "",
                reason: "RefNotPermitted"),
            Refusal(
                name: "without endpoints", reference: "{name: app, port: 80}", objects: Pieces.service("app"),
                reason: "ResolvedRefs", code: .noHealthyEndpoint),
        ])
    func refusals(_ refusal: Refusal) throws {
        let made = Compilation(
            Pieces.gateway + Pieces.route("[{backendRefs: [\(refusal.reference)]}]") + refusal.objects)
        #expect(made.condition("Accepted", "app")?.isTrue == true)
        #expect(made.condition("ResolvedRefs", "app")?.reason == refusal.reason)
        let found = try made.backends("/")
        #expect(found.map(\.targetName) == ["\(refusal.code)"])
        guard case .refuse(let error)? = found.first?.target else { return }
        // What a caller is told reveals no name of the configuration.
        #expect(refusal.code == .noHealthyEndpoint || !error.message.contains("app"))
    }

    @Test("weights keep their proportions, and a bad reference keeps its share")
    func weights() throws {
        let made = Compilation(
            Pieces.gateway + Pieces.backend
                + Pieces.route(
                    """
                    [{backendRefs: [{group: sluice.dev, kind: Backend, name: app, weight: 3},
                                    {name: gone, port: 80, weight: 1},
                                    {group: sluice.dev, kind: Backend, name: app, weight: 0}]}]
                    """))
        guard case .forward(let backends, let total)? = try made.rule("/")?.action else {
            Issue.record("not forwarded")
            return
        }
        #expect(total == 4)
        #expect(backends.map(\.weight) == [3, 1])
        #expect(backends.map(\.targetName) == ["Backend/default/app", "invalidBackend"])
    }

    @Test("a grant permits exactly what it names")
    func grants() throws {
        func grant(from: String = "default", to: String = "") -> String {
            """
            apiVersion: gateway.networking.k8s.io/v1beta1
            kind: ReferenceGrant
            metadata: {name: grant, namespace: other}
            spec:
              from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: \(from)}]
              to: [{group: sluice.dev, kind: Backend\(to)}]
            ---

            """
        }
        let target = Pieces.backend.replacing("{name: app}", with: "{name: app, namespace: other}")
        let route = Pieces.route("[{backendRefs: [{group: sluice.dev, kind: Backend, name: app, namespace: other}]}]")
        for (text, isPermitted) in [
            (grant(), true), (grant(to: ", name: app"), true), (grant(to: ", name: other"), false),
            (grant(from: "elsewhere"), false), ("", false),
        ] {
            let made = Compilation(Pieces.gateway + target + route + text)
            #expect(made.condition("ResolvedRefs", "app")?.isTrue == isPermitted, "\(text)")
            #expect(try made.backends("/").first?.compiled != nil || !isPermitted)
        }
    }

    @Test("TLS towards a backend")
    func backendTLS() throws {
        func backend(_ spec: String) -> Compilation {
            Compilation(
                Pieces.gateway + Pieces.route("[{\(Pieces.toApp)}]") + """
                    apiVersion: sluice.dev/v1alpha1
                    kind: Backend
                    metadata: {name: app}
                    spec: {endpoints: [{host: app.example.com, port: 443}], \(spec)}

                    """)
        }
        let plain = try #require(try backend("protocol: https").backends("/").first?.compiled)
        #expect(plain.transport.tls != nil)
        #expect(plain.transport.tls?.serverName == nil)
        #expect(plain.transport.http == .http1)
        let named = try #require(
            try backend("protocol: h2, tls: {serverName: other.example.com}").backends("/").first?.compiled)
        #expect(named.transport.tls?.serverName == "other.example.com")
        #expect(named.transport.http == .http2)
        let broken = backend("protocol: https, tls: {caCertificateRefs: [{group: '', kind: ConfigMap, name: gone}]}")
        #expect(broken.condition("ResolvedRefs", "app")?.reason == "InvalidCACertificateRef")
        #expect(try broken.backends("/").map(\.targetName) == ["invalidBackend"])
    }

    @Test("health checks and endpoint weights")
    func health() throws {
        let made = Compilation(
            Pieces.gateway + Pieces.route("[{\(Pieces.toApp)}]") + """
                apiVersion: sluice.dev/v1alpha1
                kind: Backend
                metadata: {name: app}
                spec:
                  endpoints: [{host: a, port: 1, weight: 5}, {host: b, port: 2, weight: 0}]
                  healthCheck: {path: /ready, interval: 2s, timeout: 500ms, expectedStatuses: [200, 204]}

                """)
        let backend = try #require(try made.backends("/").first?.compiled)
        #expect(backend.endpoints == [EndpointSpec(host: "a", port: 1, weight: 5)])
        #expect(backend.health?.path == "/ready")
        #expect(backend.health?.intervalNanoseconds == 2_000_000_000)
        #expect(backend.health?.timeoutNanoseconds == 500_000_000)
        #expect(backend.health?.expectedStatuses == [200...200, 204...204])
    }
}
