import GatewayModel

/// Counters without labels, per loop.
package enum LoopCounter: UInt8, Sendable, CaseIterable {
    case connectionsAccepted, connectionsRefused, streamsOpened, tlsHandshakes, tlsHandshakeFailures
    case retries, timeouts, rateLimited, concurrencyLimited, accessLogDropped, malformedRequests
    case upstreamConnections, upstreamConnectFailures, mirrored, cacheHits, cacheMisses
}

/// Levels without labels, per loop.
package enum LoopGauge: UInt8, Sendable, CaseIterable {
    case connectionsActive, streamsActive, requestsActive, upstreamConnectionsActive, upstreamConnectionsIdle
    case upstreamPending, tunnelsActive
}

/// Counters of a backend, per loop.
package enum BackendCounter: UInt8, Sendable, CaseIterable {
    case attempts, failures, retries, timeouts, connections, connectFailures, rejected, ejections
}

/// Levels of a backend, per loop.
package enum BackendGauge: UInt8, Sendable, CaseIterable {
    case connectionsActive, connectionsIdle, pending, requestsActive
}

/// Where a route's numbers lie in its run of words.
enum RouteLayout {
    static let classes = 6
    static let protocols = 5
    static let requests = 0
    static let outcomes = requests + classes * protocols
    static let outcomeCount = 6
    static let bytesIn = outcomes + outcomeCount
    static let bytesOut = bytesIn + 1
    static let rateLimited = bytesOut + 1
    static let durationSum = rateLimited + 1
    static let buckets = durationSum + 1
    static let stride = buckets + DurationBuckets.count
}

/// Where a backend's numbers lie in its run of words.
enum BackendLayout {
    static let counters = 0
    static let gauges = counters + BackendCounter.allCases.count
    static let classes = gauges + BackendGauge.allCases.count
    static let latencySum = classes + RouteLayout.classes
    static let buckets = latencySum + 1
    static let stride = buckets + DurationBuckets.count
}

/// All numbers of one loop, or their sum over loops.
struct MetricValues: Sendable {
    /// By `LoopCounter`; a little room is left over.
    var counters = InlineArray<32, UInt64>(repeating: 0)
    /// By `LoopGauge`.
    var gauges = InlineArray<16, Int>(repeating: 0)
    var routes = [UInt64](repeating: 0, count: RouteLayout.stride)
    var backends = [UInt64](repeating: 0, count: BackendLayout.stride)
    /// Grows with the first model call.
    var models: [UInt64] = []
    /// By the slots of backends; grows with the first call of a tool.
    var tools: [UInt64] = []
    let slotsMax: Int

    init(slotsMax: Int) { self.slotsMax = slotsMax }

    /// Where the route's words begin; a slot past the bound is slot 0.
    mutating func routeStart(_ id: Int) -> Int {
        let slot = id > 0 && id < slotsMax ? id : 0
        let start = slot &* RouteLayout.stride
        if start &+ RouteLayout.stride > routes.count { MetricValues.grow(&routes, start + RouteLayout.stride) }
        return start
    }

    /// Where the backend's words begin; a slot past the bound is slot 0.
    mutating func backendStart(_ id: Int) -> Int {
        let slot = id > 0 && id < slotsMax ? id : 0
        let start = slot &* BackendLayout.stride
        if start &+ BackendLayout.stride > backends.count {
            MetricValues.grow(&backends, start + BackendLayout.stride)
        }
        return start
    }

    static func grow(_ words: inout [UInt64], _ count: Int) {
        words.append(contentsOf: repeatElement(0, count: count - words.count))
    }

