import Foundation
import GatewayWorkbench
import Testing

/// What filters change on the way. Each test is named by the upstream test's ShortName.
@Suite(
    "HTTPRoute conformance: filters", .enabled(if: Manifests.areThere, "no conformance manifests in ../shared/data"),
    .timeLimit(.minutes(1)))
struct HTTPRouteFilterTests {
    private let v1 = Conformance.v1
    private let v2 = Conformance.v2
    private let v3 = Conformance.v3

    /// A request whose headers the backend must see in another form.
    private static func modified(
        _ path: String, host: String? = nil, _ headers: [String: String], seen: [String: String] = [:],
        unseen: [String] = [], seenPath: String? = nil, seenHost: String? = nil, by backend: String = Conformance.v1
    ) -> Case {
        var item = Case.served(path, host: host, headers, by: backend)
        item.seen = seen
        item.unseen = unseen
        item.seenPath = seenPath
        item.seenHost = seenHost
        return item
    }

    private static let requestHeaderCases: [Case] = [
        modified(
            "/set", ["Some-Other-Header": "val"],
            seen: ["Some-Other-Header": "val", "X-Header-Set": "set-overwrites-values"]),
        modified(
            "/set", ["Some-Other-Header": "val", "X-Header-Set": "some-other-value"],
            seen: ["Some-Other-Header": "val", "X-Header-Set": "set-overwrites-values"]),
        modified(
            "/add", ["Some-Other-Header": "val"],
            seen: ["Some-Other-Header": "val", "X-Header-Add": "add-appends-values"]),
        modified(
            "/add", ["Some-Other-Header": "val", "X-Header-Add": "some-other-value"],
            seen: ["Some-Other-Header": "val", "X-Header-Add": "some-other-value,add-appends-values"]),
        modified("/remove", ["X-Header-Remove": "val"], unseen: ["X-Header-Remove"]),
        modified(
            "/multiple",
            [
                "X-Header-Set-2": "set-val-2", "X-Header-Add-2": "add-val-2", "X-Header-Remove-2": "remove-val-2",
                "Another-Header": "another-header-val",
            ],
            seen: [
                "X-Header-Set-1": "header-set-1", "X-Header-Set-2": "header-set-2", "X-Header-Add-1": "header-add-1",
                "X-Header-Add-2": "add-val-2,header-add-2", "X-Header-Add-3": "header-add-3",
                "Another-Header": "another-header-val",
            ], unseen: ["X-Header-Remove-1", "X-Header-Remove-2"]),
        modified(
            "/case-insensitivity",
            [
                "x-header-set": "original-val-set", "x-header-add": "original-val-add",
                "x-header-remove": "original-val-remove", "Another-Header": "another-header-val",
            ],
            seen: [
                "X-Header-Set": "header-set", "X-Header-Add": "original-val-add,header-add",
                "Another-Header": "another-header-val",
            ], unseen: ["X-Header-Remove"]),
    ]

    @Test("HTTPRouteRequestHeaderModifier")
    func requestHeaderModifier() async throws {
        try await Conformance.run(
            "httproute-request-header-modifier", routes: ["request-header-modifier"], Self.requestHeaderCases)
    }

    @Test("HTTPRouteBackendRequestHeaderModifier")
    func backendRequestHeaderModifier() async throws {
        try await Conformance.run(
            "httproute-request-header-modifier-backend", routes: ["request-header-modifier"], Self.requestHeaderCases)
    }

    @Test("HTTPRouteRequestHeaderModifierBackendWeights")
    func backendWeights() async throws {
        try await Conformance.with("httproute-request-header-modifier-backend-weights") { environment in
            var seen: Set<String> = []
            for _ in 0..<100 {
                let answer = try await Case(path: "/").send(to: environment.edge)
                let echo = try JSONDecoder().decode(Case.Echo.self, from: Data(answer.body))
                let backend = try #require(echo.headers["Backend"])
                #expect(backend.count == 1)
                #expect(echo.pod.hasPrefix(backend[0]))
                seen.insert(backend[0])
            }
            #expect(seen.count > 1)
        }
    }

    /// A response that must come back in another form.
    private static func answered(
        _ path: String, set: [String: String], _ answers: [String: String] = [:], absent: [String] = []
    ) -> Case {
        var item = Case.served(path, by: Conformance.v1)
        item.backendAnswers = set
        item.answers = answers.mapValues { [$0] }
        item.unanswered = absent
        return item
    }

