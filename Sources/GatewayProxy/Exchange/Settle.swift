import GatewayModel
import GatewayRecords
import GatewayWire

extension Exchange {
    /// Phase 7: always runs, once, however the exchange ended: gives back what *admit* took, writes the record, and
    /// lets the connection go on.
    func settle() {
        guard state != .settled, state != .idle else { return }
        state = .settled
        deadline = .max
        record.endedNanoseconds = worker.now
        if case .room(let reader) = receiver { reader.ended() }
        if !admission.isEmpty { admission.release() }
        // A copy that has all of the request goes on without us; half of one is worth nothing.
        if !requestEnded { for mirror in mirrors { mirror.downstreamClosed() } }
        mirrors.removeAll(keepingCapacity: true)
        if case .none = downstream {
            // A mirrored copy: counted by its backend, not logged as a request, and not used again.
            worker.cancel(self)
        } else {
            // Records show what was asked, not what a rewrite made of it.
            request.target = askedTarget
            request.path = askedPath
            request.authority = askedAuthority
            record.status = record.status == 0 ? 499 : record.status
            worker.recorder.record(record, request: request, response: response)
        }
        releaseEndpoint()
        upstream = .none
        downstream.finished()
    }
}
