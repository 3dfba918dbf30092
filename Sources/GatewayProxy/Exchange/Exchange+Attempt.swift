import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// One try at a backend, and what follows when it fails.
extension Exchange {
    /// Finds an endpoint and a place on a connection to it.
    func startAttempt() {
        guard let backend = attempt.backend else { return }
        state = .seeking
        attempt.count += 1
        attempt.isHeadSent = false
        attempt.isBodySent = false
        attempt.backoffUntil = 0
        attempt.startedNanoseconds = worker.now
        attempt.lastProgressNanoseconds = worker.now
        record.attempts = attempt.count
        guard let endpoint = worker.chooseEndpoint(of: backend, for: self) else {
            if waitForEndpoints(of: backend) { return }
            return fail(worker.refusal(of: backend))
        }
        if case .local(let call) = downstream, let refusal = call.refusal(of: endpoint.address) { return fail(refusal) }
        attempt.endpoint = endpoint
        endpoint.beginRequest()
        armTimers()
        switch worker.lease(endpoint, of: backend, for: self) {
        case .ready(let upstream): upstreamReady(upstream)
        case .wait: attempt.isWaitingInPool = true
        case .refused: upstreamFailed(.overloaded)
        }
    }

    /// The pool found a connection or a stream.
    func upstreamReady(_ upstream: Upstream) {
        attempt.isWaitingInPool = false
        self.upstream = upstream
        state = .awaiting
        record.upstreamConnectedNanoseconds = worker.now
        if let endpoint = attempt.endpoint { record.upstreamAddress = endpoint.addressText }
        attempt.isHeadSent = true
        attempt.lastProgressNanoseconds = worker.now
        upstream.sendHead(request, framing: request.framing)
        for chunk in held.chunks { upstream.sendBody(chunk) }
        if !mayRetryLater { held.forget() }
        if requestEnded { finishUpstreamBody() }
        upstream.flush()
        if upstream.isWritable { downstream.setReading(true) }
    }

    /// The backend keeps up again.
    func upstreamWritable() { downstream.setReading(true) }

    /// The attempt is over without a (whole) response. The upstream side has let go already.
    func upstreamFailed(_ failure: UpstreamFailure) {
        guard state == .seeking || state == .awaiting || state == .responding || state == .tunnel else { return }
        let wasReused = upstream.wasReused
        upstream = .none
        attempt.isWaitingInPool = false
        reportFailure(failure)
        if state == .responding || state == .tunnel {
            record.outcome = state == .tunnel ? .upgraded : .upstreamFailed
            if state == .responding { record.errorCode = failure.errorCode }
            downstream.reset()
            return settle()
        }
        switch repetition(after: failure, wasReused: wasReused) {
        case .free: retry(failure, isFree: true)
        case .byPolicy: retry(failure, isFree: false)
        case .none: fail(failure.error(backend: attempt.backend?.name ?? ""))
        }
    }

    /// Gives up a place in the queue of a pool.
    func leavePool() {
        guard attempt.isWaitingInPool, let endpoint = attempt.endpoint, let backend = attempt.backend else { return }
        attempt.isWaitingInPool = false
        worker.withdraw(self, from: endpoint, of: backend)
    }

    // MARK: Retries

    /// Whether the request may be sent once more: the body is at hand, the failure is of a kind that allows it, and
    /// neither the policy's count nor its budget is used up.
    private func repetition(after failure: UpstreamFailure, wasReused: Bool) -> Repetition {
        if case .none = downstream { return .none }
        guard held.isWhole || !attempt.isHeadSent, !worker.isDraining || attempt.count < 3 else { return .none }
        if !attempt.usedStaleRetry {
            if case .unprocessed = failure { return .free }
            if case .reset = failure, wasReused, request.method.isIdempotent { return .free }
        }
        guard let retry = rule?.retry, attempt.count <= retry.attemptsMax else { return .none }
        guard failure.isRetried(by: retry) else { return .none }
        // A request that may have had its effect is repeated only if repeating it is harmless.
        guard request.method.isIdempotent || failure.isBeforeProcessing || !retry.statuses.isEmpty else { return .none }
        return spendRetryBudget(retry) ? .byPolicy : .none
    }

