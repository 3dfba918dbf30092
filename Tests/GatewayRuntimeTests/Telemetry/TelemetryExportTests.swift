import Foundation
import GatewayModel
import GatewayRuntime
import GatewayWorkbench
import Testing

@Suite("traces and metrics reach a collector, and never hold up a request", .timeLimit(.minutes(1)))
struct TelemetryExportTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "b7ad6b7169203331"

    private static func collector(_ url: String, ratio: Double) throws -> TelemetryCollector {
        var collector = try TelemetryCollector(
            url: url, fields: [TelemetryCollector.Field(name: "x-token", value: Secret("s3cret"))])
        collector.samplingRatio = ratio
        collector.intervalMilliseconds = 50
        collector.metricsIntervalMilliseconds = 100
        return collector
    }

    /// The spans in what a collector received.
    static func spans(_ collector: MockHTTPServer) throws -> [[String: Any]] {
        try collector.journal.requests.filter { $0.path.hasSuffix("/v1/traces") && $0.complete }.flatMap { request in
            let root = try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
            let resources = root?["resourceSpans"] as? [[String: Any]] ?? []
            let scopes = resources.flatMap { $0["scopeSpans"] as? [[String: Any]] ?? [] }
            return scopes.flatMap { $0["spans"] as? [[String: Any]] ?? [] }
        }
    }

    static func attribute(_ span: [String: Any], _ name: String) -> String? {
        let all = span["attributes"] as? [[String: Any]] ?? []
        let value = all.first { $0["key"] as? String == name }?["value"] as? [String: Any]
        return value?["stringValue"] as? String ?? value?["intValue"] as? String
    }

    @Test func `a sampled request becomes two spans of the caller's trace`() async throws {
        let backend = try await MockHTTPServer.start()
        let collector = try await MockHTTPServer.start()
        let telemetry = try Self.collector("http://\(collector.authority)/otlp/", ratio: 0)
        try await GatewayRig.run(
            GatewayRig.configuration(port: backend.port), otlp: telemetry
        ) { rig async throws in
            let context = "00-\(Self.trace)-\(Self.parent)-01"
            #expect(try await rig.get("/a?b=1", [Header("traceparent", context)]).status == 200)
            // Not sampled by its caller, and not sampled by a ratio of nought.
            _ = try await rig.get("/unsampled", [Header("traceparent", "00-\(Self.trace)-\(Self.parent)-00")])
            _ = try await rig.get("/no-caller")
        }
        // The gateway has stopped, and sent what it had.
        let spans = try Self.spans(collector)
        #expect(spans.count == 2)
        let server = try #require(spans.first { $0["kind"] as? Int == 2 })
        let client = try #require(spans.first { $0["kind"] as? Int == 3 })
        #expect(server["traceId"] as? String == Self.trace)
        #expect(server["parentSpanId"] as? String == Self.parent)
        #expect(client["traceId"] as? String == Self.trace)
        #expect(client["parentSpanId"] as? String == server["spanId"] as? String)
        let forwarded = backend.journal.requests.first?.headers.first("traceparent")
        #expect(forwarded == "00-\(Self.trace)-\(client["spanId"] as? String ?? "")-01")
        #expect(Self.attribute(server, "http.request.method") == "GET")
        #expect(Self.attribute(server, "http.response.status_code") == "200")
        #expect(Self.attribute(server, "url.path") == "/a")
        #expect(Self.attribute(server, "http.route") == "default/app")
        #expect(Self.attribute(client, "server.port") == "\(backend.port)")
        let first = try #require(collector.journal.requests.first)
        #expect(first.method == "POST")
        #expect(first.headers.first("x-token") == "s3cret")
        #expect(first.headers.first("content-type") == "application/json")
        let metrics = collector.journal.requests.filter { $0.path == "/otlp/v1/metrics" && $0.complete }
        #expect(metrics.contains { $0.bodyText.contains("sluice_requests_total") })
        await backend.stop()
        await collector.stop()
    }

    @Test(arguments: [(1.0, 20), (0.0, 0)])
    func `the ratio decides where no caller has`(ratio: Double, expected: Int) async throws {
        let backend = try await MockHTTPServer.start()
        let collector = try await MockHTTPServer.start()
        let telemetry = try Self.collector("http://\(collector.authority)", ratio: ratio)
        try await GatewayRig.run(
            GatewayRig.configuration(port: backend.port), otlp: telemetry
        ) { rig async throws in
            for _ in 0..<20 { #expect(try await rig.get().status == 200) }
        }
        #expect(try Self.spans(collector).count { $0["kind"] as? Int == 2 } == expected)
        let flags = backend.journal.requests.map { $0.headers.first("traceparent")?.suffix(3) }
        #expect(flags.allSatisfy { $0 == (expected > 0 ? "-01" : "-00") })
        await backend.stop()
        await collector.stop()
    }

    @Test func `a collector that is down costs spans and nothing else`() async throws {
        let backend = try await MockHTTPServer.start()
        let gone = try await MockHTTPServer.start()
        let telemetry = try Self.collector("http://\(gone.authority)", ratio: 1)
        await gone.stop()
        let clock = ContinuousClock()
        var stopping = clock.now
        var dropped: () -> UInt64 = { 0 }
        try await GatewayRig.run(
            GatewayRig.configuration(port: backend.port), otlp: telemetry
        ) { rig async throws in
            for _ in 0..<10 { #expect(try await rig.get().status == 200) }
            dropped = { rig.gateway.droppedSpans }
            stopping = clock.now
        }
        #expect(clock.now - stopping < .seconds(10))
        #expect(dropped() == 10)
        await backend.stop()
    }

    @Test func `the variables of the specification are read`() throws {
        let collector = try #require(
            try TelemetryCollector(environment: [
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example:4318/x",
                "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc, x-a = 1 ,",
                "OTEL_TRACES_SAMPLER_ARG": "0.25",
            ]))
        #expect(collector.url == "https://collector.example:4318/x")
        #expect(collector.fields.map(\.name) == ["authorization", "x-a"])
        let values = collector.fields.map { $0.value.reveal { String(decoding: $0, as: UTF8.self) } }
        #expect(values == ["Bearer abc", "1"])
        #expect(collector.samplingRatio == 0.25)
        let none = try TelemetryCollector(environment: [:])
        #expect(none.map(\.url) == nil)
    }

    @Test(arguments: [
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_HEADERS": "novalue"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_SAMPLER_ARG": "2"],
    ])
    func `and refused when they make no sense`(environment: [String: String]) {
        #expect(throws: GatewayError.self) { try TelemetryCollector(environment: environment) }
    }
}
