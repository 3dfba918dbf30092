import GatewayModel
import GatewayWire
import NIOCore

/// What both sides of HTTP/2 share: one handler for the whole connection, no channel per stream. It owns the session,
/// the streams, the peer's budget and the clock; the two subclasses say what heads and bodies mean.
class HTTP2Connection: Timed, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What one write to the socket may gather.
    static let gatherBytesMax = 64 * 1024
    /// How long a closed direction waits for the peer to close the other.
    static let lingerNanoseconds: UInt64 = 1_000_000_000

    final let worker: Worker
    final let limits: Limits
    final private(set) var session: HTTP2Session?
    final private(set) var context: ChannelHandlerContext?
    final private(set) var streams: [HTTP2Stream] = []
    /// Bytes delivered to streams that do not read at present.
    final var withheldBytes = 0
    final private(set) var isClosed = false
    /// Our direction is closed; what still arrives is ignored.
    final private var isLingering = false
    final private var budget: HTTP2FrameBudget

    /// nghttp2 is on the stack: submit, but neither receive nor fill.
    final private var isInSession = false
    final private var isFlushing = false
    final private var isFlushAsked = false
    final private var isFlushScheduled = false
    final private var touched: [HTTP2Stream] = []
    final private var drained: [HTTP2Stream] = []

    final private var startedAt: UInt64 = 0
    final private var idleSince: UInt64 = 0
    final private var isPeerKnown = false
    /// When the header block being received began; 0 when none is.
    final private var headersBeganAt: UInt64 = 0
    /// What its fields come to so far, as RFC 9113 section 6.5.2 counts.
    final private var blockBytes = 0
    /// Since when the socket takes no more; 0 when it does.
    final private var blockedSince: UInt64 = 0
    final let bodyIdleNanoseconds: UInt64

    init(worker: Worker, limits: Limits, countsResets: Bool) {
        self.worker = worker
        self.limits = limits
        budget = HTTP2FrameBudget(limits: limits, countsResets: countsResets)
        bodyIdleNanoseconds = UInt64(limits.bodyIdleTimeoutMilliseconds) &* 1_000_000
        super.init()
    }

    // MARK: What each side does

    /// Creates the session and sends the first SETTINGS.
    func makeSession() -> HTTP2Session? { nil }
    func headersBegan(id: Int32, isRequest: Bool) {}
    /// One field of the header block.
    func fieldReceived(name: Span<UInt8>, value: Span<UInt8>) {}
    func headersEnded(id: Int32, isLast: Bool) {}
    func goawayReceived() {}
    func pingAnswered() {}
    /// The peer's SETTINGS arrived.
    func settingsReceived() { isPeerKnown = true }
    /// A frame with END_STREAM has left.
    func endSent(_ stream: HTTP2Stream) {}
    func didClose() {}
    /// How long the connection may be without a stream.
    var idleNanoseconds: UInt64 { UInt64(limits.idleTimeoutMilliseconds) &* 1_000_000 }
    func becameIdle() {}

    // MARK: Channel

    final func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start() }
    }

    final func handlerRemoved(context: ChannelHandlerContext) {
        tearDown()
        self.context = nil
    }

    final func channelActive(context: ChannelHandlerContext) {
        start()
        context.fireChannelActive()
    }

    final func channelInactive(context: ChannelHandlerContext) {
        worker.refreshClock()
        tearDown()
        context.fireChannelInactive()
    }

    private func start() {
        guard session == nil, !isClosed else { return }
        worker.refreshClock()
        startedAt = worker.now
        idleSince = worker.now
        guard let session = makeSession() else { return abortConnection() }
        self.session = session
        worker.schedule(self, at: nextInspection(now: worker.now))
        flush()
    }

    final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, !isClosed, !isLingering else { return }
        worker.refreshClock()
        isInSession = true
        let failure = session.receive(unwrapInboundIn(data))
        isInSession = false
        if let failure { session.terminate(failure) }
        if headersBeganAt == worker.now { worker.schedule(self, at: nextInspection(now: worker.now)) }
    }

    final func channelReadComplete(context: ChannelHandlerContext) {
        if !touched.isEmpty {
            let list = touched
            touched.removeAll(keepingCapacity: true)
            for stream in list {
                stream.isTouched = false
                stream.flushOnward()
            }
        }
        flush()
    }

    final func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            worker.refreshClock()
            blockedSince = 0
            flush()
        }
        context.fireChannelWritabilityChanged()
    }

    final func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            // A peer that closed its direction can neither open windows nor finish a request.
            worker.refreshClock()
            abortConnection()
        }
        context.fireUserInboundEventTriggered(event)
    }

    final func errorCaught(context: ChannelHandlerContext, error: any Error) { abortConnection() }

    // MARK: Streams

    final func open(_ stream: HTTP2Stream) {
        stream.position = streams.count
        streams.append(stream)
        if streams.count == 1 { worker.schedule(self, at: nextInspection(now: worker.now)) }
    }

    /// A stream that never reached the session.
    final func forget(_ stream: HTTP2Stream) {
        guard stream.position < streams.count, streams[stream.position] === stream else { return }
        remove(stream)
        stream.closed(.cancel)
    }

    final func touch(_ stream: HTTP2Stream) {
        guard !stream.isTouched else { return }
        stream.isTouched = true
        touched.append(stream)
    }

    final func hasDrained(_ stream: HTTP2Stream) { drained.append(stream) }

    private func remove(_ stream: HTTP2Stream) {
        let last = streams.removeLast()
        if last !== stream {
            streams[stream.position] = last
            last.position = stream.position
        }
        guard streams.isEmpty else { return }
        idleSince = worker.now
        becameIdle()
        worker.schedule(self, at: nextInspection(now: worker.now))
    }

    // MARK: Events of the session

    final func frameBegan(type: UInt8, flags: UInt8, length: Int) {
        if !budget.admit(type: type, flags: flags, length: length, now: worker.now) {
            session?.terminate(.enhanceYourCalm)
        }
    }

    /// A header block begins; it must be whole in time.
    final func blockBegan(id: Int32, isRequest: Bool) {
        headersBeganAt = worker.now
        blockBytes = 0
        headersBegan(id: id, isRequest: isRequest)
    }

    /// One field; false ends the connection.
    final func field(name: Span<UInt8>, value: Span<UInt8>) -> Bool {
        blockBytes += name.count + value.count + 32
        // A block may say by reference far more than it carries; beyond reason it is not even decoded.
        if blockBytes > 4 * limits.headBytesMax {
            session?.terminate(.enhanceYourCalm)
            return false
        }
        fieldReceived(name: name, value: value)
        return true
    }

    final func blockEnded(id: Int32, isLast: Bool) {
        headersBeganAt = 0
        headersEnded(id: id, isLast: isLast)
    }

    final func dataReceived(id: Int32, _ bytes: ByteBuffer) {
        guard let stream = session?.stream(id) else {
            session?.consumeConnection(bytes.readableBytes)
            return
        }
        stream.receive(bytes)
        touch(stream)
    }

    final func endReceived(id: Int32) {
        guard let stream = session?.stream(id) else { return }
        stream.receiveEnd(trailers: nil)
        touch(stream)
    }

    final func streamClosed(id: Int32, _ code: HTTP2Code) {
        guard let session, let stream = session.stream(id) else { return }
        session.detach(id: id)
        stream.releaseWithheld()
        remove(stream)
        stream.closed(code)
    }

    final func frameSent(type: UInt8, flags: UInt8, id: Int32, _ code: HTTP2Code) {
        switch type {
        case HTTP2FrameType.data:
            budget.sentData()
            fallthrough
        case HTTP2FrameType.headers:
            guard flags & HTTP2Flag.endStream != 0, let stream = session?.stream(id) else { return }
            endSent(stream)
        case HTTP2FrameType.reset:
            headersBeganAt = 0
            switch code {
            // Ours: an exchange that broke off, or had no use for the rest.
            case .noError, .cancel, .internalError: break
            default:
                // A peer can make us reset its streams as cheaply as it could reset them itself.
                if !budget.spendReset(now: worker.now) { session?.terminate(.enhanceYourCalm) }
            }
        default: break
        }
    }

    // MARK: Out

    /// Lets submitted frames go: at once when one stream is alone, otherwise when all that is ready now on this loop
    /// has been processed, so that the answers of many streams share one write.
    final func flushSoon() {
        guard !isFlushScheduled else { return }
        guard !isInSession, !isFlushing else {
            isFlushAsked = true
            return
        }
        guard streams.count > 1 else { return flush() }
        isFlushScheduled = true
        worker.eventLoop.assumeIsolated().execute { [self] in
            isFlushScheduled = false
            flush()
        }
    }

    final func flush() {
        guard !isInSession, !isFlushing, !isClosed, !isLingering, let session, let context else {
            isFlushAsked = true
            return
        }
        isFlushing = true
        var isMore = true
        while isMore, !isClosed {
            guard context.channel.isWritable else {
                if blockedSince == 0 { blockedSince = worker.now }
                break
            }
            isFlushAsked = false
            isMore = gather(session, context) || isFlushAsked
        }
        isFlushing = false
        if !isClosed, session.isOver { finish() }
    }

    /// One write to the socket; whether there may be more.
    private func gather(_ session: HTTP2Session, _ context: ChannelHandlerContext) -> Bool {
        session.output = worker.takeBuffer()
        isInSession = true
        let isMore = session.fill(bytesMax: Self.gatherBytesMax)
        isInSession = false
        let bytes = session.output
        session.output = ByteBuffer()
        if bytes.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
        worker.giveBack(bytes)
        if !drained.isEmpty {
            let list = drained
            drained.removeAll(keepingCapacity: true)
            for stream in list where !isClosed { stream.becameWritable() }
        }
        return isMore
    }

    // MARK: The end

    /// Nothing more to say: closes our direction and waits a moment, so that the last frames are not lost in a reset.
    final func finish() {
        guard !isClosed, !isLingering, let context else { return }
        isLingering = true
        endStreams()
        worker.schedule(self, at: worker.now &+ Self.lingerNanoseconds)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenFailure { [self] _ in abortConnection() }
        context.close(mode: .output, promise: promise)
    }

    /// Closes at once, whatever is under way.
    final func abortConnection() {
        guard let context else { return }
        context.close(promise: nil)
    }

    private func endStreams() {
        let list = streams
        streams.removeAll()
        for stream in list {
            session?.detach(id: stream.id)
            stream.closed(.cancel)
        }
    }

    private func tearDown() {
        guard !isClosed else { return }
        isClosed = true
        worker.cancel(self)
        endStreams()
        touched.removeAll()
        drained.removeAll()
        didClose()
    }

    // MARK: Time

    override func deadlineReached(now: UInt64) {
        guard !isClosed else { return }
        if isLingering { return abortConnection() }
        if inspect(now: now) { return }
        worker.schedule(self, at: nextInspection(now: now))
        flush()
    }

    /// Looks for whatever has waited too long; true when that was the connection itself, and it has been closed.
    private func inspect(now: UInt64) -> Bool {
        let head = UInt64(limits.headTimeoutMilliseconds) &* 1_000_000
        if blockedSince > 0, now >= blockedSince &+ bodyIdleNanoseconds {
            abortConnection()
            return true
        }
        if !isPeerKnown, now >= startedAt &+ head {
            session?.terminate(.settingsTimeout)
        } else if headersBeganAt > 0, now >= headersBeganAt &+ head {
            session?.terminate(.enhanceYourCalm)
        } else if streams.isEmpty, now >= idleSince &+ idleNanoseconds {
            session?.terminate(.noError)
        }
        for stream in streams where stream.isStalled(now: now) {
            stream.abandonQueue()
            session?.reset(id: stream.id, .cancel)
        }
        return false
    }

    /// When to look again. It is only ever late by a quarter of the timeout it watches.
    private func nextInspection(now: UInt64) -> UInt64 {
        let head = UInt64(limits.headTimeoutMilliseconds) &* 1_000_000
        var next = streams.isEmpty ? idleSince &+ idleNanoseconds : now &+ bodyIdleNanoseconds / 4
        if !isPeerKnown { next = min(next, startedAt &+ head) }
        if headersBeganAt > 0 { next = min(next, headersBeganAt &+ head) }
        if blockedSince > 0 { next = min(next, blockedSince &+ bodyIdleNanoseconds) }
        return max(next, now &+ TimerWheel.tickNanoseconds)
    }
}
