import GatewayRuntime
import Testing

/// How requests find their rule. Each test is named by the upstream test's ShortName.
@Suite(
    "HTTPRoute conformance: matching", .enabled(if: Manifests.areThere, "no conformance manifests in ../shared/data"),
    .timeLimit(.minutes(1)))
struct HTTPRouteMatchingTests {
    private let v1 = Conformance.v1
    private let v2 = Conformance.v2
    private let v3 = Conformance.v3

    @Test("HTTPRouteSimpleSameNamespace")
    func simpleSameNamespace() async throws {
        try await Conformance.run(
            "httproute-simple-same-namespace", routes: ["gateway-conformance-infra-test"], [.served("/", by: v1)])
    }

    @Test("HTTPRouteExactPathMatching")
    func exactPathMatching() async throws {
        try await Conformance.run(
            "httproute-exact-path-matching", routes: ["exact-matching"],
            [
                .served("/one", by: v1), .served("/two", by: v2), .refused("/"), .refused("/one/example"),
                .refused("/two/"), .refused("/Two"),
            ])
    }

    @Test("HTTPRouteHeaderMatching")
    func headerMatching() async throws {
        try await Conformance.run(
            "httproute-header-matching", routes: ["header-matching"],
            [
                .served("/", ["Version": "one"], by: v1), .served("/", ["Version": "two"], by: v2),
                .served("/", ["Version": "two", "Color": "orange"], by: v1),
                .served("/", ["Version": "two", "Color": "blue"], by: v2), .refused("/", ["Color": "orange"]),
                .refused("/", ["Some-Other-Header": "one"]), .served("/", ["Color": "blue"], by: v1),
                .served("/", ["Color": "green"], by: v1), .served("/", ["Color": "red"], by: v2),
                .served("/", ["Color": "yellow"], by: v2), .refused("/", ["Color": "purple"]),
            ])
    }

    @Test("HTTPRouteMatching")
    func matching() async throws {
        try await Conformance.run(
            "httproute-matching", routes: ["matching"],
            [
                .served("/", by: v1), .served("/example", by: v1), .served("/", ["Version": "one"], by: v1),
                .served("/v2", by: v2), .served("/v2/example", by: v2), .served("/", ["Version": "two"], by: v2),
                .served("/v2/", by: v2), .served("/v2example", by: v1), .served("/foo/v2/example", by: v1),
            ])
    }

    @Test("HTTPRouteMatchingAcrossRoutes")
    func matchingAcrossRoutes() async throws {
        try await Conformance.run(
            "httproute-matching-across-routes", routes: ["matching-part1", "matching-part2"],
            [
                .served("/", host: "example.com", by: v1), .served("/example", host: "example.com", by: v1),
                .served("/example", host: "example.net", by: v1),
                .served("/example", host: "example.com", ["Version": "one"], by: v1),
                .served("/v2", host: "example.com", by: v2), .served("/v2", host: "example.net", by: v1),
                .served("/v2/example", host: "example.com", by: v2),
                .served("/", host: "example.com", ["Version": "two"], by: v2),
            ])
    }

    @Test("HTTPRouteMethodMatching")
    func methodMatching() async throws {
        try await Conformance.run(
            "httproute-method-matching", routes: ["method-matching"],
            [
                .served("/", method: "POST", by: v1), .served("/", method: "GET", by: v2),
                .refused("/", method: "HEAD"), .served("/path1", method: "GET", by: v1),
                .served("/", ["version": "one"], method: "PUT", by: v2),
                .served("/path2", ["version": "two"], method: "POST", by: v3),
                .served("/path3", method: "PATCH", by: v1),
                .served("/path4", ["version": "three"], method: "DELETE", by: v1), .refused("/", method: "PUT"),
                .refused("/path4", method: "DELETE"), .served("/path5", method: "PATCH", by: v1),
                .served("/", ["version": "four"], method: "PATCH", by: v2),
            ])
    }

