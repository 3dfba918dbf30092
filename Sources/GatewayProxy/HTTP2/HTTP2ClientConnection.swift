import CNGHTTP2
import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOSSL

/// The pool a connection to a backend belongs to.
protocol HTTP2ClientConnectionOwner: AnyObject {
    /// A stream ended, or the backend allows more.
    func capacityChanged(_ connection: HTTP2ClientConnection)
    /// It takes no requests any more; those under way may still be answered. Said once.
    func connectionClosed(_ connection: HTTP2ClientConnection)
}

/// A connection to a backend that speaks HTTP/2: the only handler of its channel (after TLS), shared by many exchanges.
final class HTTP2ClientConnection: HTTP2Connection {
    private weak var owner: (any HTTP2ClientConnectionOwner)?
    private var spare: [HTTP2ClientStream] = []
    private var isTLS = false
    /// No new streams; the end comes with the last one.
    private var isLeaving = false
    private(set) var requestCount = 0
    /// Streams at once, as the backend's policy says; 0 means the gateway's bound.
    var streamsMax = 0
    /// What the levels of connections count this one as.
    private var counted: ConnectionLevel
    /// Of the header block being received.
    private var current: HTTP2ClientStream?
    private var assembler: HTTP2HeadAssembler
    private var blockError: HTTP2HeadError?
    private var trailers = FieldBlock()
    private let headLimits: HTTP1Limits
    private let trailerLimits: HTTP1Limits

    /// `metricSlot` is that of the backend.
    init(worker: Worker, owner: any HTTP2ClientConnectionOwner, metricSlot: Int = 0) {
        self.owner = owner
        counted = ConnectionLevel(metricSlot: metricSlot)
        let limits = worker.snapshot.limits
        headLimits = HTTP1Limits(limits)
        var trailerLimits = headLimits
        trailerLimits.headBytesMax = limits.trailerBytesMax
        self.trailerLimits = trailerLimits
        assembler = HTTP2HeadAssembler(limits: headLimits)
        super.init(
            worker: worker, limits: limits, isServer: false,
            idleMilliseconds: limits.upstreamIdleTimeoutMilliseconds)
    }

    override func makeSession() -> HTTP2Session? {
        guard let session = HTTP2Session(role: .client, limits: limits, owner: self) else { return nil }
        counted.move(to: .idle, worker.recorder.metrics)
        isTLS = (try? context?.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)) != nil
        session.submitSettings(
            [
                (NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
                (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindowBytes),
                (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headBytesMax),
            ], connectionWindowBytes: limits.connectionWindowBytes)
        return session
    }

    // MARK: Streams

    /// How many more requests it takes now.
    var freeStreams: Int {
        guard !isLeaving, !isClosed, let session, session.mayOpenStream else { return 0 }
        let allowed = min(
            Int(session.remoteSetting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)),
            streamsMax > 0 ? streamsMax : limits.streamsPerConnectionMax)
        return max(allowed - streams.count, 0)
    }

    /// A stream that serves `exchange` from here on; its request follows at once.
    func openStream(for exchange: Exchange) -> HTTP2ClientStream? {
        guard freeStreams > 0 else { return nil }
        let stream = spare.popLast() ?? HTTP2ClientStream(client: self)
        requestCount += 1
        stream.prepare(id: 0, now: worker.now)
        stream.assign(exchange, isReused: requestCount > 1)
        open(stream)
        counted.move(to: .active, worker.recorder.metrics)
        return stream
    }

    /// Sends a stream's request; false when the session takes none.
    func submit(
        _ head: borrowing RequestHead, framing: BodyFraming, isTunnel: Bool, hasBody: Bool, _ stream: HTTP2ClientStream
    ) -> Bool {
        guard let session, !isClosed else { return false }
        let id = session.submitRequest(
            head, framing: framing, isTLS: isTLS, isTunnel: isTunnel, stream: stream, hasBody: hasBody)
        guard id > 0 else { return false }
        stream.id = id
        return true
    }

    /// The backend takes WebSockets over streams (RFC 8441).
    var takesTunnels: Bool { session?.remoteSetting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1 }

    /// Keeps a closed stream's memory for a later one, and tells the pool that there is room.
    func recycle(_ stream: HTTP2ClientStream) {
        guard !isClosed else { return }
        if spare.count < 16 { spare.append(stream) }
        if !isLeaving { owner?.capacityChanged(self) }
    }

    override func settingsReceived() {
        super.settingsReceived()
        owner?.capacityChanged(self)
    }

    // MARK: Heads

    override func headersBegan(id: Int32, isRequest: Bool) {
        current = session?.stream(id) as? HTTP2ClientStream
        blockError = nil
        let isTrailers = current?.isHeadReceived ?? false
        assembler = HTTP2HeadAssembler(limits: isTrailers ? trailerLimits : headLimits)
        if isTrailers { trailers = FieldBlock() }
    }

    override func fieldReceived(name: Span<UInt8>, value: Span<UInt8>) {
        guard blockError == nil, let stream = current, let exchange = stream.exchange else { return }
        do throws(HTTP2HeadError) {
            if stream.isHeadReceived {
                try assembler.add(trailer: name, value: value, to: &trailers)
            } else {
                try assembler.add(name: name, value: value, to: &exchange.response)
            }
        } catch { blockError = error }
    }

    override func headersEnded(id: Int32, isLast: Bool) {
        guard let stream = current, stream.id == id else { return }
        current = nil
        guard let exchange = stream.exchange else { return }
        touch(stream)
        do throws(HTTP2HeadError) {
            if let blockError { throw blockError }
            if stream.isHeadReceived { return stream.receiveEnd(trailers: trailers) }
            try assembler.finish(&exchange.response, requestMethod: stream.requestMethod, endsStream: isLast)
            stream.receiveHead(isLast: isLast)
        } catch { stream.fail(.malformed(error.reason), .protocolError) }
    }

    // MARK: The end

    /// Takes no new requests and closes when those under way are answered.
    func closeWhenIdle() {
        leave()
        if streams.isEmpty { session?.terminate(.noError) }
        flush()
    }

    private func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        owner?.connectionClosed(self)
    }

    /// nghttp2 closes the streams the backend will not process, as refused; the others go on.
    override func goawayReceived() {
        leave()
        if streams.isEmpty { session?.terminate(.noError) }
    }

    override func becameIdle() {
        if counted.state == .active { counted.move(to: .idle, worker.recorder.metrics) }
        if isLeaving { session?.terminate(.noError) }
    }

    override func didClose() {
        current = nil
        spare.removeAll()
        counted.move(to: .gone, worker.recorder.metrics)
        leave()
    }
}
