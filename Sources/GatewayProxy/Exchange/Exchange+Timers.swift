import GatewayModel
import GatewayRecords
import GatewayWire

/// The clocks of an exchange: one deadline in the wheel, the nearest of those that run.
extension Exchange {
    /// Works out the nearest deadline and promises it to the wheel. Progress only moves a time stamp; the wheel asks
    /// again when the promise comes due.
    func armTimers() { worker.schedule(self, at: nextDeadline()) }

    private func nextDeadline() -> UInt64 {
        guard let timeouts = rule?.timeouts else { return .max }
        var next = UInt64.max
        func consider(_ start: UInt64, _ length: UInt64) {
            if length > 0 { next = min(next, start &+ length) }
        }
        if state != .tunnel { consider(record.startedNanoseconds, timeouts.totalNanoseconds) }
        switch state {
        case .seeking, .awaiting:
            consider(attempt.startedNanoseconds, timeouts.attemptNanoseconds)
            consider(attempt.startedNanoseconds, timeouts.firstByteNanoseconds)
        case .responding:
            consider(attempt.startedNanoseconds, timeouts.attemptNanoseconds)
        default: break
        }
        consider(attempt.lastProgressNanoseconds, idleNanoseconds(timeouts))
        return next
    }

    private func idleNanoseconds(_ timeouts: RouteTimeouts) -> UInt64 {
        if timeouts.idleNanoseconds > 0 { return timeouts.idleNanoseconds }
        return UInt64(snapshot.limits.idleTimeoutMilliseconds) &* 1_000_000
    }

    func timersExpired(now: UInt64) {
        guard state != .idle, state != .settled, let timeouts = rule?.timeouts else { return }
        func isOver(_ start: UInt64, _ length: UInt64) -> Bool { length > 0 && now >= start &+ length }
        if state != .tunnel, isOver(record.startedNanoseconds, timeouts.totalNanoseconds) {
            return giveUp(GatewayError(.upstreamTimeout, "the request took longer than its route allows"))
        }
        let isBeforeHead = state == .seeking || state == .awaiting
        if isBeforeHead || state == .responding, isOver(attempt.startedNanoseconds, timeouts.attemptNanoseconds) {
            return giveUpAttempt(.attemptTimedOut)
        }
        if isBeforeHead, isOver(attempt.startedNanoseconds, timeouts.firstByteNanoseconds) {
            return giveUpAttempt(.firstByteTimedOut)
        }
        if isOver(attempt.lastProgressNanoseconds, idleNanoseconds(timeouts)) { return giveUpAttempt(.idleTimedOut) }
        armTimers()
    }

    private func giveUpAttempt(_ failure: UpstreamFailure) {
        countTimeout()
        leavePool()
        let current = upstream
        current.cancel()
        upstreamFailed(failure)
    }

    private func giveUp(_ error: GatewayError) {
        countTimeout()
        leavePool()
        upstream.cancel()
        upstream = .none
        fail(error)
    }

    private func countTimeout() {
        record.outcome = .timedOut
        worker.recorder.metrics.add(.timeouts)
        worker.recorder.metrics.add(.timeouts, backend: record.backendID)
        if let child = hedge { drop(child) }
    }
}
