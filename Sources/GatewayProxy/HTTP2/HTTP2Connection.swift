import GatewayModel
import GatewayWire
import NIOCore

/// What both sides of HTTP/2 share: one handler for the whole connection, no channel per stream. It owns the session,
/// the streams, the peer's budget and the clock; the two subclasses say what heads and bodies mean.
class HTTP2Connection: Timed, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What one write to the socket may gather, but for its last frame: with 16 KiB of that it stays within the
    /// buffers that go round.
    static let gatherBytesMax = 40 * 1024
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
    final var isLingering = false
    final private var meter: HTTP2FrameMeter

    /// nghttp2 is on the stack: submit, but neither receive nor fill.
    final var isInSession = false
    final var isFlushing = false
    final var isFlushAsked = false
    final var isFlushScheduled = false
    final private var touched: [HTTP2Stream] = []
    final var drained: [HTTP2Stream] = []

    final var clock: HTTP2Clock
    /// What its fields come to so far, as RFC 9113 section 6.5.2 counts.
    final private var blockBytes = 0

    /// `idleMilliseconds`: how long the connection may be without a stream.
    init(worker: Worker, limits: Limits, isServer: Bool, idleMilliseconds: Int) {
        self.worker = worker
        self.limits = limits
        clock = HTTP2Clock(limits: limits, idleMilliseconds: idleMilliseconds)
        // Whose resets count is a client, and begins with a preface.
        meter = HTTP2FrameMeter(
            budget: HTTP2FrameBudget(limits: limits, countsResets: isServer), afterPreface: isServer)
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
    func settingsReceived() { clock.peerSpoke() }
    /// A frame with END_STREAM has left.
    func endSent(_ stream: HTTP2Stream) {}
    func didClose() {}
    /// The last stream has ended.
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
        clock.start(now: worker.now)
        guard let session = makeSession() else { return abortConnection() }
        self.session = session
        scheduleInspection()
        flush()
    }

    final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, !isClosed, !isLingering else { return }
        worker.refreshClock()
        let bytes = unwrapInboundIn(data)
        guard meter.admit(bytes.readableBytesUInt8Span, now: worker.now) else {
            return session.terminate(.enhanceYourCalm)
        }
        isInSession = true
        let failure = session.receive(bytes)
        isInSession = false
        if let failure { session.terminate(failure) }
        if clock.isWithinHead { scheduleInspection() }
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
            clock.becameWritable()
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
        if streams.count == 1 { scheduleInspection() }
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
        clock.becameIdle(now: worker.now)
        becameIdle()
        scheduleInspection()
    }

    // MARK: Events of the session

    /// A header block begins; it must be whole in time.
    final func blockBegan(id: Int32, isRequest: Bool) {
        clock.headBegan(now: worker.now)
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
        clock.headEnded()
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
            meter.sentData()
            fallthrough
        case HTTP2FrameType.headers:
            guard flags & HTTP2Flag.endStream != 0, let stream = session?.stream(id) else { return }
            endSent(stream)
        case HTTP2FrameType.reset:
            clock.headEnded()
            switch code {
            // Ours: an exchange that broke off, or had no use for the rest.
            case .noError, .cancel, .internalError: break
            default:
                // A peer can make us reset its streams as cheaply as it could reset them itself.
                if !meter.spendReset(now: worker.now) { session?.terminate(.enhanceYourCalm) }
            }
        default: break
        }
    }

    // MARK: The end

    final func endStreams() {
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
        deadline = .max
        endStreams()
        touched.removeAll()
        drained.removeAll()
        didClose()
        // The timer wheel may hold this object for a while yet; the session's memory need not wait for that.
        session = nil
    }

    // MARK: Time

    /// How long a body may stand still, in either direction.
    final var bodyIdleNanoseconds: UInt64 { clock.bodyIdleNanoseconds }

    private func scheduleInspection() {
        worker.schedule(self, at: clock.nextInspection(now: worker.now, isIdle: streams.isEmpty))
    }

    override func deadlineReached(now: UInt64) {
        guard !isClosed else { return }
        if isLingering { return abortConnection() }
        switch clock.verdict(now: now, isIdle: streams.isEmpty) {
        case .fine: break
        case .blocked: return abortConnection()
        case .silent: session?.terminate(.settingsTimeout)
        case .slowHead: session?.terminate(.enhanceYourCalm)
        case .idle: session?.terminate(.noError)
        }
        for stream in streams where stream.isStalled(now: now) {
            stream.abandonQueue()
            session?.reset(id: stream.id, .cancel)
        }
        worker.schedule(self, at: clock.nextInspection(now: now, isIdle: streams.isEmpty))
        flush()
    }
}