    private static var bothModifiers: Case {
        var both = answered(
            "/response-and-request-header-modifiers",
            set: [
                "X-Header-Set-2": "set-val-2", "X-Header-Add-2": "add-val-2", "X-Header-Remove-2": "remove-val-2",
                "Another-Header": "another-header-val", "X-Header-Remove-1": "remove-val-1", "X-Header-Echo": "echo",
            ],
            [
                "X-Header-Set-1": "header-set-1", "X-Header-Set-2": "header-set-2", "X-Header-Add-1": "header-add-1",
                "X-Header-Add-2": "add-val-2,header-add-2", "Another-Header": "another-header-val",
                "X-Header-Echo": "echo",
            ], absent: ["X-Header-Remove-1", "X-Header-Remove-2"])
        both.headers = [
            "X-Header-Remove": "remove-val", "X-Header-Add-Append": "append-val-1", "X-Header-Echo": "echo",
        ]
        both.seen = [
            "X-Header-Add": "header-val-1", "X-Header-Set": "set-overwrites-values",
            "X-Header-Add-Append": "append-val-1,header-val-2", "X-Header-Echo": "echo",
        ]
        both.unseen = ["X-Header-Remove"]
        return both
    }

    @Test("HTTPRouteResponseHeaderModifier")
    func responseHeaderModifier() async throws {
        try await Conformance.run(
            "httproute-response-header-modifier", routes: ["response-header-modifier"],
            [
                Self.answered(
                    "/set", set: ["Some-Other-Header": "val"],
                    ["Some-Other-Header": "val", "X-Header-Set": "set-overwrites-values"]),
                Self.answered(
                    "/set", set: ["Some-Other-Header": "val", "X-Header-Set": "some-other-value"],
                    ["Some-Other-Header": "val", "X-Header-Set": "set-overwrites-values"]),
                Self.answered(
                    "/add", set: ["Some-Other-Header": "val"],
                    ["Some-Other-Header": "val", "X-Header-Add": "add-appends-values"]),
                Self.answered(
                    "/add", set: ["Some-Other-Header": "val", "X-Header-Add": "some-other-value"],
                    ["Some-Other-Header": "val", "X-Header-Add": "some-other-value,add-appends-values"]),
                Self.answered("/remove", set: ["X-Header-Remove": "val"], absent: ["X-Header-Remove"]),
                Self.answered(
                    "/multiple",
                    set: [
                        "X-Header-Set-2": "set-val-2", "X-Header-Add-2": "add-val-2",
                        "X-Header-Remove-2": "remove-val-2", "Another-Header": "another-header-val",
                        "X-Header-Remove-1": "val",
                    ],
                    [
                        "X-Header-Set-1": "header-set-1", "X-Header-Set-2": "header-set-2",
                        "X-Header-Add-1": "header-add-1", "X-Header-Add-2": "add-val-2,header-add-2",
                        "X-Header-Add-3": "header-add-3", "Another-Header": "another-header-val",
                    ], absent: ["X-Header-Remove-1", "X-Header-Remove-2"]),
                Self.answered(
                    "/case-insensitivity",
                    set: [
                        "x-header-set": "original-val-set", "x-header-add": "original-val-add",
                        "x-header-remove": "original-val-remove", "Another-Header": "another-header-val",
                    ],
                    [
                        "X-Header-Set": "header-set", "X-Header-Add": "original-val-add,header-add",
                        "X-Lowercase-Add": "lowercase-add", "X-Mixedcase-Add-1": "mixedcase-add-1",
                        "X-Mixedcase-Add-2": "mixedcase-add-2", "X-Uppercase-Add": "uppercase-add",
                        "Another-Header": "another-header-val",
                    ], absent: ["X-Header-Remove"]),
                Self.bothModifiers,
            ])
    }

    private static let modifiedSeen = [
        "X-Header-Add": "header-val-1", "X-Header-Add-Append": "append-val-1,header-val-2",
        "X-Header-Set": "set-overwrites-values",
    ]
    private static let modifiedAsked = ["X-Header-Remove": "remove-val", "X-Header-Add-Append": "append-val-1"]

