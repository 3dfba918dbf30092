/// What kind of number a metric is.
package enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// One metric as the documentation and the scrape show it.
package struct MetricDescription: Sendable, Equatable {
    package let name: String
    package let kind: MetricKind
    package let help: String
    package let labels: [String]
    /// Where OpenTelemetry has words of its own.
    let telemetry: TelemetryName?

    init(
        _ name: String, _ kind: MetricKind, _ help: String, labels: [String] = [], telemetry: TelemetryName? = nil
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.labels = labels
        self.telemetry = telemetry
    }
}

/// What a metric and its labels are called in OTLP, and in which unit it is told.
struct TelemetryName: Sendable, Equatable {
    var name: String
    var unit: String
    var attributes: [String]
}

/// Every metric of the gateway, in one table: what is not here is not shown.
package enum MetricCatalog {
    static let requests = MetricDescription(
        "sluice_requests_total", .counter, "Settled requests.", labels: ["route", "status_class", "protocol"])
    static let outcomes = MetricDescription(
        "sluice_request_outcomes_total", .counter, "Settled requests by how they ended.", labels: ["route", "outcome"])
    static let duration = MetricDescription(
        "sluice_request_duration_seconds", .histogram, "From the first byte of the head to the end of the answer.",
        labels: ["route"])
    static let bytesIn = MetricDescription(
        "sluice_request_bytes_total", .counter, "Body bytes from clients.", labels: ["route"])
    static let bytesOut = MetricDescription(
        "sluice_response_bytes_total", .counter, "Body bytes to clients.", labels: ["route"])
    static let routeRateLimited = MetricDescription(
        "sluice_route_rate_limited_total", .counter, "Requests refused by a rate limit.", labels: ["route"])

    static let backendResponses = MetricDescription(
        "sluice_backend_requests_total", .counter, "Requests that were given to a backend.",
        labels: ["backend", "status_class"])
    static let backendLatency = MetricDescription(
        "sluice_backend_first_byte_seconds", .histogram, "From admission to the first byte of the backend's answer.",
        labels: ["backend"])

    static let reloads = MetricDescription(
        "sluice_config_reloads_total", .counter, "Configurations offered.", labels: ["result"])
    static let revision = MetricDescription("sluice_config_revision", .gauge, "The revision that serves.")
    static let appliedAt = MetricDescription(
        "sluice_config_applied_timestamp_seconds", .gauge, "When the serving revision was applied.")
    static let startedAt = MetricDescription(
        "sluice_process_start_timestamp_seconds", .gauge, "When the process started.")
    static let endpointHealth = MetricDescription(
        "sluice_endpoint_healthy", .gauge, "1 if the endpoint may be used.", labels: ["backend", "endpoint"])
    static let logDropped = MetricDescription(
        "sluice_access_log_dropped_total", .counter, "Access log lines dropped because the writer was behind.")
    static let tapDropped = MetricDescription(
        "sluice_tap_dropped_total", .counter, "Lines that slow tap subscribers lost.")
    static let telemetryDropped = MetricDescription(
        "sluice_telemetry_dropped_total", .counter, "Spans dropped because the collector was behind.")

    /// The whole table, in the order of a scrape.
    package static func all(_ names: GenAINames = .current) -> [MetricDescription] {
        [requests, outcomes, duration, bytesIn, bytesOut, routeRateLimited]
            + [backendResponses, backendLatency]
            + BackendCounter.allCases.map(description) + BackendGauge.allCases.map(description)
            + models(names) + tools + ledger + audit + loopsAndProcess
    }

    private static let loopsAndProcess: [MetricDescription] =
        LoopCounter.allCases.filter { $0 != .accessLogDropped }.map(description)
        + LoopGauge.allCases.map(description)
        + [
            reloads, revision, appliedAt, startedAt, endpointHealth, logDropped, tapDropped, telemetryDropped,
        ]

    static func description(_ counter: LoopCounter) -> MetricDescription {
        let (name, help) =
            switch counter {
            case .connectionsAccepted: ("connections", "Connections accepted.")
            case .connectionsRefused: ("connections_refused", "Connections closed at once: over a bound or draining.")
            case .streamsOpened: ("http2_streams", "HTTP/2 streams opened by clients.")
            case .tlsHandshakes: ("tls_handshakes", "TLS handshakes completed.")
            case .tlsHandshakeFailures: ("tls_handshake_failures", "TLS handshakes that failed.")
            case .retries: ("retries", "Attempts after the first.")
            case .timeouts: ("timeouts", "Requests ended by a timeout.")
            case .rateLimited: ("rate_limited", "Requests refused by a rate limit.")
            case .concurrencyLimited: ("concurrency_limited", "Requests refused by a concurrency limit.")
            case .accessLogDropped: ("access_log_dropped", "Access log lines dropped.")
            case .malformedRequests: ("malformed_requests", "Requests refused by the parser.")
            case .upstreamConnections: ("upstream_connections", "Connections opened to backends.")
            case .upstreamConnectFailures: ("upstream_connect_failures", "Connections to backends that failed.")
            case .mirrored: ("mirrored_requests", "Copies sent by mirror filters.")
            case .cacheHits: ("cache_hits", "Answers from the response cache.")
            case .cacheMisses: ("cache_misses", "Cacheable requests that were not in the response cache.")
            }
        return MetricDescription("sluice_\(name)_total", .counter, help)
    }

    static func description(_ gauge: LoopGauge) -> MetricDescription {
        let (name, help) =
            switch gauge {
            case .connectionsActive: ("connections_active", "Connections of clients that are open.")
            case .streamsActive: ("http2_streams_active", "HTTP/2 streams of clients that are open.")
            case .requestsActive: ("requests_active", "Requests that have not settled.")
            case .upstreamConnectionsActive: ("upstream_connections_active", "Connections to backends in use.")
            case .upstreamConnectionsIdle: ("upstream_connections_idle", "Connections to backends that wait for use.")
            case .upstreamPending: ("upstream_pending_requests", "Requests that wait for a connection.")
            case .tunnelsActive: ("tunnels_active", "Upgraded connections that are open.")
            }
        return MetricDescription("sluice_\(name)", .gauge, help)
    }

    static func description(_ counter: BackendCounter) -> MetricDescription {
        let (name, help) =
            switch counter {
            case .attempts: ("attempts", "Attempts at this backend, retries included.")
            case .failures: ("failures", "Requests that ended because the backend failed.")
            case .retries: ("retries", "Attempts after the first.")
            case .timeouts: ("timeouts", "Attempts ended by a timeout.")
            case .connections: ("connections", "Connections opened.")
            case .connectFailures: ("connect_failures", "Connections that failed.")
            case .rejected: ("rejected", "Requests refused by a circuit breaker or a bound.")
            case .ejections: ("ejections", "Endpoints taken out for failures in a row.")
            }
        return MetricDescription("sluice_backend_\(name)_total", .counter, help, labels: ["backend"])
    }

    static func description(_ gauge: BackendGauge) -> MetricDescription {
        let (name, help) =
            switch gauge {
            case .connectionsActive: ("connections_active", "Connections in use.")
            case .connectionsIdle: ("connections_idle", "Connections that wait for use.")
            case .pending: ("pending_requests", "Requests that wait for a connection.")
            case .requestsActive: ("requests_active", "Requests in flight.")
            }
        return MetricDescription("sluice_backend_\(name)", .gauge, help, labels: ["backend"])
    }
}
