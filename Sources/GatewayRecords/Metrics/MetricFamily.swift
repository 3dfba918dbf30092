/// A metric with its numbers: what both the Prometheus and the OTLP forms are written from.
struct MetricFamily: Sendable {
    enum Number: Sendable {
        case count(UInt64)
        case level(Int)
        /// Counts by bucket, not yet cumulative.
        case histogram(
            buckets: [UInt64], sumNanoseconds: UInt64, bounds: [StaticString] = DurationBuckets.upperSeconds)
        /// The same of token counts.
        case tokens(buckets: [UInt64], sum: UInt64)
        /// A growing amount of US dollars.
        case money(picodollars: UInt64)

        /// What a histogram is written from: counts, bounds and the sum as a decimal number.
        var distribution: (buckets: [UInt64], bounds: [StaticString], sum: String)? {
            switch self {
            case .histogram(let buckets, let sum, let bounds): (buckets, bounds, PrometheusText.seconds(sum))
            case .tokens(let buckets, let sum): (buckets, TokenBuckets.upper, String(sum))
            case .count, .level, .money: nil
            }
        }
    }

    struct Point: Sendable {
        /// Values in the order of the description's labels.
        var labels: [String]
        var number: Number
    }

    var description: MetricDescription
    var points: [Point]
}

