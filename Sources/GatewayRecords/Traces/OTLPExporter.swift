/// A message for the collector.
package struct OTLPRequest: Sendable, Equatable {
    package enum Signal: String, Sendable {
        case traces, metrics
    }

    package var signal: Signal
    /// `/v1/traces` or `/v1/metrics`, to be put after the endpoint's base.
    package var path: String { "/v1/\(signal.rawValue)" }
    package var contentType: String { "application/json" }
    package var body: [UInt8]
}

/// What the collector said.
package struct OTLPResponse: Sendable, Equatable {
    /// 0 when no answer came.
    package var status: Int
    package var retryAfterSeconds: Int?

    package init(status: Int, retryAfterSeconds: Int? = nil) {
        self.status = status
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The statuses that OTLP calls retryable, and no answer at all.
    var isRetryable: Bool { [0, 429, 502, 503, 504].contains(status) }
    var isSuccess: Bool { (200..<300).contains(status) }
}

/// Sends spans and metrics to a collector in batches, from one task. How to send and how to wait are given from
/// outside: this room knows neither sockets nor clocks.
package struct OTLPExporter: Sendable {
    package struct Settings: Sendable, Equatable {
        package var spansPerBatchMax = 512
        package var intervalMilliseconds = 5_000
        package var metricsIntervalMilliseconds = 30_000
        package var attemptsMax = 5
        package var backoffMilliseconds = 1_000
        package var backoffMillisecondsMax = 30_000

        package init() {}
    }

    package typealias Send = @Sendable (OTLPRequest) async -> OTLPResponse
    /// Waits so many milliseconds; throws when the task is cancelled.
    package typealias Pause = @Sendable (Int) async throws -> Void

    private let spans: SpanQueue?
    private let registry: MetricRegistry?
    private let resource: OTLPResource
    private let settings: Settings
    private let send: Send
    private let pause: Pause
    private let wallNanoseconds: @Sendable () -> UInt64

    /// Without `spans` or `registry` that signal is not sent.
    package init(
        spans: SpanQueue?, registry: MetricRegistry?, resource: OTLPResource, settings: Settings = Settings(),
        wallNanoseconds: @escaping @Sendable () -> UInt64, pause: @escaping Pause, send: @escaping Send
    ) {
        self.spans = spans
        self.registry = registry
        self.resource = resource
        self.settings = settings
        self.wallNanoseconds = wallNanoseconds
        self.pause = pause
        self.send = send
    }

    /// Exports until the task is cancelled, then sends once what is left.
    package func run() async {
        var sinceMetrics = 0
        while !Task.isCancelled {
            do { try await pause(settings.intervalMilliseconds) } catch { break }
            sinceMetrics += settings.intervalMilliseconds
            await exportSpans()
            if sinceMetrics >= settings.metricsIntervalMilliseconds {
                sinceMetrics = 0
                await exportMetrics()
            }
        }
        await exportSpans()
        await exportMetrics()
    }

    /// Sends all spans that wait, batch by batch; stops after a batch that could not be sent.
    package func exportSpans() async {
        guard let spans else { return }
        // A bound, so that a flood of spans cannot keep metrics from their turn.
        for _ in 0..<64 {
            let batch = spans.take(settings.spansPerBatchMax)
            guard !batch.isEmpty else { return }
            let request = OTLPRequest(
                signal: .traces, body: OTLPTraces.encode(batch, resource: resource, names: registry?.names ?? .current))
            guard await deliver(request) else { return spans.countDropped(batch.count) }
        }
    }

    /// Sends the metrics as they stand. One that cannot be sent is not kept: the next one says it all.
    package func exportMetrics() async {
        guard let registry else { return }
        let sample = registry.collect()
        let body = OTLPMetrics.encode(
            sample.families(), resource: resource, startNanoseconds: sample.process.startSeconds &* 1_000_000_000,
            nowNanoseconds: wallNanoseconds())
        _ = await deliver(OTLPRequest(signal: .metrics, body: body))
    }

    /// Tries until sent, refused for good, out of attempts, or cancelled.
    func deliver(_ request: OTLPRequest) async -> Bool {
        var backoff = settings.backoffMilliseconds
        for attempt in 1...max(1, settings.attemptsMax) {
            let response = await send(request)
            if response.isSuccess { return true }
            guard response.isRetryable, attempt < settings.attemptsMax else { return false }
            let asked = response.retryAfterSeconds.map { min(max($0, 0), 300) * 1_000 }
            do { try await pause(asked ?? backoff) } catch { return false }
            backoff = min(backoff * 2, settings.backoffMillisecondsMax)
        }
        return false
    }
}
