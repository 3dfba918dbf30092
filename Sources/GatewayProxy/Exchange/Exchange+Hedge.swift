import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// A second attempt beside one that is slow: a child exchange without a downstream, as a mirror is, whose answer the
/// parent takes over if its head is the first to come.
extension Exchange {
    /// Promises a second attempt for a request that may have one.
    func armHedge() {
        guard let hedge = rule?.policy.hedging, hedge.delayNanoseconds > 0, attempt.count == 1, hedgeOf == nil,
            request.method.isIdempotent, request.framing == .none || request.framing == .length(0),
            request.upgrade.isEmpty, downstream.isClient
        else { return }
        let id = record.requestID
        worker.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(hedge.delayNanoseconds))) { [self] in
            guard record.requestID == id, state == .seeking || state == .awaiting, self.hedge == nil else { return }
            worker.refreshClock()
            startHedge(hedge)
        }
    }

    private func startHedge(_ policy: HedgePolicy) {
        guard let backend = attempt.backend, let endpoint = attempt.endpoint, attempt.count == 1 else { return }
        let live = worker.shared.directory.live(of: backend)
        guard live.endpointSet.endpoints.count > 1, live.spendHedge(percent: policy.percentMax, now: worker.now) else {
            return
        }
        traced?.note("no answer after \(policy.delayNanoseconds / 1_000_000) ms: a second attempt")
        let child = Exchange(worker: worker)
        hedge = child
        child.hedgeOf = self
        child.beginHedge(of: self, avoiding: endpoint.index)
    }

    private func beginHedge(of parent: Exchange, avoiding index: Int) {
        downstream = .none
        client = parent.client
        snapshot = parent.snapshot
        rule = parent.rule
        request = parent.request
        record.startedNanoseconds = parent.record.startedNanoseconds
        record.backend = parent.record.backend
        record.backendID = parent.record.backendID
        attempt.backend = parent.attempt.backend
        attempt.avoid = [index]
        requestEnded = true
        receiver = .upstream
        state = .answering
        startAttempt()
    }

    /// Called with the final head. Nil when the exchange goes on as usual: it has no second attempt, or has just beaten
    /// it. For a second attempt that came first: what its parent says to the answer.
    func settleRace() -> Bool? {
        if let child = hedge { drop(child) }
        guard let parent = hedgeOf else { return nil }
        return parent.adopt(self)
    }

    /// Takes the answer of the second attempt over.
    private func adopt(_ child: Exchange) -> Bool {
        leavePool()
        upstream.cancel()
        releaseEndpoint()
        hedge = nil
        child.hedgeOf = nil
        attempt.lost = nil
        swap(&response, &child.response)
        upstream = child.upstream
        child.upstream = .none
        upstream.serve(self)
        attempt.endpoint = child.attempt.endpoint
        child.attempt.endpoint = nil
        attempt.startedNanoseconds = child.attempt.startedNanoseconds
        record.upstreamAddress = child.record.upstreamAddress
        record.upstreamConnectedNanoseconds = child.record.upstreamConnectedNanoseconds
        attempt.count += 1
        record.attempts = attempt.count
        state = .awaiting
        traced?.note("the second attempt answered first")
        child.settle()
        return upstreamHead()
    }

    /// The second attempt is not needed any more.
    func drop(_ child: Exchange) {
        hedge = nil
        child.hedgeOf = nil
        child.leavePool()
        child.upstream.cancel()
        child.upstream = .none
        child.settle()
    }

    /// The second attempt came to nothing; if the first one did before, that is the failure.
    func hedgeEnded() {
        hedge = nil
        guard let failure = attempt.lost else { return }
        attempt.lost = nil
        let client = downstream
        upstreamFailed(failure)
        client.flush()
    }
}
