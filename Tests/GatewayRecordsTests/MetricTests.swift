import Foundation
import GatewayModel
import GatewayWire
import Testing

@testable import GatewayRecords

/// A registry with some of everything counted on two loops.
private func registry() -> MetricRegistry {
    let registry = MetricRegistry()
    var (record, _) = exchange()
    record.routeID = registry.routeSlot("prod/a\"pp")
    record.backendID = registry.backendSlot("prod/app-v1")
    record.attempts = 2
    for _ in 0..<2 {
        let loop = registry.makeLoop()
        for _ in 0..<5 { loop.count(record) }
        loop.add(.connectionsAccepted, 3)
        loop.change(.connectionsActive, by: 4)
        loop.change(.connectionsIdle, backend: record.backendID, by: 2)
        loop.change(.connectionsIdle, backend: record.backendID, by: -1)
        loop.publish()
    }
    registry.process.reloadApplied(revision: 7, wallSeconds: 1_795_463_161)
    registry.process.reloadRefused()
    registry.process.setHealth(backend: "prod/app-v1", address: "127.0.0.1:9000", isHealthy: false)
    return registry
}

@Suite("Metrics are one table, and a scrape is their sum over loops")
struct MetricTests {
    @Test("the catalogue and the scrape name the same metrics in the same order")
    func catalogue() {
        for edition in GenAINames.allCases {
            let metrics = MetricCatalog.all(edition)
            let names = metrics.map(\.name)
            #expect(
                MetricRegistry(names: edition).collect().families().map(\.description.name) == names)
            #expect(Set(names).count == names.count)
            for metric in metrics {
                let isOurs = metric.name.hasPrefix("sluice_")
                #expect(isOurs || metric.name.hasPrefix("gen_ai_") || metric.name.hasPrefix("mcp_"))
                #expect(isOurs == (metric.telemetry == nil))
                #expect(metric.help.hasSuffix("."))
                #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"))
                let isTokens = metric.telemetry?.unit == "{token}"
                #expect(metric.kind != .histogram || isTokens || metric.name.hasSuffix("_seconds"))
            }
        }
    }

    @Test(
        "lines of a scrape",
        arguments: [
            #"sluice_requests_total{route="prod/a\"pp",status_class="2xx",protocol="HTTP/1.1"} 10"#,
            #"sluice_request_duration_seconds_bucket{route="prod/a\"pp",le="0.001"} 0"#,
            #"sluice_request_duration_seconds_bucket{route="prod/a\"pp",le="0.0025"} 10"#,
            #"sluice_request_duration_seconds_bucket{route="prod/a\"pp",le="+Inf"} 10"#,
            #"sluice_request_duration_seconds_sum{route="prod/a\"pp"} 0.025000000"#,
            #"sluice_request_duration_seconds_count{route="prod/a\"pp"} 10"#,
            #"sluice_backend_attempts_total{backend="prod/app-v1"} 20"#,
            #"sluice_backend_retries_total{backend="prod/app-v1"} 10"#,
            #"sluice_backend_connections_idle{backend="prod/app-v1"} 2"#,
            "sluice_connections_total 6", "sluice_connections_active 8", "sluice_config_revision 7",
            #"sluice_config_reloads_total{result="refused"} 1"#,
            #"sluice_endpoint_healthy{backend="prod/app-v1",endpoint="127.0.0.1:9000"} 0"#,
            "# TYPE sluice_requests_total counter",
        ])
    func lines(expected: String) {
        let text = String(decoding: PrometheusText.render(registry()), as: UTF8.self)
        #expect(text.split(separator: "\n").contains(Substring(expected)))
    }

    @Test("OpenMetrics for who asks, with its end mark")
    func openMetrics() {
        let format = PrometheusText.Format(accept: "application/openmetrics-text;version=1.0.0, text/plain;q=0.5")
        #expect(format == .openMetrics)
        #expect(PrometheusText.Format(accept: "*/*") == .prometheus)
        let text = String(decoding: PrometheusText.render(registry(), format: format), as: UTF8.self)
        #expect(text.hasSuffix("# EOF\n"))
        #expect(text.contains("# TYPE sluice_requests counter\nsluice_requests_total{"))
    }

    @Test(
        "bounds belong to the bucket below",
        arguments: [(0, 0), (500_000, 0), (500_001, 1), (300_000_000_000, 17), (300_000_000_001, 18)] as [(UInt64, Int)]
    )
    func buckets(nanoseconds: UInt64, bucket: Int) {
        #expect(DurationBuckets.index(nanoseconds) == bucket)
        #expect(DurationBuckets.upperNanoseconds.count == DurationBuckets.upperSeconds.count)
    }

    @Test("a tick publishes once a second, and only what changed")
    func tick() {
        let registry = MetricRegistry()
        let loop = registry.makeLoop()
        let second: UInt64 = 1_000_000_000
        func accepted() -> UInt64 {
            registry.collect().values.counters[Int(LoopCounter.connectionsAccepted.rawValue)]
        }
        loop.add(.connectionsAccepted)
        loop.tick(nowNanoseconds: 5 * second)
        #expect(accepted() == 1)
        loop.add(.connectionsAccepted)
        loop.tick(nowNanoseconds: 5 * second + 999_999_999)
        #expect(accepted() == 1)
        loop.tick(nowNanoseconds: 6 * second)
        #expect(accepted() == 2)
    }

    @Test("OTLP metrics are JSON of the right shape")
    func otlp() throws {
        let body = OTLPMetrics.encode(
            registry().collect().families(), resource: OTLPResource(serviceVersion: "1"), startNanoseconds: 1,
            nowNanoseconds: 2)
        let root = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        let resource = try #require((root["resourceMetrics"] as? [[String: Any]])?.first)
        let metrics = try #require(
            (resource["scopeMetrics"] as? [[String: Any]])?.first?["metrics"] as? [[String: Any]])
        let duration = try #require(metrics.first { $0["name"] as? String == "sluice_request_duration_seconds" })
        let histogram = try #require(duration["histogram"] as? [String: Any])
        #expect(histogram["aggregationTemporality"] as? Int == 2)
        let point = try #require((histogram["dataPoints"] as? [[String: Any]])?.first)
        #expect(point["count"] as? String == "10")
        #expect(
            (point["bucketCounts"] as? [String])?.count == (point["explicitBounds"] as? [Double]).map { $0.count + 1 })
        #expect(point["timeUnixNano"] as? String == "2")
        let requests = try #require(metrics.first { $0["name"] as? String == "sluice_requests_total" })
        #expect((requests["sum"] as? [String: Any])?["isMonotonic"] as? Bool == true)
    }
}