extension MetricSample {
    private static let statusClasses = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]
    private static let protocols: [RequestRecord.WireProtocol] = [.http10, .http11, .http2, .websocket, .upgrade]
    private static let outcomes: [RequestRecord.Outcome] = [
        .completed, .clientAborted, .upstreamFailed, .refused, .timedOut, .upgraded,
    ]

    /// All families in the catalog's order. Slots that never counted anything are left out.
    func families() -> [MetricFamily] {
        routeFamilies() + backendFamilies() + modelFamilies() + toolFamilies() + ledgerFamilies() + auditFamilies()
            + loopFamilies() + processFamilies()
    }

    /// Slot 0 is shown as `none`: requests without a route, and those of routes past the bound.
    private static func label(_ name: String) -> String { name.isEmpty ? "none" : name }

    private func routeFamilies() -> [MetricFamily] {
        var requests = MetricFamily(description: MetricCatalog.requests, points: [])
        var outcomes = MetricFamily(description: MetricCatalog.outcomes, points: [])
        var durations = MetricFamily(description: MetricCatalog.duration, points: [])
        var bytesIn = MetricFamily(description: MetricCatalog.bytesIn, points: [])
        var bytesOut = MetricFamily(description: MetricCatalog.bytesOut, points: [])
        var limited = MetricFamily(description: MetricCatalog.routeRateLimited, points: [])
        for (slot, name) in routes.enumerated() {
            let start = slot * RouteLayout.stride
            guard start + RouteLayout.stride <= values.routes.count else { break }
            let words = Array(values.routes[start..<(start + RouteLayout.stride)])
            let label = MetricSample.label(name)
            let buckets = Array(words[RouteLayout.buckets...])
            guard buckets.contains(where: { $0 > 0 }) else { continue }
            for (statusClass, className) in MetricSample.statusClasses.enumerated() {
                for wire in MetricSample.protocols {
                    let count =
                        words[RouteLayout.requests + statusClass * RouteLayout.protocols + Int(wire.rawValue)]
                    guard count > 0 else { continue }
                    requests.points.append(
                        .init(labels: [label, className, wire.name.description], number: .count(count)))
                }
            }
            for outcome in MetricSample.outcomes {
                let count = words[RouteLayout.outcomes + Int(outcome.rawValue)]
                guard count > 0 else { continue }
                outcomes.points.append(.init(labels: [label, outcome.logName.description], number: .count(count)))
            }
            durations.points.append(
                .init(
                    labels: [label],
                    number: .histogram(buckets: buckets, sumNanoseconds: words[RouteLayout.durationSum])))
            bytesIn.points.append(.init(labels: [label], number: .count(words[RouteLayout.bytesIn])))
            bytesOut.points.append(.init(labels: [label], number: .count(words[RouteLayout.bytesOut])))
            limited.points.append(.init(labels: [label], number: .count(words[RouteLayout.rateLimited])))
        }
        return [requests, outcomes, durations, bytesIn, bytesOut, limited]
    }

    private func backendFamilies() -> [MetricFamily] {
        var responses = MetricFamily(description: MetricCatalog.backendResponses, points: [])
        var latency = MetricFamily(description: MetricCatalog.backendLatency, points: [])
        var counters = BackendCounter.allCases.map {
            MetricFamily(description: MetricCatalog.description($0), points: [])
        }
        var gauges = BackendGauge.allCases.map {
            MetricFamily(description: MetricCatalog.description($0), points: [])
        }
        for (slot, name) in backends.enumerated() {
            let start = slot * BackendLayout.stride
            guard start + BackendLayout.stride <= values.backends.count else { break }
            let words = Array(values.backends[start..<(start + BackendLayout.stride)])
            guard words.contains(where: { $0 != 0 }) else { continue }
            let label = MetricSample.label(name)
            for (statusClass, className) in MetricSample.statusClasses.enumerated() {
                let count = words[BackendLayout.classes + statusClass]
                guard count > 0 else { continue }
                responses.points.append(.init(labels: [label, className], number: .count(count)))
            }
            latency.points.append(
                .init(
                    labels: [label],
                    number: .histogram(
                        buckets: Array(words[BackendLayout.buckets...]),
                        sumNanoseconds: words[BackendLayout.latencySum])))
            for index in counters.indices {
                counters[index].points.append(.init(labels: [label], number: .count(words[index])))
            }
            for index in gauges.indices {
                let level = Int(Int64(bitPattern: words[BackendLayout.gauges + index]))
                gauges[index].points.append(.init(labels: [label], number: .level(level)))
            }
        }
        return [responses, latency] + counters + gauges
    }

    private func loopFamilies() -> [MetricFamily] {
        let counters = LoopCounter.allCases.filter { $0 != .accessLogDropped }.map { counter in
            MetricFamily(
                description: MetricCatalog.description(counter),
                points: [.init(labels: [], number: .count(values.counters[Int(counter.rawValue)]))])
        }
        let gauges = LoopGauge.allCases.map { gauge in
            MetricFamily(
                description: MetricCatalog.description(gauge),
                points: [.init(labels: [], number: .level(values.gauges[Int(gauge.rawValue)]))])
        }
        return counters + gauges
    }

    private func processFamilies() -> [MetricFamily] {
        func one(_ description: MetricDescription, _ number: MetricFamily.Number) -> MetricFamily {
            MetricFamily(description: description, points: [.init(labels: [], number: number)])
        }
        let endpoints = process.endpoints.sorted { ($0.key.backend, $0.key.address) < ($1.key.backend, $1.key.address) }
        let dropped = process.accessLogDropped + values.counters[Int(LoopCounter.accessLogDropped.rawValue)]
        return [
            MetricFamily(
                description: MetricCatalog.reloads,
                points: [
                    .init(labels: ["applied"], number: .count(process.reloadsApplied)),
                    .init(labels: ["refused"], number: .count(process.reloadsRefused)),
                ]),
            one(MetricCatalog.revision, .level(Int(clamping: process.revision))),
            one(MetricCatalog.appliedAt, .level(Int(clamping: process.appliedSeconds))),
            one(MetricCatalog.startedAt, .level(Int(clamping: process.startSeconds))),
            MetricFamily(
                description: MetricCatalog.endpointHealth,
                points: endpoints.map {
                    .init(labels: [$0.key.backend, $0.key.address], number: .level($0.value ? 1 : 0))
                }),
            one(MetricCatalog.logDropped, .count(dropped)),
            one(MetricCatalog.tapDropped, .count(process.tapDropped)),
            one(MetricCatalog.telemetryDropped, .count(process.telemetryDropped)),
        ]
    }
}