    @Test("HTTPRoutePathMatchOrder")
    func pathMatchOrder() async throws {
        try await Conformance.run(
            "httproute-path-match-order", routes: ["path-matching-order"],
            [
                .served("/match/exact/one", by: v3), .served("/match/exact", by: v2), .served("/match", by: v1),
                .served("/match/prefix/one/any", by: v2), .served("/match/prefix/any", by: v1),
                .served("/match/any", by: v3),
            ])
    }

    @Test("HTTPRouteQueryParamMatching")
    func queryParamMatching() async throws {
        try await Conformance.run(
            "httproute-query-param-matching", routes: ["query-param-matching"],
            [
                .served("/?animal=whale", by: v1), .served("/?animal=dolphin", by: v2),
                .served("/?animal=dolphin&color=blue", by: v3), .served("/?ANIMAL=Whale", by: v3),
                .served("/?animal=whale&otherparam=irrelevant", by: v1),
                .served("/?animal=dolphin&color=yellow", by: v2), .refused("/?color=blue"),
                .refused("/?animal=dog"), .refused("/?animal=whaledolphin"), .refused("/"),
                .served("/path1?animal=whale", by: v1), .served("/?animal=whale", ["version": "one"], by: v2),
                .served("/path2?animal=whale", ["version": "two"], by: v3),
                .served("/path3?animal=shark", by: v1),
                .served("/path4?animal=kraken", ["version": "three"], by: v1), .refused("/?animal=shark"),
                .refused("/path4?animal=kraken"), .served("/path5?animal=hydra", by: v1),
                .served("/?animal=hydra", ["version": "four"], by: v3),
            ])
    }

    @Test("HTTPRouteNamedRule")
    func namedRule() async throws {
        try await Conformance.run(
            "httproute-named-rule", routes: ["http-named-rules"],
            [.served("/named", by: v1), .served("/unnamed", by: v2)])
    }

    @Test("HTTPRouteListenerHostnameMatching")
    func listenerHostnameMatching() async throws {
        try await Conformance.run(
            "httproute-listener-hostname-matching", gateway: "httproute-listener-hostname-matching",
            routes: ["backend-v1", "backend-v2", "backend-v3"],
            [
                .served("/", host: "bar.com", by: v1), .served("/", host: "foo.bar.com", by: v2),
                .served("/", host: "baz.bar.com", by: v3), .served("/", host: "boo.bar.com", by: v3),
                .served("/", host: "multiple.prefixes.bar.com", by: v3),
                .served("/", host: "multiple.prefixes.foo.com", by: v3), .refused("/", host: "foo.com"),
                .refused("/", host: "no.matching.host"),
            ])
    }

    @Test("HTTPRouteListenerPortMatching")
    func listenerPortMatching() async throws {
        try await Conformance.run(
            "httproute-listener-port-matching", gateway: "httproute-listener-port-matching",
            routes: ["backend-v1", "backend-v2", "backend-v3"],
            [
                .served("/", host: "foo.com", by: v1, port: 80),
                .served("/", host: "foo.com:8080", by: v2, port: 8080),
                .served("/", host: "bar.com:8080", by: v2, port: 8080),
                .served("/", host: "foo.com:8090", by: v3, port: 8090),
                .refused("/", host: "bar.com:8090", port: 8090),
            ])
    }

