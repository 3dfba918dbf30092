import Testing

/// Requests that are sent elsewhere. Each test is named by the upstream test's ShortName.
@Suite(
    "HTTPRoute conformance: redirects", .enabled(if: Manifests.areThere, "no conformance manifests in ../shared/data"),
    .timeLimit(.minutes(1)))
struct HTTPRouteRedirectTests {
    private let elsewhere = "example.org"

    @Test(
        "a redirect's status",
        arguments: [
            ("HTTPRoute303Redirect", "httproute-303-redirect", "303-redirect", "/see-other", "POST", 303),
            ("HTTPRoute307Redirect", "httproute-307-redirect", "307-redirect", "/temporary", "GET", 307),
            ("HTTPRoute308Redirect", "httproute-308-redirect", "308-redirect", "/permanent", "GET", 308),
        ])
    func status(
        upstream: String, manifest: String, route: String, path: String, method: String, status: Int
    ) async throws {
        try await Conformance.run(
            manifest, routes: [route], [.redirected(path, method: method, status, to: .init(path: path))])
    }

    @Test("HTTPRouteRedirectHostAndStatus")
    func hostAndStatus() async throws {
        try await Conformance.run(
            "httproute-redirect-host-and-status", routes: ["redirect-host-and-status"],
            [
                .redirected("/hostname-redirect", to: .init(host: elsewhere)),
                .redirected("/host-and-status", 301, to: .init(host: elsewhere)),
            ])
    }

    @Test("HTTPRouteRedirectPath")
    func path() async throws {
        try await Conformance.run(
            "httproute-redirect-path", routes: ["redirect-path"],
            [
                .redirected("/original-prefix/lemon", to: .init(path: "/replacement-prefix/lemon")),
                .redirected("/full/path/original", to: .init(path: "/full-path-replacement")),
                .redirected("/path-and-host", to: .init(host: elsewhere, path: "/replacement-prefix")),
                .redirected("/path-and-status", 301, to: .init(path: "/replacement-prefix")),
                .redirected("/full-path-and-host", to: .init(host: elsewhere, path: "/replacement-full")),
                .redirected("/full-path-and-status", 301, to: .init(path: "/replacement-full")),
            ])
    }

    @Test("HTTPRouteRedirectPort")
    func port() async throws {
        try await Conformance.run(
            "httproute-redirect-port", routes: ["redirect-port"],
            [
                .redirected("/port", to: .init(port: 8083)),
                .redirected("/port-and-host", to: .init(host: elsewhere, port: 8083)),
                .redirected("/port-and-status", 301, to: .init(port: 8083)),
                .redirected("/port-and-host-and-status", to: .init(host: elsewhere, port: 8083)),
            ])
    }

    @Test("HTTPRouteRedirectScheme")
    func scheme() async throws {
        try await Conformance.run(
            "httproute-redirect-scheme", routes: ["redirect-scheme"],
            [
                .redirected("/scheme", to: .init(scheme: "https")),
                .redirected("/scheme-and-host", to: .init(scheme: "https", host: elsewhere)),
                .redirected("/scheme-and-status", 301, to: .init(scheme: "https")),
                .redirected("/scheme-and-host-and-status", to: .init(scheme: "https", host: elsewhere)),
            ])
    }

    @Test("HTTPRouteRedirectPortAndScheme")
    func portAndScheme() async throws {
        let gateways = [
            "same-namespace", "same-namespace-with-http-listener-on-8080", "same-namespace-with-https-listener",
        ]
        /// Path, scheme and port that must come of it.
        let cases: [[(String, String, Int?)]] = [
            [
                ("/scheme-nil-and-port-nil", "http", nil), ("/scheme-nil-and-port-80", "http", nil),
                ("/scheme-nil-and-port-8080", "http", 8080), ("/scheme-https-and-port-nil", "https", nil),
                ("/scheme-https-and-port-443", "https", nil), ("/scheme-https-and-port-8443", "https", 8443),
            ],
            [
                ("/scheme-nil-and-port-nil", "http", 8080), ("/scheme-nil-and-port-80", "http", nil),
                ("/scheme-https-and-port-nil", "https", nil),
            ],
            [
                ("/scheme-nil-and-port-nil", "https", nil), ("/scheme-nil-and-port-443", "https", nil),
                ("/scheme-nil-and-port-8443", "https", 8443), ("/scheme-http-and-port-nil", "http", nil),
                ("/scheme-http-and-port-80", "http", nil), ("/scheme-http-and-port-8080", "http", 8080),
            ],
        ]
        try await Conformance.with("httproute-redirect-port-and-scheme", gateways: gateways) { environment in
            for (index, edge) in environment.edges.enumerated() {
                for (path, scheme, port) in cases[index] {
                    let isTLS = index == 2
                    let item = Case.redirected(
                        path, host: isTLS ? elsewhere : nil,
                        to: .init(scheme: scheme, host: elsewhere, port: port), serverName: isTLS ? elsewhere : nil)
                    try await item.run(on: edge)
                }
            }
        }
    }
}
