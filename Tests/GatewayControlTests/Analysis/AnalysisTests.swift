import GatewayModel
import Testing

@testable import GatewayControl

@Suite("The analysis judges what no single object can answer")
struct AnalysisTests {
    /// The example and more documents after it.
    private func findings(
        _ more: String, mode: AnalysisMode = .strict, base: String = exampleText
    ) -> [Diagnostic] {
        load(base + "---\n" + more, mode: mode).diagnostics
    }

    private func codes(_ more: String, mode: AnalysisMode = .strict) -> [ErrorCode] {
        findings(more, mode: mode).map(\.code)
    }

    static let routeToOther = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: cross}
        spec:
          parentRefs: [{name: edge}]
          hostnames: [cross.example.com]
          rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]

        """

    static let grant = """
        ---
        apiVersion: gateway.networking.k8s.io/v1beta1
        kind: ReferenceGrant
        metadata: {name: let-in, namespace: shop}
        spec:
          from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]
          to: [{group: "", kind: Service}]

        """

    static let service = """
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: shop}
        spec: {ports: [{port: 80}]}

        """

    @Test func aForbiddenReferenceDoesNotTellWhetherItsTargetExists() {
        let without = findings(Self.routeToOther)
        let with = findings(Self.routeToOther + Self.service)
        #expect(without.map(\.code) == [.forbiddenReference])
        #expect(without.map(\.reason) == ["RefNotPermitted"])
        #expect(without.map(\.description) == with.map(\.description))
    }

    @Test func aGrantPermits() {
        #expect(findings(Self.routeToOther + Self.service + Self.grant) == [])
        #expect(findings(Self.routeToOther + Self.grant).map(\.code) == [.danglingReference])
        #expect(findings(Self.routeToOther + Self.grant).map(\.reason) == ["BackendNotFound"])
    }

    @Test func tolerantModeMakesConditionsOfErrors() {
        let found = findings(Self.routeToOther, mode: .tolerant)
        #expect(found.map(\.severity) == [.condition])
        #expect(load(exampleText + "---\n" + Self.routeToOther, mode: .tolerant).isUsable)
        #expect(!load(exampleText + "---\n" + Self.routeToOther).isUsable)
    }

    @Test func servicePortsAreChecked() {
        let route = Self.routeToOther.split(separator: "port: 80").joined(separator: "port: 81")
        let found = findings(route + Self.service + Self.grant)
        #expect(found.map(\.code) == [.danglingReference])
        #expect(found.first?.hint == "its ports: 80")
    }

    @Test func externalNamesAreNeverRoutedTo() {
        let service = Self.service.split(separator: "{ports").joined(
            separator: "{type: ExternalName, externalName: x, ports")
        #expect(codes(Self.routeToOther + service + Self.grant) == [.unsupportedValue])
    }

    /// A route of its own, by namespace, parent reference and host name, and why it attaches nowhere.
    @Test(arguments: [
        ("default", "{name: edge}", "[]", ""),
        ("shop", "{name: edge, namespace: default}", "[]", "NotAllowedByListeners"),
        ("default", "{name: edge, port: 8081}", "[]", "NoMatchingParent"),
        ("default", "{name: edge, sectionName: other}", "[]", "NoMatchingParent"),
        ("default", "{name: named}", "[x.example.org]", "NoMatchingListenerHostname"),
        ("default", "{name: named}", "[a.example.com]", ""), ("default", "{name: nothing}", "[]", "NoMatchingParent"),
        ("team", "{name: open, namespace: default}", "[]", ""),
        ("shop", "{name: open, namespace: default}", "[]", "NotAllowedByListeners"),
    ])
    func attachment(_ namespace: String, _ parent: String, _ hostnames: String, _ reason: String) {
        let more = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: named}
            spec:
              gatewayClassName: sluice
              listeners: [{name: http, protocol: HTTP, port: 8082, hostname: "*.example.com"}]
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: open}
            spec:
              gatewayClassName: sluice
              listeners:
                - name: http
                  protocol: HTTP
                  port: 8083
                  allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: "yes"}}}}
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: team, labels: {team: "yes"}}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: probe, namespace: \(namespace)}
            spec:
              parentRefs: [\(parent)]
              hostnames: \(hostnames)
              rules:
                - matches: [{path: {value: /probe}}]
                  filters: [{type: RequestRedirect, requestRedirect: {port: 1}}]
            """
        let found = findings(more)
        #expect(found.compactMap(\.reason) == (reason.isEmpty ? [] : [reason]), "\(found)")
    }

    /// Listeners of one gateway, and the conflict they have.
    @Test(arguments: [
        ("{name: a, protocol: HTTP, port: 1}, {name: b, protocol: HTTP, port: 2}", ""),
        ("{name: a, protocol: HTTP, port: 1, hostname: a.b}, {name: b, protocol: HTTP, port: 1, hostname: c.b}", ""),
        ("{name: a, protocol: HTTP, port: 1, hostname: a.b}, {name: b, protocol: HTTP, port: 1}", ""),
        ("{name: a, protocol: HTTP, port: 1}, {name: b, protocol: HTTP, port: 1}", "HostnameConflict"),
        (
            "{name: a, protocol: HTTP, port: 1}, {name: b, protocol: HTTPS, port: 1, hostname: a.b, "
                + "tls: {certificateRefs: [{name: cert}]}}",
            "ProtocolConflict"
        ),
    ])
    func listenerConflicts(_ listeners: String, _ reason: String) {
        let text = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: g}
            spec: {gatewayClassName: sluice, listeners: [\(listeners)]}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: cert}
            stringData:
              tls.crt: "-----BEGIN CERTIFICATE-----"
              tls.key: "-----BEGIN EC PRIVATE KEY-----"
            """
        let found = load(text).diagnostics
        #expect(found.compactMap(\.reason) == (reason.isEmpty ? [] : [reason, reason]), "\(found)")
        #expect(found.allSatisfy { $0.code == .listenerConflict })
    }

    @Test func gatewaysMayNotTakeEachOthersPort() {
        let other = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: second}
            spec: {gatewayClassName: sluice, listeners: [{name: http, protocol: HTTP, port: 8080}]}
            """
        #expect(codes(other) == [.listenerConflict])
        #expect(codes(other, mode: .tolerant) == [])
        let apart = other.split(separator: "{gatewayClassName").joined(
            separator: "{addresses: [{value: 127.0.0.2}], gatewayClassName")
        #expect(codes(apart) == [])
    }

    /// What is wrong with a listener's certificate.
    @Test(
        arguments: [
            ("[{name: cert}]", "a: b", ["SL-1016", "SL-1016"]), ("[{name: none}]", "a: b", ["SL-1009"]),
            ("[{name: cert, kind: ConfigMap}]", "a: b", ["SL-1015"]),
            ("[{name: cert, namespace: shop}]", "a: b", ["SL-1010"]),
            ("[{name: cert}]", "{tls.crt: x, tls.key: \"-----BEGIN PRIVATE KEY-----\"}", ["SL-1016"]),
            (
                "[{name: cert}]",
                "{tls.crt: \"-----BEGIN CERTIFICATE-----\", tls.key: \"-----BEGIN PRIVATE KEY-----\"}", []
            ),
        ] as [(String, String, [String])])
    func certificates(_ references: String, _ data: String, _ expected: [String]) {
        let text = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: g}
            spec:
              gatewayClassName: sluice
              listeners: [{name: a, protocol: HTTPS, port: 1, tls: {certificateRefs: \(references)}}]
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: cert}
            stringData: \(data.hasPrefix("{") ? data : "{\(data)}")
            """
        #expect(load(text).diagnostics.map(\.code.rawValue) == expected)
    }

    static let policy = """
        apiVersion: sluice.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: NAME}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: app}]
          timeouts: {total: 5s}
          rateLimits: [{name: all, requests: 10, per: 1s, key: [client.ip]}]

        """

    private func policy(_ name: String, _ part: String = "", _ other: String = "") -> String {
        let named = Self.policy.split(separator: "NAME").joined(separator: name)
        return part.isEmpty ? named : named.split(separator: part).joined(separator: other)
    }

    @Test func policiesFindTheirTargets() {
        #expect(codes(policy("p")) == [])
        let missing = findings(policy("p", "name: app}", "name: ap}"))
        #expect(missing.map(\.code) == [.danglingReference])
        #expect(missing.first?.hint == "did you mean \"app\"?")
        let kind = findings(policy("p", "kind: HTTPRoute", "kind: HTTPRute"))
        #expect(kind.map(\.code) == [.unsupportedValue])
        #expect(kind.first?.hint == "did you mean \"HTTPRoute\"?")
        #expect(codes(policy("p", "name: app}", "name: app, sectionName: x}")) == [.danglingReference])
    }

    @Test func policiesThatSetTheSameAreToldWhichWins() {
        let found = findings(policy("b") + "---\n" + policy("a"))
        #expect(found.map(\.code) == [.conflictingPolicy])
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.object?.name == "b")
        // What restricts adds up, so the rate limits do not conflict.
        #expect(found.map(\.path) == ["spec.timeouts"])
    }

    @Test func providersMustExist() {
        let found = findings(policy("p", "timeouts: {total: 5s}", "authentication: {providers: [keys]}"))
        #expect(found.map(\.code) == [.danglingReference])
        #expect(found.first?.path == "spec.authentication.providers[0]")
    }

    @Test func whatIsNeverReachedIsWarnedAbout() {
        let text = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: later}
            spec:
              parentRefs: [{name: edge}]
              rules:
                - matches: [{path: {value: /}}, {path: {value: /new}}]
                  backendRefs: [{group: sluice.dev, kind: Backend, name: app}]
            """
        let found = findings(text)
        #expect(found.map(\.code) == [.unreachableRule])
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.object?.name == "later")
        #expect(found.first?.path == "spec.rules[0].matches[0]")
        #expect(found.first?.hint?.contains("HTTPRoute app, rules[0] at app.yaml:14:17") == true, "\(found)")
    }

    @Test func aRuleThatAnswersNothingIsWarnedAbout() {
        let text = example(replacing: "      backendRefs: [{group: sluice.dev, kind: Backend, name: app}]\n", with: "")
        let found = load(text).diagnostics
        #expect(found.map(\.code) == [.missingField])
        #expect(found.map(\.severity) == [.warning])
    }

    @Test func aDirectResponseMustExist() {
        let filter =
            "      filters: [{type: ExtensionRef, extensionRef: {group: sluice.dev, kind: KIND, name: hello}}]\n"
        func text(_ kind: String) -> String {
            example(
                replacing: "      backendRefs: [{group: sluice.dev, kind: Backend, name: app}]\n",
                with: filter.split(separator: "KIND").joined(separator: kind))
        }
        #expect(load(text("DirectResponse")).diagnostics.map(\.code) == [.danglingReference])
        #expect(load(text("DirectAnswer")).diagnostics.map(\.code) == [.unsupportedValue])
        let response =
            "---\napiVersion: sluice.dev/v1alpha1\nkind: DirectResponse\nmetadata: {name: hello}\n"
            + "spec: {status: 418, body: hi}\n"
        #expect(load(text("DirectResponse") + response).diagnostics == [])
    }
}
