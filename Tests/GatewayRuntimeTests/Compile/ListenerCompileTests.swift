import GatewayModel
import GatewayProxy
import GatewayRuntime
import Testing

@Suite("Gateways become listening ports")
struct ListenerCompileTests {
    private func gateway(_ name: String, _ listeners: String, rest: String = "", created: String = "") -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: \(name)\(created)}
        spec:
          gatewayClassName: sluice
          listeners: \(listeners)
          \(rest)
        ---

        """
    }

    @Test("without a Gateway a default one listens on 8080 and takes routes without parents")
    func defaultGateway() throws {
        let made = Compilation(Pieces.backend + Pieces.route("[{\(Pieces.toApp)}]", parents: "[]"))
        #expect(made.snapshot.ports.map(\.port) == [8080])
        #expect(try made.rule("/", port: 8080)?.routeName == "default/app")
        #expect(made.condition("Accepted", "app")?.isTrue == true)
        #expect(Compilation("---\n").snapshot.ports.map(\.port) == [8080])
    }

    @Test("the configuration of the issue works as written")
    func issueExample() throws {
        let made = Compilation(
            Pieces.gateway + Pieces.backend
                + Pieces.route("[{matches: [{path: {type: PathPrefix, value: /}}], \(Pieces.toApp)}]"))
        #expect(made.diagnostics.isEmpty)
        #expect(made.result.diagnostics.isEmpty)
        #expect(made.snapshot.revision == 7)
        let backend = try #require(try made.backends("/x").first?.compiled)
        #expect(backend.name == "Backend/default/app")
        #expect(backend.endpoints == [EndpointSpec(host: "127.0.0.1", port: 9000)])
        #expect(made.snapshot.backends.map(\.name) == [backend.name])
    }

    @Test("a gateway of another class is left alone")
    func foreignClass() {
        let text = Pieces.gateway.replacing("gatewayClassName: sluice", with: "gatewayClassName: other")
        #expect(Compilation(text).snapshot.ports.isEmpty)
        #expect(Compilation(text) { $0.classNames = nil }.snapshot.ports.map(\.port) == [80])
        let classed =
            text + """
                apiVersion: gateway.networking.k8s.io/v1
                kind: GatewayClass
                metadata: {name: other}
                spec: {controllerName: sluice.dev/gateway}

                """
        #expect(Compilation(classed).snapshot.ports.map(\.port) == [80])
    }

    @Test("inside a gateway all conflicting listeners lose, and distinct ones serve")
    func conflicts() {
        let made = Compilation(
            gateway(
                "edge",
                """
                [{name: a, protocol: HTTP, port: 80, hostname: x.com},
                 {name: b, protocol: HTTP, port: 80, hostname: x.com},
                 {name: c, protocol: HTTP, port: 80}, {name: d, protocol: HTTP, port: 81},
                 {name: e, protocol: HTTPS, port: 81, hostname: y.com, tls: {certificateRefs: [{name: none}]}},
                 {name: f, protocol: UDP, port: 82}]
                """))
        for (name, reason) in [
            ("a", "HostnameConflict"), ("b", "HostnameConflict"), ("d", "ProtocolConflict"), ("e", "ProtocolConflict"),
        ] {
            #expect(made.listener("edge", name)?.conditions["Conflicted"]?.reason == reason, "\(name)")
            #expect(made.listener("edge", name)?.conditions["Accepted"]?.isTrue == false)
            #expect(made.listener("edge", name)?.conditions["Programmed"]?.isTrue == false)
        }
        #expect(made.listener("edge", "c")?.conditions["Programmed"]?.isTrue == true)
        #expect(made.listener("edge", "f")?.conditions["Accepted"]?.reason == "UnsupportedProtocol")
        #expect(made.snapshot.ports.map(\.port) == [80])
        let status = made.result.statuses.first { $0.key.kind == "Gateway" }
        #expect(
            status?.conditions["Accepted"]
                == StatusCondition(
                    "Accepted", true, "ListenersNotValid", "listeners are not valid: a, b, d, e, f"))
        #expect(made.result.diagnostics.filter { $0.code == .listenerConflict }.count == 4)
    }

    @Test("listeners of one port that ask for other treatment of connections are told so")
    func portConflicts() throws {
        func policy(_ name: String, _ fields: String) -> String {
            """
            apiVersion: sluice.dev/v1alpha1
            kind: ListenerPolicy
            metadata: {name: \(name)}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: \(name)}]
              \(fields)
            ---

            """
        }
        let gateways =
            gateway("one", "[{name: http, protocol: HTTP, port: 80, hostname: one.com}]")
            + gateway("two", "[{name: http, protocol: HTTP, port: 80, hostname: two.com}]")
        let made = Compilation(
            gateways + policy("one", "connectionsMax: 5")
                + policy("two", "proxyProtocol: {mode: Required, trustedFrom: [10.0.0.0/8]}"))
        #expect(made.snapshot.table(port: 80)?.settings.connectionsMax == 5)
        let finding = try #require(made.result.diagnostics.first { $0.code == .conflictingPolicy })
        #expect(finding.severity == .warning && finding.reason == "Conflicted")
        #expect(finding.object?.name == "two")
        #expect(finding.message.contains("proxyProtocol, connectionsMax"))
        // A listener without a policy is treated by the other's too.
        let alone = Compilation(gateways + policy("two", "halfClose: true"))
        #expect(alone.result.diagnostics.map(\.object?.name) == ["one"])
        // The same said twice, or what each listener has for itself, is no conflict.
        #expect(
            Compilation(gateways + policy("one", "halfClose: true") + policy("two", "halfClose: true"))
                .result.diagnostics.isEmpty)
        #expect(Compilation(gateways + policy("one", "tls: {minVersion: TLSv1.3}")).result.diagnostics.isEmpty)
    }

    @Test("gateways share a port, each with its host names")
    func acrossGateways() throws {
        let made = Compilation(
            Pieces.backend + gateway("one", "[{name: http, protocol: HTTP, port: 80, hostname: one.com}]")
                + gateway("two", "[{name: http, protocol: HTTP, port: 80, hostname: two.com}]")
                + Pieces.route("[{\(Pieces.toApp)}]", parents: "[{name: one}]"))
        #expect(made.snapshot.ports.map(\.port) == [80])
        #expect(made.snapshot.table(port: 80)?.listeners.map(\.name) == ["default/one/http", "default/two/http"])
        #expect(try made.rule("/", host: "one.com") != nil)
        #expect(try made.rule("/", host: "two.com") == nil)
    }

    @Test("between gateways the older one's protocol stands")
    func olderGateway() throws {
        let made = Compilation(
            gateway(
                "a-young", "[{name: tls, protocol: HTTPS, port: 80, tls: {certificateRefs: [{name: none}]}}]",
                created: ", creationTimestamp: '2026-01-02T00:00:00Z'")
                + gateway(
                    "old", "[{name: http, protocol: HTTP, port: 80}]",
                    created: ", creationTimestamp: '2026-01-01T00:00:00Z'"))
        #expect(made.listener("a-young", "tls")?.conditions["Conflicted"]?.reason == "ProtocolConflict")
        #expect(made.listener("old", "http")?.conditions["Programmed"]?.isTrue == true)
        #expect(made.snapshot.table(port: 80)?.isTLS == false)
    }

    @Test("a certificate that cannot be used takes its listener down and is named")
    func badCertificate() {
        let made = Compilation(
            gateway(
                "edge",
                """
                [{name: gone, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: gone}]}},
                 {name: bad, protocol: HTTPS, port: 443, hostname: x.com, tls: {certificateRefs: [{name: bad}]}},
                 {name: far, protocol: HTTPS, port: 443, hostname: y.com,
                  tls: {certificateRefs: [{name: far, namespace: other}]}}]
                """) + """
                    apiVersion: v1
                    kind: Secret
                    metadata: {name: bad}
                    type: kubernetes.io/tls
                    stringData: {tls.crt: hello, tls.key: secret-key}

                    """)
        for (name, reason) in [
            ("gone", "InvalidCertificateRef"), ("bad", "InvalidCertificateRef"), ("far", "RefNotPermitted"),
        ] {
            let listener = made.listener("edge", name)
            #expect(listener?.conditions["ResolvedRefs"]?.reason == reason, "\(name)")
            #expect(listener?.conditions["Accepted"]?.isTrue == true)
            #expect(listener?.conditions["Programmed"]?.isTrue == false)
            #expect(listener?.conditions["ResolvedRefs"]?.message.contains(name) == true)
            #expect(listener?.conditions["ResolvedRefs"]?.message.contains("secret-key") == false)
        }
        #expect(made.snapshot.ports.isEmpty)
    }

    @Test("routes attach by kind, namespace, section, port and host name")
    func attachment() {
        let listeners = """
            [{name: same, protocol: HTTP, port: 80, hostname: '*.example.com'},
             {name: all, protocol: HTTP, port: 81, allowedRoutes: {namespaces: {from: All}}},
             {name: some, protocol: HTTP, port: 82,
              allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: shop}}}}},
             {name: kind, protocol: HTTP, port: 83, allowedRoutes: {kinds: [{kind: GRPCRoute}, {kind: HTTPRoute}]}}]
            """
        func route(_ name: String, _ namespace: String, _ section: String, host: String = "a.example.com") -> String {
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: \(name), namespace: \(namespace)}
            spec: {parentRefs: [{name: edge, namespace: default, sectionName: \(section)}], hostnames: [\(host)]}
            ---

            """
        }
        let made = Compilation(
            gateway("edge", listeners) + """
                apiVersion: v1
                kind: Namespace
                metadata: {name: shop, labels: {team: shop}}
                ---

                """ + route("near", "default", "same") + route("far", "shop", "same")
                + route("wrong", "default", "same", host: "a.example.org") + route("anyone", "shop", "all")
                + route("chosen", "shop", "some") + route("other", "default", "some")
                + route("missing", "default", "none") + route("http", "default", "kind"))
        for (name, reason) in [
            ("near", "Accepted"), ("far", "NotAllowedByListeners"), ("wrong", "NoMatchingListenerHostname"),
            ("anyone", "Accepted"), ("chosen", "Accepted"), ("other", "NotAllowedByListeners"),
            ("missing", "NoMatchingParent"), ("http", "Accepted"),
        ] {
            #expect(made.condition("Accepted", name)?.reason == reason, "\(name)")
        }
        #expect(made.listener("edge", "same")?.attachedRoutes == 1)
        #expect(made.listener("edge", "kind")?.conditions["ResolvedRefs"]?.reason == "InvalidRouteKinds")
        #expect(made.listener("edge", "kind")?.supportedKinds == ["HTTPRoute"])
    }
}
