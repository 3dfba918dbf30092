package import GatewayWire

/// Takes settled exchanges of one event loop: counts them and writes their access log lines. Made once per loop and
/// used on that loop only; it never blocks, and in the steady state it allocates nothing.
package final class LoopRecorder {
    /// Counters for everything that is not a settled request.
    package let metrics: LoopMetrics
    private let log: LogWriter?
    private var block = LogBlock()
    /// Full blocks that found the writer's lock held, oldest first.
    private var waiting: [LogBlock] = []
    private static let waitingMax = 16
    private var line: AccessLogLine
    private var identifiers = IdentifierSource()

    private var loopTap: LoopTap?
    private let spans: SpanQueue?
    private var pendingSpans: [SpanRecord] = []
    /// Of 2⁶³ traces, how many that begin here are sampled.
    private let samplesOf63Bits: UInt64
    /// Spans a loop holds between two ticks at most.
    private static let pendingSpansMax = 1_024

    /// Without a `log`, a `tap` or `spans` that form of record is not made.
    package init(
        metrics: LoopMetrics, log: LogWriter?, settings: AccessLogSettings = AccessLogSettings(), tap: Tap? = nil,
        spans: SpanQueue? = nil, samplingRatio: Double = 0
    ) {
        self.metrics = metrics
        self.log = settings.isEnabled && log?.target != LogWriter.Target.none ? log : nil
        line = AccessLogLine(settings: settings)
        loopTap = tap.map { LoopTap(tap: $0) }
        self.spans = spans
        let ratio = spans == nil ? 0 : min(max(samplingRatio, 0), 1)
        samplesOf63Bits = UInt64(ratio * Double(UInt64(1) << 63))
    }

    /// Changes what lines show from now on.
    package func apply(_ settings: AccessLogSettings) { line.settings = settings }

    /// A new request id or trace id.
    package func nextIdentifier128() -> (UInt64, UInt64) { identifiers.nextIdentifier128() }

    /// A new span id.
    package func nextIdentifier64() -> UInt64 { identifiers.nextIdentifier64() }

    /// Whether a trace that begins here is exported. By its id, so that others who judge alike decide alike.
    package func samples(_ traceID: (UInt64, UInt64)) -> Bool { traceID.1 & (.max >> 1) < samplesOf63Bits }

    /// Counts and logs one settled exchange.
    package func record(_ record: borrowing RequestRecord, request: borrowing RequestHead) {
        metrics.count(record)
        if let log { writeLine(record, request, log) }
        if loopTap?.tap.isActive == true { loopTap?.publish(record, request) }
        if record.traceSampled, let spans { keepSpan(record, request, spans) }
    }

    private func keepSpan(_ record: borrowing RequestRecord, _ request: borrowing RequestHead, _ spans: SpanQueue) {
        guard pendingSpans.count < LoopRecorder.pendingSpansMax else { return spans.countDropped(1) }
        pendingSpans.append(SpanRecord(record, request, freshSpanID: identifiers.nextIdentifier64()))
    }

    private func writeLine(_ record: borrowing RequestRecord, _ request: borrowing RequestHead, _ log: LogWriter) {
        if block.isFull { handOver(log) }
        if !block.append(&line, record, request) { log.countDropped(1) }
        if block.isFull { handOver(log) }
    }

    /// Passes the block on; what the writer cannot take at this instant waits here, up to a bound.
    private func handOver(_ log: LogWriter, mayWait: Bool = false) {
        while !waiting.isEmpty {
            if log.submit(&waiting[0], mayWait: mayWait) == .busy { break }
            waiting.removeFirst()
        }
        if waiting.isEmpty, log.submit(&block, mayWait: mayWait) != .busy { return }
        guard block.isFull else { return }
        guard waiting.count < LoopRecorder.waitingMax else { return log.drop(&block) }
        waiting.append(block)
        block = LogBlock()
    }

    /// Called by the loop about every 100 ms: hands over what lines there are, publishes counters.
    package func tick(nowNanoseconds: UInt64) {
        if let log, !block.isEmpty || !waiting.isEmpty { handOver(log) }
        if let spans, !pendingSpans.isEmpty { _ = spans.offer(&pendingSpans) }
        if loopTap?.tap.isActive == false { loopTap?.rest() }
        metrics.tick(nowNanoseconds: nowNanoseconds)
    }

    /// Makes everything recorded so far visible to the exporter, for its last message.
    package func handOverSpans() {
        if let spans, !pendingSpans.isEmpty, !spans.offer(&pendingSpans) {
            spans.countDropped(pendingSpans.count)
            pendingSpans.removeAll()
        }
        metrics.publish()
    }

    /// Called once when the loop ends, after the last exchange has settled. May wait for a moment.
    package func finish() {
        if let log, !block.isEmpty || !waiting.isEmpty { handOver(log, mayWait: true) }
        if let spans, !pendingSpans.isEmpty, !spans.offer(&pendingSpans) { spans.countDropped(pendingSpans.count) }
        metrics.publish()
    }
}
