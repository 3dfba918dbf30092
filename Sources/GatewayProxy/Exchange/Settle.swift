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
        // A copy that is whole goes on by itself, as slow as it is.
        for mirror in mirrors where !mirror.requestEnded { mirror.downstreamClosed() }
        mirrors.removeAll(keepingCapacity: true)
        // A mirrored copy or a request of our own is counted by its backend, not logged as a request.
        if downstream.isClient {
            // Records show what was asked, not what a rewrite made of it.
            request.target = askedTarget
            request.path = askedPath
            request.authority = askedAuthority
            record.status = record.status == 0 ? 499 : record.status
            worker.recorder.record(record, request: request, response: response)
        }
        releaseEndpoint()
        releaseTransform()
        cachePlan = nil
        upstream = .none
        let client = downstream
        client.finished()
        // Not used again: the original of a mirrored copy may still refer to it.
        if !client.isClient { downstream = .none }
    }
}
