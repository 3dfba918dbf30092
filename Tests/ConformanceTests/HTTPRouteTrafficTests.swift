import Foundation
import GatewayWorkbench
import Testing

/// How requests are spread, timed, repeated and secured. Each test is named by the upstream test's ShortName.
@Suite(
    "HTTPRoute conformance: traffic", .enabled(if: Manifests.areThere, "no conformance manifests in ../shared/data"),
    .timeLimit(.minutes(1)))
struct HTTPRouteTrafficTests {
    private let v1 = Conformance.v1
    private let v2 = Conformance.v2
    private let v3 = Conformance.v3

    @Test("HTTPRouteWeight")
    func weight() async throws {
        try await Conformance.with("httproute-weight") { environment in
            let total = 500
            var counts: [String: Int] = [:]
            for _ in 0..<total {
                let answer = try await Case(path: "/").send(to: environment.edge)
                let echo = try JSONDecoder().decode(Case.Echo.self, from: Data(answer.body))
                counts[echo.pod.split(separator: "-").dropLast(2).joined(separator: "-"), default: 0] += 1
            }
            // The suite allows 5 % and retries; at 500 requests that is 2.4 standard deviations, so here it is five.
            for (backend, share) in [(v1, 0.7), (v2, 0.3)] {
                let found = Double(counts[backend] ?? 0) / Double(total)
                #expect(abs(found - share) < 0.103, "\(backend): \(found)")
            }
            #expect(counts[v3] == nil)
        }
    }

    @Test("HTTPRouteTimeoutRequest")
    func timeoutRequest() async throws {
        try await Conformance.run(
            "httproute-timeout-request", routes: ["request-timeout"],
            [
                .served("/request-timeout", by: v1), .refused("/request-timeout?delay=1s", status: 504),
                .served("/disable-request-timeout?delay=1s", by: v1),
            ])
    }

    @Test("HTTPRouteTimeoutBackendRequest")
    func timeoutBackendRequest() async throws {
        try await Conformance.run(
            "httproute-timeout-backend-request", routes: ["backend-request-timeout"],
            [
                .served("/backend-timeout", by: v1), .refused("/backend-timeout?delay=1s", status: 504),
                .served("/disable-backend-timeout?delay=1s", by: v1),
            ])
    }

    @Test("HTTPRouteRetry")
    func retry() async throws {
        let first = "/retry/code-500-attempts-3"
        let second = "/retry/code-all-attempts-2"
        var cases: [(path: String, code: Int, succeedAfter: Int, status: Int)] = [
            (first, 500, 2, 200), (first, 500, 4, 500), (first, 503, 2, 503),
        ]
        for code in [500, 502, 503, 504] { cases += [(second, code, 1, 200), (second, code, 3, code)] }
        try await Conformance.with("httproute-retry") { environment in
            for (index, item) in cases.enumerated() {
                let query = "uuid=case-\(index)&responseCode=\(item.code)&succeedAfter=\(item.succeedAfter)"
                var expected = Case.served("\(item.path)?\(query)", by: v3)
                expected.statuses = [item.status]
                try await expected.run(on: environment.edge)
            }
        }
    }

    @Test("HTTPRouteBackendProtocolH2C")
    func backendProtocolH2C() async throws {
        try await Conformance.with("httproute-backend-protocol-h2c") { environment in
            for version in [Destination.HTTPVersion.http2, .http1] {
                var item = Case.served("/", by: v1)
                item.version = version
                let answer = try await item.send(to: environment.edge)
                #expect(answer.status == 200)
                let echo = try JSONDecoder().decode(Case.Echo.self, from: Data(answer.body))
                #expect(echo.proto == "HTTP/2.0")
                #expect(echo.pod.hasPrefix(v1))
            }
        }
    }

    @Test("HTTPRouteBackendProtocolWebSocket")
    func backendProtocolWebSocket() async throws {
        try await Conformance.with("httproute-backend-protocol-websocket") { environment in
            let port = try environment.edge.port()
            let socket = try await WebSocketClient.open("ws://127.0.0.1:\(port)/ws")
            try await socket.send(text: "Websocket Support!")
            #expect(try await socket.receive() == .text("Websocket Support!"))
            try await socket.send(binary: [1, 2, 3, 4, 5, 6, 7])
            #expect(try await socket.receive() == .binary([1, 2, 3, 4, 5, 6, 7]))
            await socket.drop()
        }
    }

    // MARK: TLS

    private func secure(
        _ path: String, serverName: String, host: String, _ status: Int, by backend: String? = nil,
        version: Destination.HTTPVersion = .automatic
    ) -> Case {
        Case(
            path: path, host: host, serverName: serverName, version: version, statuses: [status], backend: backend)
    }

    @Test("HTTPRouteHTTPSListener")
    func httpsListener() async throws {
        try await Conformance.run(
            "httproute-https-listener", gateway: "same-namespace-with-https-listener",
            routes: ["httproute-https-test", "httproute-https-test-no-hostname"],
            [
                secure("/", serverName: "example.org", host: "example.org", 200, by: v1),
                secure("/", serverName: "unknown-example.org", host: "unknown-example.org", 404),
                secure("/", serverName: "second-example.org", host: "second-example.org", 200, by: v2),
            ])
    }

    @Test("HTTPRouteHTTPSListenerDetectMisdirectedRequests")
    func misdirected() async throws {
        let third = "third-example.wildcard.org"
        let fourth = "fourth-example.wildcard.org"
        let fifth = "fith-example.wildcard.org"
        let (first, second, unknown) = ("example.org", "second-example.org", "unknown-example.org")
        let cases: [(serverName: String, host: String, status: Int, backend: String?)] = [
            (first, first, 200, v1), (first, second, 421, nil), (first, unknown, 404, nil),
            (second, second, 200, v2), (second, first, 421, nil), (second, unknown, 421, nil),
            (third, third, 200, v3), (third, fifth, 200, v3), (third, fourth, 421, nil), (third, second, 421, nil),
            (third, unknown, 421, nil), (fourth, fourth, 200, v1), (fourth, fifth, 421, nil),
            (unknown, first, 200, v1), (unknown, unknown, 404, nil),
        ]
        let routes = (1...4).map { "https-listener-detect-misdirected-requests-test-\($0)" }
        for version in [Destination.HTTPVersion.http2, .http1] {
            try await Conformance.run(
                "httproute-https-listener-detect-misdirected-requests", gateway: "same-namespace-with-https-listener",
                routes: routes,
                cases.map {
                    secure(
                        "/detect-misdirected-requests", serverName: $0.serverName, host: $0.host, $0.status,
                        by: $0.backend, version: version)
                })
        }
    }
}