    @Test("HTTPRouteRewriteHost")
    func rewriteHost() async throws {
        let host = "rewrite.example"
        try await Conformance.run(
            "httproute-rewrite-host", routes: ["rewrite-host"],
            [
                Self.modified("/one", host: host, [:], seenHost: "one.example.org"),
                Self.modified("/two", host: host, [:], seenHost: "example.org", by: v2),
                Self.modified(
                    "/rewrite-host-and-modify-headers", host: host, Self.modifiedAsked, seen: Self.modifiedSeen,
                    unseen: ["X-Header-Remove"], seenHost: "test.example.org", by: v2),
            ])
    }

    @Test("HTTPRouteRewritePath")
    func rewritePath() async throws {
        var asked = Self.modifiedAsked
        asked["X-Header-Set"] = "set-val"
        try await Conformance.run(
            "httproute-rewrite-path", routes: ["rewrite-path"],
            [
                Self.modified("/prefix/one/two", [:], seenPath: "/one/two"),
                Self.modified("/strip-prefix/three", [:], seenPath: "/three"),
                Self.modified("/strip-prefix", [:], seenPath: "/"),
                Self.modified("/full/one/two", [:], seenPath: "/one"),
                Self.modified(
                    "/full/rewrite-path-and-modify-headers/test", asked, seen: Self.modifiedSeen,
                    unseen: ["X-Header-Remove"], seenPath: "/test"),
                Self.modified(
                    "/prefix/rewrite-path-and-modify-headers/one", asked, seen: Self.modifiedSeen,
                    unseen: ["X-Header-Remove"], seenPath: "/prefix/one"),
            ])
    }

    // MARK: Mirrors

    /// Sends the request and waits until every named Service has its copy.
    private func mirrored(_ item: Case, to services: [String], _ environment: Conformance.Environment) async throws {
        for service in services { environment.pods.of(service)[0].server.journal.clear() }
        try await item.run(on: environment.edge)
        for service in services {
            let journal = environment.pods.of(service)[0].server.journal
            try await journal.wait(received: 1, completed: 1)
            let copy = try #require(journal.requests.first)
            #expect(copy.target == item.path)
            for (name, value) in item.seen {
                #expect(copy.headers.all(name).joined(separator: ",") == value, "\(service) \(name)")
            }
            for name in item.unseen { #expect(!copy.headers.has(name), "\(service) \(name)") }
        }
    }

    @Test("HTTPRouteRequestMirror")
    func requestMirror() async throws {
        try await Conformance.with("httproute-request-mirror", replicas: 1) { environment in
            try await mirrored(.served("/mirror?id=1", by: v1), to: [v2], environment)
            let modified = Self.modified(
                "/mirror-and-modify-headers?id=2", Self.modifiedAsked, seen: Self.modifiedSeen,
                unseen: ["X-Header-Remove"])
            try await mirrored(modified, to: [v2], environment)
        }
    }

    @Test("HTTPRouteRequestMultipleMirrors")
    func multipleMirrors() async throws {
        try await Conformance.with("httproute-request-multiple-mirrors", replicas: 1) { environment in
            try await mirrored(.served("/multi-mirror?id=1", by: v1), to: [v2, v3], environment)
            let modified = Self.modified(
                "/multi-mirror-and-modify-request-headers?id=2", Self.modifiedAsked, seen: Self.modifiedSeen,
                unseen: ["X-Header-Remove"])
            try await mirrored(modified, to: [v2, v3], environment)
        }
    }

    @Test("HTTPRouteRequestPercentageMirror")
    func percentageMirror() async throws {
        try await Conformance.with("httproute-request-percentage-mirror", replicas: 1) { environment in
            let journal = environment.pods.of(v2)[0].server.journal
            let cases: [(path: String, share: Double)] = [
                ("/percent-mirror", 0.2), ("/percent-mirror-fraction", 0.5),
                ("/percent-mirror-and-modify-headers", 0.35),
            ]
            let total = 400
            for (path, share) in cases {
                journal.clear()
                for index in 0..<total {
                    try await Case.served("\(path)?id=\(index)", by: v1).run(on: environment.edge)
                }
                // Five standard deviations: a right implementation fails less than once in a million runs.
                let margin = 5 * (Double(total) * share * (1 - share)).squareRoot()
                let expected = Double(total) * share
                try await journal.wait(received: Int(expected - margin))
                #expect(Double(journal.receivedCount) <= expected + margin, "\(path)")
            }
        }
    }
}