    /// Counts a settled exchange.
    mutating func count(_ record: borrowing RequestRecord) {
        let start = routeStart(record.routeID)
        let statusClass = record.status >= 100 && record.status < 600 ? record.status / 100 : 0
        let wire = Int(record.downstreamProtocol.rawValue)
        routes[start &+ RouteLayout.requests &+ statusClass &* RouteLayout.protocols &+ wire] &+= 1
        routes[start &+ RouteLayout.outcomes &+ Int(record.outcome.rawValue)] &+= 1
        routes[start &+ RouteLayout.bytesIn] &+= record.requestBytes
        routes[start &+ RouteLayout.bytesOut] &+= record.responseBytes
        if record.errorCode == .rateLimited { routes[start &+ RouteLayout.rateLimited] &+= 1 }
        let duration =
            record.endedNanoseconds > record.startedNanoseconds
            ? record.endedNanoseconds &- record.startedNanoseconds : 0
        routes[start &+ RouteLayout.durationSum] &+= duration
        routes[start &+ RouteLayout.buckets &+ DurationBuckets.index(duration)] &+= 1
        if let note = record.toolCall { count(note, nanoseconds: duration) }
        if record.backendID > 0 || record.attempts > 0 { countUpstream(record, statusClass) }
    }

    private mutating func countUpstream(_ record: borrowing RequestRecord, _ statusClass: Int) {
        let start = backendStart(record.backendID)
        backends[start &+ BackendLayout.classes &+ statusClass] &+= 1
        backends[start &+ Int(BackendCounter.attempts.rawValue)] &+= UInt64(max(0, record.attempts))
        if record.attempts > 1 {
            backends[start &+ Int(BackendCounter.retries.rawValue)] &+= UInt64(record.attempts - 1)
        }
        if record.outcome == .upstreamFailed { backends[start &+ Int(BackendCounter.failures.rawValue)] &+= 1 }
        guard record.upstreamFirstByteNanoseconds != 0 else { return }
        let from = record.admittedNanoseconds == 0 ? record.startedNanoseconds : record.admittedNanoseconds
        let first = record.upstreamFirstByteNanoseconds
        let latency = first > from ? first &- from : 0
        backends[start &+ BackendLayout.latencySum] &+= latency
        backends[start &+ BackendLayout.buckets &+ DurationBuckets.index(latency)] &+= 1
    }

    /// Takes over another's numbers without sharing its memory.
    mutating func assign(_ other: MetricValues) {
        counters = other.counters
        gauges = other.gauges
        MetricValues.assign(&routes, other.routes)
        MetricValues.assign(&backends, other.backends)
        MetricValues.assign(&models, other.models)
        MetricValues.assign(&tools, other.tools)
    }

    private static func assign(_ words: inout [UInt64], _ other: [UInt64]) {
        if words.count != other.count {
            words.removeAll(keepingCapacity: true)
            words.append(contentsOf: other)
            return
        }
        for index in words.indices { words[index] = other[index] }
    }

    /// Adds another loop's numbers.
    mutating func add(_ other: MetricValues) {
        for index in counters.indices { counters[index] &+= other.counters[index] }
        for index in gauges.indices { gauges[index] &+= other.gauges[index] }
        MetricValues.add(&routes, other.routes)
        MetricValues.add(&backends, other.backends)
        MetricValues.add(&models, other.models)
        MetricValues.add(&tools, other.tools)
    }

    private static func add(_ words: inout [UInt64], _ other: [UInt64]) {
        if words.count < other.count { grow(&words, other.count) }
        for index in other.indices { words[index] &+= other[index] }
    }
}

/// The fixed upper bounds of all duration histograms: half a millisecond to five minutes, since a model's answer
/// may take minutes.
enum DurationBuckets {
    static let upperNanoseconds: [UInt64] = [
        500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000,
        500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000, 60_000_000_000,
        120_000_000_000, 300_000_000_000,
    ]
    /// The bounds in seconds, as Prometheus spells them.
    static let upperSeconds: [StaticString] = [
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10",
        "30", "60", "120", "300",
    ]
    /// With the last bucket, for everything above.
    static let count = 19

    /// The bucket of a duration; a bound belongs to the bucket below it.
    @inline(__always)
    static func index(_ nanoseconds: UInt64) -> Int {
        var index = 0
        while index < upperNanoseconds.count, nanoseconds > upperNanoseconds[index] { index &+= 1 }
        return index
    }
}
