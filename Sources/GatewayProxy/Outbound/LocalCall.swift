import GatewayModel
import GatewayWire
import NIOCore

/// A call of `OutboundClient`: gathers the answer, up to a bound, and keeps a promise with it.
final class LocalCall: AnswerReader {
    let call = UpstreamCall()
    private let promise: EventLoopPromise<OutboundResponse>
    private let eventLoop: any EventLoop
    private let responseBytesMax: Int
    private let reach: OutboundGuard?
    private var response = OutboundResponse(status: 0)
    private var outcome: Result<OutboundResponse, any Error>?

    init(
        promise: EventLoopPromise<OutboundResponse>, on eventLoop: any EventLoop, responseBytesMax: Int,
        reach: OutboundGuard?
    ) {
        self.promise = promise
        self.eventLoop = eventLoop
        self.responseBytesMax = responseBytesMax
        self.reach = reach
    }

    /// Nobody waits any more.
    func abandon() {
        guard call.isUnderWay else { return }
        outcome = outcome ?? .failure(CancellationError())
        call.cancel()
    }

    func refusal(of address: SocketAddress) -> GatewayError? {
        guard let reach else { return nil }
        if let text = address.ipAddress, let ip = IPAddress(text), reach.permits(ip) { return nil }
        return GatewayError(
            .forbidden, "the destination is not an address that may be asked: \(address.ipAddress ?? "unknown")",
            hint: "allow its block explicitly if it is meant")
    }

    func receiveAnswerHead(_ head: borrowing ResponseHead) {
        response.status = head.status
        response.fields.reserveCapacity(head.fields.entries.count)
        for index in head.fields.entries.indices {
            let entry = head.fields.entries[index]
            response.fields.append(OutboundField(head.fields.text(entry.name), head.fields.text(entry.value)))
        }
    }

    func receiveAnswer(_ bytes: ByteBuffer) {
        guard outcome == nil else { return }
        guard response.body.count + bytes.readableBytes <= responseBytesMax else {
            return answerFailed(GatewayError(.tooLarge, "the answer is larger than \(responseBytesMax) bytes"))
        }
        response.body.append(contentsOf: bytes.readableBytesView)
    }

    func receiveAnswerEnd(trailers: FieldBlock?) { outcome = outcome ?? .success(response) }

    func answerFailed(_ error: GatewayError) {
        guard outcome == nil else { return }
        outcome = .failure(error)
        response.body = []
        // Not within the event that brought the bytes: the exchange is in the middle of passing them on.
        eventLoop.assumeIsolated().execute { self.call.cancel() }
    }

    func callFinished() {
        promise.completeWith(outcome ?? .failure(GatewayError(.upstreamReset, "the request was given up")))
    }
}
