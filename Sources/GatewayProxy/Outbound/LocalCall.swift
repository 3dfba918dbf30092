import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// The client of an exchange that is ourselves: gathers the answer, up to a bound, and keeps a promise with it.
/// Used on one event loop.
final class LocalCall {
    private let promise: EventLoopPromise<OutboundResponse>
    private let eventLoop: any EventLoop
    private let responseBytesMax: Int
    private let reach: OutboundGuard?
    private var response = OutboundResponse(status: 0)
    private var outcome: Result<OutboundResponse, any Error>?
    /// The exchange that serves it, until it has settled.
    private var exchange: Exchange?

    init(
        promise: EventLoopPromise<OutboundResponse>, on eventLoop: any EventLoop, responseBytesMax: Int,
        reach: OutboundGuard?
    ) {
        self.promise = promise
        self.eventLoop = eventLoop
        self.responseBytesMax = responseBytesMax
        self.reach = reach
    }

    func begin(_ exchange: Exchange) { self.exchange = exchange }

    /// Nobody waits any more: the request ends, upstream too.
    func cancel() {
        guard let exchange else { return }
        outcome = outcome ?? .failure(CancellationError())
        exchange.worker.refreshClock()
        exchange.downstreamClosed()
    }

    /// Why this address may not be dialled; nil if it may.
    func refusal(of address: SocketAddress) -> GatewayError? {
        guard let reach else { return nil }
        if let text = address.ipAddress, let ip = IPAddress(text), reach.permits(ip) { return nil }
        return GatewayError(
            .forbidden, "the destination is not a public address: \(address.ipAddress ?? "unknown")",
            hint: "allow its block explicitly if it is meant")
    }

    // MARK: From the exchange

    func receiveHead(_ head: borrowing ResponseHead) {
        response.status = head.status
        response.fields.reserveCapacity(head.fields.entries.count)
        for index in head.fields.entries.indices {
            let entry = head.fields.entries[index]
            response.fields.append(OutboundField(head.fields.text(entry.name), head.fields.text(entry.value)))
        }
    }

    func receive(_ bytes: ByteBuffer) {
        guard outcome == nil else { return }
        guard response.body.count + bytes.readableBytes <= responseBytesMax else {
            return giveUp(GatewayError(.tooLarge, "the answer is larger than \(responseBytesMax) bytes"))
        }
        response.body.append(contentsOf: bytes.readableBytesView)
    }

    func receiveEnd() { outcome = outcome ?? .success(response) }

    /// There is no (whole) answer.
    func failed(_ error: GatewayError) { outcome = outcome ?? .failure(error) }

    func brokenOff() { failed(GatewayError(.upstreamReset, "the answer broke off")) }

    func switched() { giveUp(GatewayError(.upstreamProtocolError, "the answer switches protocols unasked")) }

    func finished() {
        exchange = nil
        promise.completeWith(outcome ?? .failure(GatewayError(.upstreamReset, "the request was given up")))
    }

    /// Not within the event that brought the bytes: the exchange is in the middle of passing them on.
    private func giveUp(_ error: GatewayError) {
        guard outcome == nil else { return }
        outcome = .failure(error)
        response.body = []
        eventLoop.assumeIsolated().execute { self.cancel() }
    }
}

extension Exchange {
    /// Serves a request of our own, which is in `request`: no phases, one backend, no record.
    func begin(_ call: LocalCall, rule: CompiledRule, backend: CompiledBackend, body: [UInt8]) {
        downstream = .local(call)
        call.begin(self)
        snapshot = worker.currentSnapshot()
        self.rule = rule
        record.startedNanoseconds = worker.now
        record.backend = backend.name
        attempt.backend = backend
        receiver = .upstream
        requestEnded = true
        if !body.isEmpty { held.hold(ByteBuffer(bytes: body)) }
        state = .answering
        startAttempt()
    }
}
