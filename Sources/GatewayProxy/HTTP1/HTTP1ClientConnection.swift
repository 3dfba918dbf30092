import GatewayRecords
import GatewayWire
import NIOCore

/// A connection to a backend that speaks HTTP/1: the only handler of its channel (after TLS). It serves one exchange
/// at a time and goes back to its pool in between.
final class HTTP1ClientConnection: Timed, ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    enum Inbound {
        /// Nothing is expected; a byte now is a protocol error, an end is normal.
        case idle
        case head
        case body
        case tunnel
        case closed
    }

    let worker: Worker
    /// Held: a connection that is leased may outlive its pool's place in the worker.
    let pool: EndpointPool
    var context: ChannelHandlerContext?
    private var exchange: Exchange?
    var inbound: Inbound = .idle
    private var parser: HTTP1ResponseParser
    /// Of a chunked answer.
    private var decoder: HTTP1BodyDecoder
    /// Of an answer with a length: what is still to come.
    private var answerBytesLeft: UInt64 = 0
    private var unread: ByteBuffer?
    let output: HTTP1Output
    var outboundFraming: BodyFraming = .none
    var requestMethod: HTTPMethod = .get
    var isRequestSent = false
    /// Of a body whose length was promised; a connection that got less is not used again.
    var bodyBytesLeft: UInt64 = 0
    private var interimCount = 0
    private static let interimCountMax = 32
    private var isResponseDone = false
    private var keepAlive = true
    private(set) var requestCount = 0
    private var counted: ConnectionLevel
    private var isReading = true
    private var hasPendingRead = false
    /// The backend will send no more.
    var isPeerDone = false
    /// The connection broke: what came so far is not all.
    private var isBroken = false

    var wasReused: Bool { requestCount > 1 }
    /// As the channel last said; asking it anew costs a dozen reference counts.
    private(set) var isWritable = true
    /// Not closed from either side: `channelInactive` and a half close end it.
    var isOpen: Bool { inbound == .idle }

    init(worker: Worker, pool: EndpointPool) {
        self.worker = worker
        self.pool = pool
        output = HTTP1Output(worker)
        counted = ConnectionLevel(metricSlot: pool.metricSlot)
        let limits = HTTP1Limits(worker.snapshot.limits)
        parser = HTTP1ResponseParser(limits: limits)
        decoder = HTTP1BodyDecoder(.none, limits: limits)
        super.init()
    }

    /// Serves `exchange` from here on.
    func assign(_ exchange: Exchange) {
        count(as: .active)
        self.exchange = exchange
        requestCount += 1
        inbound = .head
        isRequestSent = false
        interimCount = 0
        isResponseDone = false
        keepAlive = true
        deadline = .max
    }

    /// Another exchange takes the request under way over.
    func serve(_ exchange: Exchange) { self.exchange = exchange }

    // MARK: From the exchange

    func cancel() {
        output.leaveBeforeEnd()
        forgetPartialHead()
        exchange = nil
        close()
    }

    func close() {
        inbound = .closed
        context?.closeBothWays()
    }

    /// Half of a connection cannot be closed when the other half is, and a whole one would lose what is not sent.
    func closeWhenFlushed() {
        output.last()?.assumeIsolated().whenComplete { [self] _ in context?.closeBothWays() }
    }

    func setReading(_ reading: Bool) {
        guard reading != isReading else { return }
        isReading = reading
        if reading, hasPendingRead {
            hasPendingRead = false
            context?.read()
        }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output.attach(to: context, isPlain: pool.isPlain)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        output.detach()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        worker.refreshClock()
        var buffer = unwrapInboundIn(data)
        if var earlier = unread {
            unread = nil
            earlier.writeBuffer(&buffer)
            buffer = earlier
        }
        process(&buffer)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        exchange?.flushDownstream()
    }

    func read(context: ChannelHandlerContext) {
        if isReading { context.read() } else { hasPendingRead = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { exchange?.upstreamWritable() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            worker.refreshClock()
            inputEnded()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        output.closed()
        worker.refreshClock()
        if inbound == .tunnel { endTunnel() } else { inputEnded() }
        inbound = .closed
        worker.cancel(self)
        count(as: .gone)
        pool.closed(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isBroken = true
        context.closeBothWays()
    }

    override func deadlineReached(now: UInt64) {
        if inbound == .idle { close() }
    }

    // MARK: Bytes in

    private func process(_ buffer: inout ByteBuffer) {
        while buffer.readableBytes > 0 {
            switch inbound {
            case .head: if !parseHead(&buffer) { return }
            case .body: decodeBody(&buffer)
            case .tunnel:
                let bytes = buffer
                buffer.moveReaderIndex(to: buffer.writerIndex)
                exchange?.upstreamBody(bytes)
            case .idle: return close()
            case .closed: return
            }
        }
    }

    private func parseHead(_ buffer: inout ByteBuffer) -> Bool {
        guard let exchange else { return false }
        do {
            let consumed = try parser.parse(
                buffer.readableBytesUInt8Span, requestMethod: requestMethod, into: &exchange.response)
            guard let consumed else {
                unread = buffer
                return false
            }
            buffer.moveReaderIndex(forwardBy: consumed)
        } catch {
            fail(.malformed(error.reason))
            return false
        }
        if ResponseHead.isInterim(exchange.response.status) {
            interimCount += 1
            if interimCount > Self.interimCountMax {
                fail(.malformed("too many interim answers"))
                return false
            }
            exchange.upstreamInterim()
            return inbound == .head
        }
        return begin(exchange, hasMore: buffer.readableBytes > 0)
    }

    private func begin(_ exchange: Exchange, hasMore: Bool) -> Bool {
        let framing = exchange.response.framing
        keepAlive = exchange.response.connection.keepsAlive(exchange.response.version) && framing != .untilClose
        switch framing {
        case .length(let length): answerBytesLeft = length
        case .chunked: decoder = HTTP1BodyDecoder(framing, limits: HTTP1Limits(worker.snapshot.limits))
        case .none, .untilClose: break
        }
        let isTunnel = exchange.response.status == 101
        if isTunnel, exchange.request.upgrade.isEmpty || !exchange.requestEnded {
            fail(.malformed("an upgrade that was not asked for"))
            return false
        }
        inbound = isTunnel ? .tunnel : .body
        guard exchange.upstreamHead() else { return false }
        if isTunnel { return true }
        switch framing {
        case .none, .length(0):
            // Bytes after the end of the answer: the connection cannot be trusted with another request.
            if hasMore { keepAlive = false }
            finish(trailers: nil)
            return false
        default: return true
        }
    }

    private func decodeBody(_ buffer: inout ByteBuffer) {
        guard let exchange else {
            buffer.moveReaderIndex(to: buffer.writerIndex)
            return
        }
        switch exchange.response.framing {
        case .chunked: decodeChunks(&buffer, exchange)
        case .length: takeBody(&buffer, exchange)
        case .none, .untilClose:
            let bytes = buffer
            buffer.moveReaderIndex(to: buffer.writerIndex)
            exchange.upstreamBody(bytes)
        }
    }

    /// As much of a body of known length as is there.
    private func takeBody(_ buffer: inout ByteBuffer, _ exchange: Exchange) {
        let count = Int(truncatingIfNeeded: min(UInt64(buffer.readableBytes), answerBytesLeft))
        guard let bytes = buffer.readSlice(length: count) else { return }
        answerBytesLeft -= UInt64(count)
        exchange.upstreamBody(bytes)
        if answerBytesLeft == 0, inbound == .body { finishBody(&buffer, trailers: nil) }
    }

    private func finishBody(_ buffer: inout ByteBuffer, trailers: FieldBlock?) {
        if buffer.readableBytes > 0 {
            // As in `begin`.
            keepAlive = false
            buffer.moveReaderIndex(to: buffer.writerIndex)
        }
        finish(trailers: trailers)
    }

    private func decodeChunks(_ buffer: inout ByteBuffer, _ exchange: Exchange) {
        // The callbacks below may decode another connection's body.
        var ranges = worker.takeRanges()
        defer { worker.giveBack(&ranges) }
        do {
            let progress = try decoder.decode(buffer.readableBytesUInt8Span, payload: &ranges)
            let start = buffer.readerIndex
            let source = buffer
            buffer.moveReaderIndex(forwardBy: progress.consumed)
            if progress.consumed == 0, !progress.isComplete {
                unread = buffer
                buffer.moveReaderIndex(to: buffer.writerIndex)
                return
            }
            for range in ranges where inbound == .body {
                if let slice = source.getSlice(at: start + range.lowerBound, length: range.count) {
                    exchange.upstreamBody(slice)
                }
            }
            if progress.isComplete, inbound == .body {
                finishBody(&buffer, trailers: decoder.someTrailers)
            }
        } catch {
            buffer.moveReaderIndex(to: buffer.writerIndex)
            fail(.malformed(error.reason))
        }
    }

    // MARK: Ends

    private func finish(trailers: FieldBlock?) {
        guard let finished = exchange else { return }
        exchange = nil
        unread = nil
        setReading(true)
        let isWhole = isRequestSent && bodyBytesLeft == 0
        // Who was asked to change the protocol and did not say so may have changed it all the same, or have stopped
        // reading requests, as SwiftNIO's decoder does.
        let mayHaveSwitched = requestMethod == .connect || !finished.request.upgrade.isEmpty
        let isReusable = keepAlive && isWhole && !mayHaveSwitched && inbound != .closed
        inbound = isReusable ? .idle : .closed
        // The pool first: the end of this exchange may be the start of the next one on the same client connection.
        if isReusable {
            count(as: .idle)
            pool.released(self)
        }
        let client = finished.downstream
        finished.upstreamEnd(trailers: trailers)
        client.flush()
        if !isReusable { close() }
    }

    private func inputEnded() {
        isPeerDone = true
        switch inbound {
        case .idle, .closed: close()
        case .tunnel: exchange?.upstreamHalfClosed()
        case .body:
            if !isBroken, let exchange, case .untilClose = exchange.response.framing { return finish(trailers: nil) }
            fail(.reset)
        case .head: fail(.reset)
        }
    }

    /// Half a head in the exchange refers to bytes that it does not have.
    private func forgetPartialHead() {
        if inbound == .head { exchange?.response.reset() }
    }

    private func endTunnel() {
        guard let ended = exchange else { return }
        exchange = nil
        ended.upstreamEnd(trailers: nil)
    }

    private func fail(_ failure: UpstreamFailure) {
        forgetPartialHead()
        let failed = exchange
        exchange = nil
        // A kept connection that ends without a byte: the backend is likely to have dropped the others too, and the
        // request is to be repeated on a new one.
        if case .reset = failure, inbound == .head, wasReused { pool.closeIdle() }
        close()
        guard let failed else { return }
        let client = failed.downstream
        failed.upstreamFailed(failure)
        client.flush()
    }

    /// Moves it from one level of connections to another.
    func count(as state: ConnectionLevel.State) { counted.move(to: state, worker.recorder.metrics) }

    /// Waits in the pool no longer than this.
    func expire(atNanoseconds deadline: UInt64) { worker.schedule(self, at: deadline) }
}
