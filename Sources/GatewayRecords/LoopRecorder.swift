package import GatewayWire

/// Takes settled exchanges of one event loop: counts them and writes their access log lines. Made once per loop and
/// used on that loop only; it never blocks, and in the steady state it allocates nothing.
package final class LoopRecorder {
    /// Counters for everything that is not a settled request.
    package let metrics: LoopMetrics
    private let log: LogWriter?
    private var block = LogBlock()
    private var line: AccessLogLine
    private var identifiers = IdentifierSource()

    /// Without a `log`, exchanges are only counted.
    package init(metrics: LoopMetrics, log: LogWriter?, settings: AccessLogSettings = AccessLogSettings()) {
        self.metrics = metrics
        self.log = settings.isEnabled && log?.target != LogWriter.Target.none ? log : nil
        line = AccessLogLine(settings: settings)
    }

    /// Changes what lines show from now on.
    package func apply(_ settings: AccessLogSettings) { line.settings = settings }

    /// A new request id or trace id.
    package func nextIdentifier128() -> (UInt64, UInt64) { identifiers.nextIdentifier128() }

    /// A new span id.
    package func nextIdentifier64() -> UInt64 { identifiers.nextIdentifier64() }

    /// Counts and logs one settled exchange. `response` is the head that went downstream, if one did.
    package func record(
        _ record: borrowing RequestRecord, request: borrowing RequestHead, response: borrowing ResponseHead?
    ) {
        metrics.count(record)
        if let log { writeLine(record, request, log) }
    }

    private func writeLine(_ record: borrowing RequestRecord, _ request: borrowing RequestHead, _ log: LogWriter) {
        if block.isFull { handOver(log, isForced: false) }
        if !block.append(&line, record, request) { log.countDropped(1) }
        if block.isFull { handOver(log, isForced: false) }
    }

    /// A full block that the writer cannot take right now waits; one that can grow no further is dropped.
    private func handOver(_ log: LogWriter, isForced: Bool) {
        guard log.submit(&block) == .busy, isForced || !block.hasRoom else { return }
        log.drop(&block)
    }

    /// Called by the loop about every 100 ms: hands over what lines there are, publishes counters.
    package func tick(nowNanoseconds: UInt64) {
        if let log, !block.isEmpty { _ = log.submit(&block) }
        metrics.tick(nowNanoseconds: nowNanoseconds)
    }

    /// Called once when the loop ends, after the last exchange has settled. May wait for a moment.
    package func finish() {
        if let log {
            var attempts = 0
            while !block.isEmpty, log.submit(&block) == .busy, attempts < 10_000 { attempts += 1 }
            if !block.isEmpty { log.drop(&block) }
        }
        metrics.publish()
    }
}