    @Test("HTTPRouteHostnameIntersection")
    func hostnameIntersection() async throws {
        try await Conformance.with(
            "httproute-hostname-intersection",
            gateways: ["httproute-hostname-intersection", "httproute-hostname-intersection-all"]
        ) { environment in
            let cases: [Case] = [
                .served("/s1", host: "very.specific.com", by: v1),
                .served("/s1", host: "very.specific.com:1234", by: v1), .refused("/s1", host: "non.matching.com"),
                .refused("/s1", host: "foo.nonmatchingwildcard.io"), .refused("/s1", host: "foo.wildcard.io"),
                .refused("/non-matching-prefix", host: "very.specific.com"),
                .served("/s2", host: "foo.wildcard.io", by: v2), .served("/s2", host: "bar.wildcard.io", by: v2),
                .served("/s2", host: "foo.bar.wildcard.io", by: v2), .refused("/s2", host: "non.matching.com"),
                .refused("/s2", host: "wildcard.io"), .refused("/s2", host: "very.specific.com"),
                .refused("/non-matching-prefix", host: "foo.wildcard.io"),
                .served("/s3", host: "very.specific.com", by: v3), .refused("/s3", host: "non.matching.com"),
                .refused("/s3", host: "foo.specific.com"), .refused("/s3", host: "foo.wildcard.io"),
                .served("/s4", host: "foo.anotherwildcard.io", by: v1),
                .served("/s4", host: "bar.anotherwildcard.io", by: v1),
                .served("/s4", host: "foo.bar.anotherwildcard.io", by: v1),
                .refused("/s4", host: "anotherwildcard.io"), .refused("/s4", host: "foo.wildcard.io"),
                .refused("/s4", host: "very.specific.com"),
                .refused("/non-matching-prefix", host: "foo.anotherwildcard.io"),
                .refused("/s5", host: "specific.but.wrong.com"), .refused("/s5", host: "wildcard.io"),
            ]
            for item in cases { try await item.run(on: environment.edge) }
            let refused = environment.edge.condition("Accepted", ofRoute: "no-intersecting-hosts")
            #expect(refused?.isTrue == false)
            #expect(refused?.reason == "NoMatchingListenerHostname")
            for (listener, count) in [("listener-1", 2), ("listener-2", 1), ("listener-3", 1)] {
                let status = environment.edge.listener(listener)
                #expect(status?.attachedRoutes == count, "\(listener)")
                #expect(status?.supportedKinds == ["HTTPRoute"])
                #expect(status?.conditions["Accepted"]?.isTrue == true)
                #expect(status?.conditions["ResolvedRefs"]?.isTrue == true)
            }
            let all: [Case] = [
                .served("/", host: "first.com", by: v2), .served("/", host: "sub.first.com", by: v2),
                .served("/", host: "second.com", by: v2), .served("/", host: "sub.second.com", by: v2),
                .refused("/", host: "third.com"), .refused("/", host: "sub.third.com"),
            ]
            for item in all { try await item.run(on: environment.edges[1]) }
        }
    }

    /// The 16 combinations of a listener's host and the path of one listener's route: only its own serves it.
    private var isolationCases: [Case] {
        let paths = ["/empty-hostname", "/wildcard-example-com", "/wildcard-foo-example-com", "/abc-foo-example-com"]
        let hosts = ["bar.com", "bar.example.com", "bar.foo.example.com", "abc.foo.example.com"]
        return hosts.enumerated().flatMap { own, host in
            paths.enumerated().map { index, path in
                index == own ? .served(path, host: host, by: v1) : .refused(path, host: host)
            }
        }
    }

    private let isolationRoutes = [
        "attaches-to-empty-hostname", "attaches-to-wildcard-example-com", "attaches-to-wildcard-foo-example-com",
        "attaches-to-abc-foo-example-com",
    ]

    @Test("GatewayHTTPListenerIsolation")
    func httpListenerIsolation() async throws {
        try await Conformance.run(
            "gateway-http-listener-isolation", gateway: "http-listener-isolation", routes: isolationRoutes,
            isolationCases)
    }

    @Test("GatewayHTTPListenerIsolation, with hostname intersection")
    func httpListenerIsolationWithHostnames() async throws {
        try await Conformance.run(
            "gateway-http-listener-isolation-with-hostname-intersection",
            gateway: "http-listener-isolation-with-hostname-intersection",
            routes: isolationRoutes.map { "\($0)-with-hostname-intersection" }, isolationCases)
    }
}
