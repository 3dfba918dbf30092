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
            return failUpstream(worker.refusal(of: backend))
        }
        if case .call(let call) = downstream, let refusal = call.refusal(of: endpoint.address) { return fail(refusal) }
        attempt.endpoint = endpoint
        endpoint.beginRequest()
        worker.recorder.metrics.change(.requestsActive, backend: record.backendID, by: 1)
        traced?.enter("attempt \(attempt.count)")
        traced?.note("\(backend.name), endpoint \(endpoint.addressText)")
        armTimers()
        switch worker.lease(endpoint, of: backend, for: self) {
        case .ready(let upstream): upstreamReady(upstream)
        case .wait:
            // A connection attempt can fail, and be repeated, before `lease` returns.
            if state == .seeking, attempt.endpoint === endpoint { setWaiting(true) }
        case .refused:
            worker.recorder.metrics.add(.rejected, backend: record.backendID)
            upstreamFailed(.overloaded)
        }
        if rule?.policy.hedging != nil { armHedge() }
    }

    /// Whether the attempt has a place in the queue of a pool.
    private func setWaiting(_ isWaiting: Bool) {
        guard attempt.isWaitingInPool != isWaiting else { return }
        attempt.isWaitingInPool = isWaiting
        worker.recorder.metrics.change(.upstreamPending, by: isWaiting ? 1 : -1)
        worker.recorder.metrics.change(.pending, backend: record.backendID, by: isWaiting ? 1 : -1)
    }

    /// The pool found a connection or a stream.
    func upstreamReady(_ upstream: Upstream) {
        setWaiting(false)
        traced?.note(upstream.wasReused ? "connection reused" : "connection new")
        self.upstream = upstream
        state = .awaiting
        record.upstreamConnectedNanoseconds = worker.now
        if let endpoint = attempt.endpoint { record.upstreamAddress = endpoint.addressText }
        attempt.isHeadSent = true
        attempt.lastProgressNanoseconds = worker.now
        let framing = request.framing
        upstream.sendHead(&request, framing: framing)
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
        setWaiting(false)
        reportFailure(failure)
        traced?.note("failed: \(failure)")
        // A second attempt is never repeated, and while there is one the first need not be.
        if hedgeOf != nil { return settle() }
        if hedge != nil {
            attempt.lost = failure
            return releaseEndpoint()
        }
        if state == .responding || state == .tunnel {
            record.outcome = state == .tunnel ? .upgraded : failure.outcome
            if state == .responding {
                record.errorCode = failure.errorCode
                record.errorCause = failure.cause
            }
            downstream.reset()
            return settle()
        }
        switch repetition(after: failure, wasReused: wasReused) {
        case .free: return retry(isFree: true)
        case .paid: return retry(isFree: false)
        case .unaffordable:
            record.outcome = failure.outcome
            return failUpstream(
                GatewayError(
                    .retryBudgetExhausted,
                    "an attempt failed, and too many are repeated already: \(attempt.backend?.name ?? "")",
                    cause: failure.cause))
        case .none: break
        }
        record.outcome = failure.outcome
        failUpstream(failure.error(backend: attempt.backend?.name ?? ""))
    }

    /// The reason goes to the log; other errors' causes may have words of programs and providers in them.
    private func failUpstream(_ error: GatewayError) {
        record.errorCause = error.cause ?? ""
        fail(error)
    }

    /// Gives up a place in the queue of a pool.
    func leavePool() {
        guard attempt.isWaitingInPool, let endpoint = attempt.endpoint, let backend = attempt.backend else { return }
        setWaiting(false)
        worker.withdraw(self, from: endpoint, of: backend)
    }

    // MARK: Retries

    private enum Repetition {
        case none
        /// Once, at once, whatever the policy: the connection was to blame, not the backend.
        case free
        /// By the policy, out of its count and budget.
        case paid
        /// The policy would, and its budget is used up.
        case unaffordable
    }

    /// Whether the request may be sent once more: the body is at hand, the failure is of a kind that allows it, and
    /// neither the policy's count nor its budget is used up.
    private func repetition(after failure: UpstreamFailure, wasReused: Bool) -> Repetition {
        // A copy is never worth a retry.
        if case .none = downstream { return .none }
        guard held.isWhole || !attempt.isHeadSent, !worker.isDraining || attempt.count < 3 else { return .none }
        if case .unprocessed = failure, !attempt.usedStaleRetry { return .free }
        if case .reset = failure, wasReused, !attempt.usedStaleRetry,
            request.method.isIdempotent || !attempt.isBodySent && request.framing != .none
        {
            return .free
        }
        guard let retry = rule?.retry, attempt.count <= retry.attemptsMax else { return .none }
        guard failure.isRetried(by: retry) else { return .none }
        // A request that may have had its effect is repeated only if repeating it is harmless.
        guard request.method.isIdempotent || failure.isBeforeProcessing else { return .none }
        return spendRetryBudget(retry) ? .paid : .unaffordable
    }

    /// Whether an answer with this status should be thrown away for another attempt.
    func mayRetry(status: Int) -> Bool {
        guard let retry = rule?.retry, held.isWhole, requestEnded, attempt.count <= retry.attemptsMax else {
            return false
        }
        if case .none = downstream { return false }
        guard retry.statuses.contains(status) else { return false }
        return spendRetryBudget(retry)
    }

    private func spendRetryBudget(_ retry: RetryPolicy) -> Bool {
        guard let backend = attempt.backend else { return false }
        return worker.shared.directory.spendRetry(of: backend, policy: retry, now: worker.now)
    }

    func retry(isFree: Bool) {
        if let endpoint = attempt.endpoint { attempt.avoid.append(endpoint.index) }
        releaseEndpoint()
        // What arrives while we wait is kept for the next attempt.
        upstream = .none
        attempt.isHeadSent = false
        attempt.isBodySent = false
        worker.recorder.metrics.add(.retries)
        if isFree {
            attempt.usedStaleRetry = true
            attempt.avoid.removeAll()
            return startAttempt()
        }
        waitForBackoff()
    }

    /// Full jitter between zero and the exponential step.
    private func waitForBackoff() {
        guard let retry = rule?.retry else { return startAttempt() }
        let step = min(
            retry.backoffBaseNanoseconds << UInt64(min(attempt.count - 1, 20)), retry.backoffMaxNanoseconds)
        let delay = step == 0 ? 0 : worker.random.next(below: step)
        guard delay >= 1_000_000 else { return startAttempt() }
        state = .seeking
        let until = worker.now + delay
        attempt.backoffUntil = until
        // The clocks of the attempt that failed must not run on.
        attempt.startedNanoseconds = until
        attempt.lastProgressNanoseconds = until
        armTimers()
        worker.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(delay))) { [self] in
            guard state == .seeking, attempt.backoffUntil == until else { return }
            worker.refreshClock()
            startAttempt()
        }
    }

    /// The endpoint is not busy with this request any more.
    func releaseEndpoint() {
        guard let endpoint = attempt.endpoint else { return }
        endpoint.endRequest()
        attempt.endpoint = nil
        worker.recorder.metrics.change(.requestsActive, backend: record.backendID, by: -1)
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

    var outcome: RequestRecord.Outcome {
        switch self {
        case .attemptTimedOut, .firstByteTimedOut, .idleTimedOut: .timedOut
        default: .upstreamFailed
        }
    }

    /// What the client is told; an upstream's own words stay in `cause`.
    func error(backend: String) -> GatewayError {
        switch self {
        case .connectFailed:
            GatewayError(errorCode, "the backend could not be reached: \(backend)", cause: cause)
        case .connectTimedOut: GatewayError(errorCode, "connecting took too long: \(backend)", cause: cause)
        case .reset, .unprocessed:
            GatewayError(errorCode, "the backend closed the connection: \(backend)", cause: cause)
        case .malformed:
            GatewayError(errorCode, "the backend's answer is not valid HTTP: \(backend)", cause: cause)
        case .overloaded: GatewayError(errorCode, "the backend has no free connection: \(backend)", cause: cause)
        case .attemptTimedOut, .firstByteTimedOut, .idleTimedOut:
            GatewayError(errorCode, "the backend did not answer in time: \(backend)", cause: cause)
        }
    }

    /// What happened, for the log.
    var cause: String {
        switch self {
        case .connectFailed(let cause): cause
        case .connectTimedOut: "no connection within the time for connecting"
        case .reset: "the connection ended before the answer did"
        case .unprocessed: "the endpoint says that it did not process the request"
        case .malformed(let reason): "\(reason)"
        case .overloaded: "the connections and the queue of the endpoint are full"
        case .attemptTimedOut: "no whole answer within the time for an attempt"
        case .firstByteTimedOut: "no answer within the time for the first byte"
        case .idleTimedOut: "nothing came for the idle time"
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