    private enum Repetition {
        case none
        /// Not counted: the backend cannot have seen the request.
        case free
        case byPolicy
    }

    /// Whether an answer with this status should be thrown away for another attempt.
    func mayRetry(status: Int) -> Bool {
        guard let retry = rule?.retry, held.isWhole, requestEnded, attempt.count <= retry.attemptsMax else {
            return false
        }
        guard retry.statuses.contains(status) else { return false }
        return spendRetryBudget(retry)
    }

    private func spendRetryBudget(_ retry: RetryPolicy) -> Bool {
        guard let backend = attempt.backend else { return false }
        return worker.shared.directory.spendRetry(of: backend, policy: retry, now: worker.now)
    }

    func retry(_ failure: UpstreamFailure, isFree: Bool) {
        if let endpoint = attempt.endpoint { attempt.avoid.append(endpoint.index) }
        releaseEndpoint()
        worker.recorder.metrics.add(.retries)
        worker.recorder.metrics.add(.retries, backend: record.backendID)
        if isFree || rule?.retry == nil {
            attempt.usedStaleRetry = true
            attempt.avoid.removeAll()
            return startAttempt()
        }
        wait(before: failure)
    }

    /// Full jitter between zero and the exponential step.
    private func wait(before failure: UpstreamFailure) {
        guard let retry = rule?.retry else { return startAttempt() }
        let step = min(
            retry.backoffBaseNanoseconds << UInt64(min(attempt.count - 1, 20)), retry.backoffMaxNanoseconds)
        let delay = step == 0 ? 0 : worker.random.next(below: step)
        guard delay >= 1_000_000 else { return startAttempt() }
        state = .seeking
        attempt.backoffUntil = worker.now + delay
        let ticket = attempt.count
        worker.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(delay))) { [self] in
            guard state == .seeking, attempt.count == ticket, attempt.backoffUntil != 0 else { return }
            worker.refreshClock()
            startAttempt()
        }
    }

    /// The endpoint is not busy with this request any more.
    func releaseEndpoint() {
        attempt.endpoint?.endRequest()
        attempt.endpoint = nil
    }

    private func reportFailure(_ failure: UpstreamFailure) {
        guard let endpoint = attempt.endpoint, let backend = attempt.backend else { return }
        worker.shared.directory.report(failure, endpoint: endpoint, of: backend, now: worker.now)
    }
}

extension UpstreamFailure {
    var errorCode: ErrorCode {
        switch self {
        case .connectFailed: .upstreamConnectFailed
        case .reset, .unprocessed: .upstreamReset
        case .malformed: .upstreamProtocolError
        case .overloaded: .upstreamOverloaded
        case .connectTimedOut, .attemptTimedOut, .firstByteTimedOut, .idleTimedOut: .upstreamTimeout
        }
    }

    /// What the client is told; an upstream's own words stay in `cause`.
    func error(backend: String) -> GatewayError {
        switch self {
        case .connectFailed(let cause):
            GatewayError(errorCode, "the backend could not be reached: \(backend)", cause: cause)
        case .connectTimedOut: GatewayError(errorCode, "connecting took too long: \(backend)")
        case .reset, .unprocessed: GatewayError(errorCode, "the backend closed the connection: \(backend)")
        case .malformed(let reason):
            GatewayError(errorCode, "the backend's answer is not valid HTTP: \(backend)", cause: "\(reason)")
        case .overloaded: GatewayError(errorCode, "the backend has no free connection: \(backend)")
        case .attemptTimedOut, .firstByteTimedOut, .idleTimedOut:
            GatewayError(errorCode, "the backend did not answer in time: \(backend)")
        }
    }

    func isRetried(by policy: RetryPolicy) -> Bool {
        switch self {
        case .connectFailed, .connectTimedOut, .unprocessed: policy.onConnectFailure
        case .reset: policy.onReset
        case .attemptTimedOut, .firstByteTimedOut, .idleTimedOut: policy.onTimeout
        case .malformed, .overloaded: false
        }
    }

    /// The backend cannot have acted on the request.
    var isBeforeProcessing: Bool {
        switch self {
        case .connectFailed, .connectTimedOut, .unprocessed, .overloaded: true
        default: false
        }
    }
}
