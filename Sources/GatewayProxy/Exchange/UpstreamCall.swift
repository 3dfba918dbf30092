package import GatewayModel
import GatewayRecords
package import GatewayWire
package import NIOCore

/// A request of our own through the upstream path: what a room asks of a backend, and what `OutboundClient` sends. It
/// takes the place of a client, so that pools, DNS, TLS, timeouts and back-pressure are those of every other request.
/// Used on the event loop of the worker that serves it; it may begin again when it has finished.
package final class UpstreamCall {
    /// The exchange that serves it, from `begin` until it has settled.
    private var exchange: Exchange?
    /// Held while the call is under way, so that an answer always finds its reader.
    private var reader: (any AnswerReader)?
    /// Memory of the worker's that holds the body, and goes back when the call has settled.
    private var lent: ByteBuffer?

    package init() {}

    package var isUnderWay: Bool { exchange != nil }
    /// Where the current attempt went; for records.
    package var upstreamAddress: String { exchange?.record.upstreamAddress ?? "" }

    /// Sends the request to a backend, by the timeouts (and nothing else) of `rule`. `body` is all of it if `isWhole`;
    /// otherwise `send` and `sendEnd` follow.
    package func begin(
        _ head: RequestHead, body: [ByteBuffer], isWhole: Bool = true, to backend: CompiledBackend,
        rule: CompiledRule, on worker: Worker, reader: any AnswerReader
    ) {
        begin(body: body, isWhole: isWhole, to: backend, rule: rule, on: worker, reader: reader) { $0 = head }
    }

    /// The same with a head and a whole body that are written into memory which served others before.
    package func begin(
        body: [UInt8], to backend: CompiledBackend, rule: CompiledRule, on worker: Worker, reader: any AnswerReader,
        writingHead: (inout RequestHead) -> Void
    ) {
        guard !body.isEmpty else {
            return begin(
                body: [ByteBuffer](), to: backend, rule: rule, on: worker, reader: reader, writingHead: writingHead)
        }
        var buffer = worker.takeBuffer()
        buffer.writeBytes(body)
        lent = buffer
        begin(body: [buffer], to: backend, rule: rule, on: worker, reader: reader, writingHead: writingHead)
    }

    /// The same with a head that is written into memory which served another one before.
    package func begin(
        body: [ByteBuffer], isWhole: Bool = true, to backend: CompiledBackend, rule: CompiledRule, on worker: Worker,
        reader: any AnswerReader, writingHead: (inout RequestHead) -> Void
    ) {
        worker.refreshClock()
        let exchange = worker.takeExchange()
        self.exchange = exchange
        self.reader = reader
        writingHead(&exchange.request)
        exchange.begin(self, rule: rule, backend: backend, body: body, isWhole: isWhole)
    }

    /// Asks the room of `whole` in its name: a part of that request, as one of its own; `number` counts from 1.
    package func begin(partOf whole: Exchange, body: ByteBuffer, number: Int, reader: any AnswerReader) {
        let exchange = whole.worker.takeExchange()
        self.exchange = exchange
        self.reader = reader
        exchange.begin(self, partOf: whole, body, number: number)
    }

    /// More of the request's body.
    package func send(_ bytes: ByteBuffer) { exchange?.receive(bytes) }

    package func sendEnd() {
        exchange?.receiveEnd(trailers: nil)
        exchange?.flushUpstream()
    }

    /// Lets what was sent go.
    package func flush() { exchange?.flushUpstream() }

    /// The reader wants more of the answer (`AnswerReader.isWritable` has turned true).
    package func resumeReading() { exchange?.downstreamWritable() }

    /// Nobody waits any more: the request ends, upstream too. The reader hears `callFinished` before this returns.
    package func cancel() {
        guard let exchange else { return }
        exchange.worker.refreshClock()
        exchange.downstreamClosed()
    }

    // MARK: From the exchange

    func receiveHead(_ head: borrowing ResponseHead) { reader?.receiveAnswerHead(head) }
    func receive(_ bytes: ByteBuffer) { reader?.receiveAnswer(bytes) }
    func receiveFlush() { reader?.flushAnswer() }
    func receiveEnd(trailers: FieldBlock?) { reader?.receiveAnswerEnd(trailers: trailers) }
    func failed(_ error: GatewayError) { reader?.answerFailed(error) }
    var isWritable: Bool { reader?.isWritable ?? true }
    func setRequestReading(_ isReading: Bool) { reader?.setRequestReading(isReading) }
    func refusal(of address: SocketAddress) -> GatewayError? { reader?.refusal(of: address) }

    func brokenOff() { failed(GatewayError(.upstreamReset, "the answer broke off")) }

    func switched() { failed(GatewayError(.upstreamProtocolError, "the answer switches protocols unasked")) }

    func settled() {
        let reader = reader
        if let lent { exchange?.worker.giveBack(lent) }
        (exchange, lent) = (nil, nil)
        self.reader = nil
        reader?.callFinished()
    }
}

/// Who takes the answer of an `UpstreamCall`. What is heard ends with `callFinished`, exactly once, after
/// `receiveAnswerEnd`, `answerFailed` or a cancellation; only then may a next call follow.
package protocol AnswerReader: AnyObject {
    /// The final head.
    func receiveAnswerHead(_ head: borrowing ResponseHead)
    func receiveAnswer(_ bytes: ByteBuffer)
    /// All of one read has been heard: what was made of it may leave.
    func flushAnswer()
    /// The answer is whole.
    func receiveAnswerEnd(trailers: FieldBlock?)
    /// There is no answer, or no more of it.
    func answerFailed(_ error: GatewayError)
    func callFinished()
    /// Whether more of the answer is wanted now.
    var isWritable: Bool { get }
    /// The backend does not (or does again) keep up with the body of the request.
    func setRequestReading(_ isReading: Bool)
    /// Why this address may not be dialled; nil if it may.
    func refusal(of address: SocketAddress) -> GatewayError?
}

extension AnswerReader {
    package func flushAnswer() {}
    package var isWritable: Bool { true }
    package func setRequestReading(_ isReading: Bool) {}
    package func refusal(of address: SocketAddress) -> GatewayError? { nil }
}

extension Exchange {
    /// Serves a request of our own, which is in `request`: no phases, one backend, no record.
    func begin(_ call: UpstreamCall, rule: CompiledRule, backend: CompiledBackend, body: [ByteBuffer], isWhole: Bool) {
        downstream = .call(call)
        snapshot = worker.currentSnapshot()
        self.rule = rule
        record.startedNanoseconds = worker.now
        record.backend = backend.name
        record.backendID = backend.metricSlot
        attempt.backend = backend
        receiver = .upstream
        requestEnded = isWhole
        held.hold(first: body)
        state = .answering
        startAttempt()
    }
}
