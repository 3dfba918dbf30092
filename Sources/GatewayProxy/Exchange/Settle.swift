import GatewayModel
import GatewayRecords
import GatewayWire

extension Exchange {
    /// Phase 7: always runs, once, however the exchange ended: gives back what *admit* took, writes the record, and
    /// lets the connection go on.
    func settle() {
        guard state != .settled, state != .idle else { return }
        if state == .tunnel { worker.recorder.metrics.change(.tunnelsActive, by: -1) }
        state = .settled
        deadline = .max
        record.endedNanoseconds = worker.now
        identityWait?.exchange = nil
        identityWait = nil
        if case .room(let reader) = receiver { reader.ended() }
        if !admission.isEmpty { admission.release() }
        if let child = hedge { drop(child) }
        // A copy that has all of the request goes on without us; half of one is worth nothing.
        if !requestEnded { for mirror in mirrors { mirror.downstreamClosed() } }
        if !mirrors.isEmpty { mirrors.removeAll(keepingCapacity: true) }
        // A mirrored copy or a request of our own is counted by its backend, not logged as a request.
        if downstream.isClient || isPart {
            // Records show what was asked, not what a rewrite made of it.
            request.target = askedTarget
            request.path = askedPath
            request.authority = askedAuthority
            record.status = record.status == 0 ? 499 : record.status
            worker.recorder.metrics.change(.requestsActive, by: -1)
            if traced != nil { finishTrace() }
            if !isAudited, worker.shared.audit.isOn { audit(worker.shared.audit) }
            Exchange.write(&record, &request, to: worker.recorder)
        }
        releaseEndpoint()
        releaseTransform()
        cachePlan = nil
        upstream = .none
        let client = downstream
        client.finished()
        switch client {
        case .http1, .http2: break
        case .call: recycle()
        // A mirrored copy is not used again: its request may still hold it.
        case .none: retire()
        }
    }

    /// Lent as `inout`: a property of a class that is merely borrowed is copied first.
    private static func write(
        _ record: inout RequestRecord, _ request: inout RequestHead, to recorder: LoopRecorder
    ) {
        recorder.record(record, request: request)
    }

    /// A request of our own: nobody else holds the exchange.
    private func recycle() {
        downstream = .none
        reset()
        worker.giveBack(self)
    }

    /// A copy or a second attempt.
    private func retire() {
        let parent = hedgeOf
        hedgeOf = nil
        worker.cancel(self)
        parent?.hedgeEnded()
    }
}
