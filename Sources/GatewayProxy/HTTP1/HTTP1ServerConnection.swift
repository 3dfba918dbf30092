import GatewayModel
import GatewayRecords
import GatewayWire
package import NIOCore

/// A client's HTTP/1 connection: the only handler of its channel (after TLS). Bytes in, exchange calls out, and back.
///
/// One request is under way at a time; pipelined ones wait in `unread` with reading stopped.
package final class HTTP1ServerConnection: Timed, ChannelDuplexHandler, DownstreamConnection {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    /// What the next byte from the client is.
    enum Inbound {
        case head
        case body
        /// The message is complete; what follows is the next request.
        case complete
        case tunnel
        /// The rest of a body nobody wants, before the next head.
        case skip
        /// Read and thrown away until the peer has seen our last words.
        case discard
    }

    let worker: Worker
    let client: ClientConnection
    package var port: BoundPort { client.port }
    /// The request under way; nil between requests, so that an idle connection holds next to nothing.
    private(set) var exchange: Exchange?
    var context: ChannelHandlerContext?

    var inbound: Inbound = .head
    private var parser: HTTP1RequestParser
    var decoder: HTTP1BodyDecoder
    var unread: ByteBuffer?
    /// Bytes of a head have arrived and its end has not.
    var isMidHead = false
    var isParsing = false
    var requestCount = 0

    let output: HTTP1Output
    var outboundFraming: BodyFraming = .none
    var keepAlive = true
    var isDraining = false
    var isClosing = false
    /// The last byte has been said; the connection closes when it is out.
    var isEnding = false
    /// It is out; what the client still sends is thrown away for a moment.
    var isLingering = false
    /// When what was said is out and our half is shut.
    var outputClosed: EventLoopFuture<Void>?
    /// The response's head is out.
    var isHeadSent = false
    var hasSentContinue = false

    var isReading = true
    private var hasPendingRead = false
    var isPeerDone = false
    var skippedBytes: UInt64 = 0
    static let skippedBytesMax: UInt64 = 64 * 1024
    private let headTimeoutMilliseconds: Int
    let idleTimeoutMilliseconds: Int
    let allowsHalfClose: Bool

    package init(worker: Worker, client: ClientConnection) {
        self.worker = worker
        self.client = client
        output = HTTP1Output(worker)
        let snapshot = worker.currentSnapshot()
        let limits = snapshot.limits
        let settings = snapshot.table(port: client.port.number)?.settings ?? PortSettings()
        headTimeoutMilliseconds =
            settings.headTimeoutMilliseconds > 0 ? settings.headTimeoutMilliseconds : limits.headTimeoutMilliseconds
        idleTimeoutMilliseconds =
            settings.idleTimeoutMilliseconds > 0 ? settings.idleTimeoutMilliseconds : limits.idleTimeoutMilliseconds
        allowsHalfClose = settings.allowsHalfClose
        parser = HTTP1RequestParser(limits: HTTP1Limits(limits))
        decoder = HTTP1BodyDecoder(.none, limits: HTTP1Limits(limits))
        super.init()
    }

    /// The exchange that the next request is parsed into.
    private func takeExchange() -> Exchange {
        if let exchange { return exchange }
        let fresh = worker.takeExchange()
        fresh.client = client
        fresh.downstream = .http1(self)
        exchange = fresh
        return fresh
    }

    func giveExchangeBack() {
        guard let old = exchange else { return }
        exchange = nil
        old.downstream = .none
        old.reset()
        worker.giveBack(old)
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output.attach(to: context, isPlain: !client.port.isTLS)
        if context.channel.isActive { opened() }
    }

    package func channelActive(context: ChannelHandlerContext) {
        opened()
        context.fireChannelActive()
    }

    private func opened() {
        guard worker.connections.updateValue(self, forKey: ObjectIdentifier(self)) == nil else { return }
        worker.recorder.metrics.add(.connectionsAccepted)
        worker.recorder.metrics.change(.connectionsActive, by: 1)
        // Its handshake may have outlived the beginning of the drain.
        isDraining = worker.isDraining
        worker.refreshClock()
        waitForHead()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        output.closed()
        worker.refreshClock()
        closed()
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        output.detach()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        worker.refreshClock()
        var buffer = unwrapInboundIn(data)
        if var earlier = unread {
            unread = nil
            earlier.writeBuffer(&buffer)
            buffer = earlier
        }
        process(&buffer)
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        exchange?.flushUpstream()
        flush()
    }

    package func read(context: ChannelHandlerContext) {
        if isReading { context.read() } else { hasPendingRead = true }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { exchange?.downstreamWritable() }
        context.fireChannelWritabilityChanged()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            worker.refreshClock()
            peerFinished()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        worker.refreshClock()
        closeNow()
    }

    // MARK: Bytes in

    func process(_ buffer: inout ByteBuffer) {
        isParsing = true
        defer { isParsing = false }
        while buffer.readableBytes > 0 {
            switch inbound {
            case .head: if !parseHead(&buffer) { return keep(buffer) }
            case .body: decodeBody(&buffer)
            case .skip: skipBody(&buffer)
            case .complete:
                setReading(false)
                return keep(buffer)
            case .tunnel:
                let bytes = buffer
                buffer.moveReaderIndex(to: buffer.writerIndex)
                exchange?.receive(bytes)
            case .discard: return
            }
        }
    }

    func keep(_ buffer: ByteBuffer) {
        guard buffer.readableBytes > 0 else { return }
        // A copy, so that the channel's large read buffer is not held by a few bytes of the next request.
        unread = buffer.readableBytes < 4096 ? ByteBuffer(bytes: buffer.readableBytesView) : buffer
    }

    /// Returns false when more bytes are needed (or the connection is being given up).
    private func parseHead(_ buffer: inout ByteBuffer) -> Bool {
        let exchange = takeExchange()
        do {
            guard let consumed = try parser.parse(buffer.readableBytesUInt8Span, into: &exchange.request) else {
                if !isMidHead {
                    isMidHead = true
                    schedule(afterMilliseconds: headTimeoutMilliseconds)
                }
                return false
            }
            buffer.moveReaderIndex(forwardBy: consumed)
        } catch {
            if error == .http2Preface, requestCount == 0, becomesHTTP2(buffer) {
                buffer.moveReaderIndex(to: buffer.writerIndex)
                return true
            }
            refuse(error, exchange)
            buffer.moveReaderIndex(to: buffer.writerIndex)
            return true
        }
        isMidHead = false
        deadline = .max
        begin(exchange)
        return true
    }

    private func begin(_ exchange: Exchange) {
        requestCount += 1
        keepAlive =
            !isDraining && requestCount < worker.snapshot.limits.requestsPerConnectionMax
            && exchange.request.connection.keepsAlive(exchange.request.version)
        isHeadSent = false
        hasSentContinue = false
        switch exchange.request.framing {
        case .none, .length(0):
            inbound = .complete
            exchange.requestEnded = true
        default:
            decoder = HTTP1BodyDecoder(exchange.request.framing, limits: HTTP1Limits(worker.snapshot.limits))
            inbound = .body
            schedule(afterMilliseconds: worker.snapshot.limits.bodyIdleTimeoutMilliseconds)
        }
        exchange.begin()
    }

    private func decodeBody(_ buffer: inout ByteBuffer) {
        // The callbacks below may decode another connection's body.
        var ranges = worker.takeRanges()
        defer { worker.giveBack(&ranges) }
        do {
            let progress = try decoder.decode(buffer.readableBytesUInt8Span, payload: &ranges)
            let start = buffer.readerIndex
            let source = buffer
            buffer.moveReaderIndex(forwardBy: progress.consumed)
            if progress.consumed == 0, !progress.isComplete {
                keep(buffer)
                buffer.moveReaderIndex(to: buffer.writerIndex)
                return
            }
            schedule(afterMilliseconds: worker.snapshot.limits.bodyIdleTimeoutMilliseconds)
            for range in ranges where inbound == .body {
                if let slice = source.getSlice(at: start + range.lowerBound, length: range.count) {
                    exchange?.receive(slice)
                }
            }
            if progress.isComplete, inbound == .skip { return bodySkipped() }
            guard progress.isComplete, inbound == .body else { return }
            deadline = .max
            inbound = .complete
            exchange?.receiveEnd(trailers: decoder.someTrailers)
        } catch {
            buffer.moveReaderIndex(to: buffer.writerIndex)
            refuseBody(error)
        }
    }

    override func deadlineReached(now: UInt64) {
        guard !isClosing else { return }
        switch inbound {
        case .head where isMidHead:
            isMidHead = false
            inbound = .discard
            keepAlive = false
            // Half a head refers to bytes that it does not have.
            exchange?.request.reset()
            exchange?.accept()
            exchange?.refuse(GatewayError(.requestTimeout, "the request head did not arrive in time"))
        case .body where !isReading:
            // It is we who keep the client waiting.
            schedule(afterMilliseconds: worker.snapshot.limits.bodyIdleTimeoutMilliseconds)
        case .body:
            inbound = .discard
            keepAlive = false
            exchange?.failBeforeEnd(GatewayError(.requestTimeout, "the request body did not arrive in time"))
        default: closeNow()
        }
    }

    // MARK: Draining and reading

    package func drain() {
        isDraining = true
        keepAlive = false
        if inbound == .head, !isMidHead { closeWhenFlushed() }
    }

    package func abort() { closeNow() }

    /// What has been answered leaves first.
    func closeNow() {
        output.leaveBeforeEnd()
        context?.closeBothWays()
    }

    func forEachExchange(_ body: (Exchange) -> Void) { if let exchange { body(exchange) } }

    func setReading(_ reading: Bool) {
        // Nothing but the end of this request makes room for the next.
        if reading, inbound == .complete, unread != nil { return }
        guard reading != isReading else { return }
        isReading = reading
        if reading, hasPendingRead {
            hasPendingRead = false
            context?.read()
        }
    }

    /// As the channel last said; asking it anew costs a dozen reference counts.
    private(set) var isWritable = true

    private func becomesHTTP2(_ buffer: ByteBuffer) -> Bool {
        guard let context else { return false }
        let settings = worker.currentSnapshot().table(port: client.port.number)?.settings ?? PortSettings()
        guard settings.http2, settings.h2c || client.port.isTLS else { return false }
        closedForUpgrade()
        let next = HTTP2ServerConnection(worker: worker, client: client)
        inbound = .discard
        let bytes = buffer
        try? context.pipeline.syncOperations.addHandler(next, position: .after(self))
        context.fireChannelRead(NIOAny(bytes))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        return true
    }

    /// HTTP/2 takes the channel over; nothing of this object may run again.
    private func closedForUpgrade() {
        worker.connections.removeValue(forKey: ObjectIdentifier(self))
        worker.recorder.metrics.change(.connectionsActive, by: -1)
        worker.cancel(self)
        isClosing = true
        giveExchangeBack()
    }
}

extension HTTP1ServerConnection: RemovableChannelHandler {}

extension ConnectionOptions {
    /// Whether the connection may serve another message (RFC 9112 section 9.3).
    func keepsAlive(_ version: HTTPVersion) -> Bool {
        if contains(.close) { return false }
        return version == .http10 ? contains(.keepAlive) : true
    }
}
