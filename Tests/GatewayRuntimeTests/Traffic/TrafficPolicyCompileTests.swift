import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayWire
import Testing

@testable import GatewayRuntime

@Suite("TrafficPolicies become rules of the data plane")
struct TrafficPolicyCompileTests {
    private static let base = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec:
          gatewayClassName: sluice
          listeners: [{name: http, protocol: HTTP, port: 8080}]
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: app}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /}}]
              backendRefs: [{group: sluice.dev, kind: Backend, name: app}]
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: Backend
        metadata: {name: app}
        spec: {endpoints: [{host: 127.0.0.1, port: 9000}]}
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: keys}
        stringData: {alice: key-of-alice, bob: key-of-bob}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: IdentityProvider
        metadata: {name: keys}
        spec: {type: APIKey, apiKeys: {secretRef: {name: keys}}}

        """

    private static func policy(_ name: String, on target: String, _ spec: String) -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: \(name)}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, \(target)}]
          \(spec)

        """
    }

    private struct Compiled {
        var rule: CompiledRule
        var diagnostics: [Diagnostic]
    }

    private func compile(
        _ policies: String, options: SnapshotCompiler.Options = SnapshotCompiler.Options()
    ) throws -> Compiled {
        let load = ConfigurationLoad(
            texts: [.init(bytes: Array((Self.base + policies).utf8), file: "test.yaml")], mode: .strict)
        #expect(load.diagnostics.isEmpty, "\(load.diagnostics)")
        let result = SnapshotCompiler.compile(load.set.objects, revision: 1, options: options)
        var head = RequestHead()
        try head.setTarget(Array("/".utf8).span)
        let table = try #require(result.snapshot.table(port: 8080))
        guard case .rule(let rule, _, _) = table.router.match(head, serverName: []) else {
            throw GatewayError(.noRoute, "the route is not there")
        }
        return Compiled(rule: rule, diagnostics: result.diagnostics)
    }

    @Test("What protects holds from every policy; of settings the more specific one counts")
    func merging() throws {
        let rule = try compile(
            Self.policy(
                "all", on: "kind: Gateway, name: edge",
                """
                ipAccess: {deny: [10.0.0.0/8]}
                  rateLimits: [{name: ip, key: [client.ip], requests: 10, per: 1m, burst: 3}]
                  concurrency: {max: 100}
                  limits: {bodyBytes: 1Ki, headerBytes: 8Ki}
                  compression: {algorithms: [gzip]}
                  cache: {ttl: 1m, varyOn: [X-Team]}
                  hedging: {after: 100ms, percentMax: 7}
                  authentication: {mode: Required, providers: [keys]}
                """)
                + Self.policy(
                    "app", on: "kind: HTTPRoute, name: app",
                    """
                    ipAccess: {allow: [192.0.2.0/24, 10.1.0.0/16]}
                      rateLimits:
                        - {name: team, key: [request.header.X-Team, request.cookie.s, principal.user], requests: 5}
                      limits: {bodyBytes: 1Mi, headerBytes: 4Ki}
                      compression: {algorithms: [zstd], minBytes: 10}
                      authentication: {mode: Optional, providers: [keys]}
                    """)
        ).rule.policy
        #expect(rule.addresses.map(\.name) == ["default/app", "default/all"])
        #expect(rule.rateLimits.map(\.name) == ["default/app/team", "default/all/ip"])
        #expect(rule.rateLimits[0].key == [.header(Array("x-team".utf8)), .cookie(Array("s".utf8)), .user])
        #expect(rule.rateLimits[1].rate == Rate(requests: 10, periodNanoseconds: 60_000_000_000, burst: 3))
        #expect(rule.concurrency.map(\.countMax) == [100])
        #expect(rule.bodyBytesMax == 1024)
        #expect(rule.headBytesMax == 4096)
        #expect(rule.compression?.algorithms == [.zstd])
        #expect(rule.compression?.bytesMin == 10)
        #expect(rule.cache?.lifetimeSeconds == 60)
        #expect(rule.cache?.varyOn == [Array("x-team".utf8)])
        #expect(rule.hedging == HedgePolicy(delayNanoseconds: 100_000_000, percentMax: 7))
        #expect(rule.identity.contains { $0.isRequired })
        #expect(rule.identity.contains { $0.name == "default/app" })
    }

    @Test("Limits and caches keep their state over reloads as long as their policy stays")
    func state() throws {
        let options = SnapshotCompiler.Options()
        func policy(_ ttl: String) -> String {
            Self.policy(
                "all", on: "kind: Gateway, name: edge",
                """
                rateLimits: [{name: ip, key: [client.ip], requests: 10}]
                  concurrency: {max: 100}
                  cache: {ttl: \(ttl)}
                """)
        }
        let first = try compile(policy("1m"), options: options).rule.policy
        let again = try compile(policy("1m"), options: options).rule.policy
        #expect(first.rateLimits[0].table === again.rateLimits[0].table)
        #expect(first.concurrency[0].limiter === again.concurrency[0].limiter)
        #expect(first.cache?.store === again.cache?.store)
        let changed = try compile(policy("2m"), options: options).rule.policy
        #expect(first.rateLimits[0].table === changed.rateLimits[0].table)
        #expect(first.cache?.store !== changed.cache?.store)
        // Nothing keeps what no snapshot has.
        var table: RateLimitTable? = try compile(policy("1m")).rule.policy.rateLimits[0].table
        weak let watched = table
        #expect(watched != nil)
        table = nil
        #expect(watched == nil)
    }
}
