import Testing

/// What browsers are told. The test is named by the upstream test's ShortName.
@Suite(
    "HTTPRoute conformance: CORS", .enabled(if: Manifests.areThere, "no conformance manifests in ../shared/data"),
    .timeLimit(.minutes(1)))
struct HTTPRouteCORSTests {
    private static let origin = "access-control-allow-origin"
    private static let credentials = "access-control-allow-credentials"
    private static let methods = "access-control-allow-methods"
    private static let allowed = "access-control-allow-headers"
    private static let exposed = "access-control-expose-headers"

    private static func preflight(
        _ path: String, from origin: String, method: String, headers: String? = nil,
        _ answers: [String: [String]], absent: [String] = []
    ) -> Case {
        var item = Case(path: path, method: "OPTIONS")
        item.headers = ["Origin": origin, "access-control-request-method": method]
        if let headers { item.headers["access-control-request-headers"] = headers }
        item.statuses = [200, 204]
        item.answers = answers
        item.unanswered = absent
        return item
    }

    private static func simple(
        _ path: String, from origin: String, method: String = "GET", _ answers: [String: [String]],
        absent: [String] = []
    ) -> Case {
        var item = Case.served(path, ["Origin": origin], method: method, by: Conformance.v1)
        item.answers = answers
        item.unanswered = absent
        return item
    }

    private static let asked = "x-header-1, x-header-2"
    private static let either = ["x-header-1, x-header-2", "x-header-2, x-header-1"]

    private static func full(_ origin: String) -> [String: [String]] {
        [
            Self.origin: [origin], methods: ["GET, OPTIONS", "OPTIONS, GET"], allowed: either,
            exposed: ["x-header-3, x-header-4", "x-header-4, x-header-3"], "access-control-max-age": ["3600"],
            credentials: ["true"],
        ]
    }

    private static let listed: [Case] =
        ["https://www.foo.com", "https://www.bar.com", "https://xpto.www.bar.com"].map {
            preflight("/cors-1", from: $0, method: "GET", headers: asked, full($0))
        } + [
            preflight("/cors-1", from: "https://foobar.com", method: "GET", [:], absent: [origin]),
            simple("/cors-1", from: "https://www.foo.com", [origin: ["https://www.foo.com"]]),
            simple("/cors-1", from: "https://www.bar.com", [origin: ["https://www.bar.com"]]),
            simple("/cors-1", from: "https://foobar.com", [:], absent: [origin]),
            preflight(
                "/cors-2", from: "https://www.foo.com", method: "POST",
                [methods: ["POST", "*"], origin: ["https://www.foo.com"]], absent: [credentials]),
        ]

    private static let anyOrigin: [Case] =
        ["https://foobar.com", "https://foobar.com:12345"].flatMap { asking in
            [
                preflight(
                    "/cors-wildcard-origin", from: asking, method: "PUT",
                    [origin: [asking, "*"], methods: ["PUT"]], absent: [credentials]),
                simple(
                    "/cors-wildcard-origin", from: asking, method: "PUT", [origin: [asking, "*"]],
                    absent: [credentials]),
            ]
        }

    private static let anything: [Case] = [
        preflight(
            "/cors-wildcard-methods-headers", from: "https://other.foo.com", method: "PUT", headers: asked,
            [origin: ["https://other.foo.com"], methods: ["PUT"], allowed: either, credentials: ["true"]]),
        preflight(
            "/cors-wildcard-methods-headers-unauth", from: "https://other.foo.com", method: "PUT", headers: asked,
            [origin: ["https://other.foo.com", "*"], methods: ["PUT", "*"], allowed: either + ["*"]],
            absent: [credentials]),
        simple(
            "/cors-wildcard-methods-headers", from: "https://other.foo.com",
            [origin: ["https://other.foo.com"], credentials: ["true"]]),
        simple(
            "/cors-wildcard-methods-headers-unauth", from: "https://other.foo.com",
            [origin: ["https://other.foo.com", "*"]], absent: [credentials]),
    ]

    @Test("HTTPRouteCORS")
    func cors() async throws {
        try await Conformance.run(
            "httproute-cors",
            routes: [
                "cors-multiple-origins-methods-headers", "cors-wildcard-methods", "cors-wildcard-origin",
                "cors-wildcard-methods-headers",
            ], Self.listed + Self.anyOrigin + Self.anything)
    }
}
