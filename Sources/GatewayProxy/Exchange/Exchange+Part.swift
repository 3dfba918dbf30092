import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// Parts of one request that are requests of their own, such as the messages of a batch: the same room judges, counts
/// and records each, and whoever split the request gathers the answers.
extension Exchange {
    /// Serves a part of `whole`, whose caller and rule it has; `number` counts from 1. The first part stands under the
    /// bounds that the whole has taken; the others take their own.
    func begin(_ call: UpstreamCall, partOf whole: Exchange, _ body: ByteBuffer, number: Int) {
        downstream = .call(call)
        isPart = true
        client = whole.client
        clientIP = whole.clientIP
        snapshot = whole.snapshot
        rule = whole.rule
        matchedPathBytes = whole.matchedPathBytes
        principal = whole.principal
        request = whole.request
        request.expectsContinue = false
        request.framing = .length(UInt64(body.readableBytes))
        (askedTarget, askedPath, askedAuthority) = (whole.askedTarget, whole.askedPath, whole.askedAuthority)
        requestEnded = true
        held.hold(body)
        stamp(whole.record, number, bytes: body.readableBytes)
        guard case .room(let room) = rule?.action else { return refuse(GatewayError(.noRoute, "no route")) }
        if number == 1 {
            bodyBytesMax = whole.bodyBytesMax
            record.admittedNanoseconds = worker.now
        } else if let refusal = admit() {
            return refuse(refusal)
        }
        room.handle(self)
    }

    /// A record of its own, with the place and the id of the whole.
    private func stamp(_ whole: RequestRecord, _ number: Int, bytes: Int) {
        state = .answering
        worker.recorder.metrics.change(.requestsActive, by: 1)
        record = whole
        (record.outcome, record.errorCode, record.status, record.responseBytes) = (.completed, nil, 0, 0)
        record.startedNanoseconds = worker.now
        record.wallNanoseconds = worker.wallNanoseconds
        record.requestBytes = UInt64(bytes)
        record.part = number
        // Below the whole, in its trace.
        record.parentSpanID = whole.spanID
        record.spanID = worker.recorder.nextIdentifier64()
        attempt.lastProgressNanoseconds = worker.now
    }
}
