import CNGHTTP2
import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// A client's HTTP/2 connection: the only handler of its channel (after TLS). Each request is a stream, each stream
/// drives an exchange.
final class HTTP2ServerConnection: HTTP2Connection, DownstreamConnection {
    private enum Drain {
        case no
        /// GOAWAY with the highest number has gone; a PING tells when the client has seen it.
        case announced
        /// GOAWAY with the last stream has gone; the connection ends with its last stream.
        case closing
    }

    let client: ClientConnection
    var port: BoundPort { client.port }
    private var spare: [HTTP2ServerStream] = []
    private var requestCount = 0
    private var drainState = Drain.no
    /// Of the header block being received.
    private var current: HTTP2ServerStream?
    private var assembler: HTTP2HeadAssembler
    /// Why the block cannot be used; its other fields are decoded and dropped.
    private var blockError: HTTP2HeadError?
    private var isTrailers = false
    private var trailers = FieldBlock()
    private let headLimits: HTTP1Limits
    private let trailerLimits: HTTP1Limits

    init(worker: Worker, client: ClientConnection) {
        self.client = client
        var limits = worker.currentSnapshot().limits
        if let settings = worker.snapshot.table(port: client.port.number)?.settings {
            if settings.streamsMax > 0 { limits.streamsPerConnectionMax = settings.streamsMax }
            let idle = settings.idleTimeoutMilliseconds
            if idle > 0 { limits.idleTimeoutMilliseconds = idle }
        }
        headLimits = HTTP1Limits(limits)
        var trailerLimits = headLimits
        trailerLimits.headBytesMax = limits.trailerBytesMax
        self.trailerLimits = trailerLimits
        assembler = HTTP2HeadAssembler(limits: headLimits)
        super.init(
            worker: worker, limits: limits, isServer: true, idleMilliseconds: limits.idleTimeoutMilliseconds)
    }

    override func makeSession() -> HTTP2Session? {
        guard worker.connections.updateValue(self, forKey: ObjectIdentifier(self)) == nil,
            let session = HTTP2Session(role: .server, limits: limits, owner: self)
        else { return nil }
        worker.recorder.metrics.add(.connectionsAccepted)
        worker.recorder.metrics.change(.connectionsActive, by: 1)
        session.submitSettings(
            [
                (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streamsPerConnectionMax),
                (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindowBytes),
                (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headBytesMax),
                (NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
                (NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
            ], connectionWindowBytes: limits.connectionWindowBytes)
        return session
    }

    // MARK: Heads

    override func headersBegan(id: Int32, isRequest: Bool) {
        blockError = nil
        isTrailers = !isRequest
        assembler = HTTP2HeadAssembler(limits: isRequest ? headLimits : trailerLimits)
        guard isRequest else {
            current = session?.stream(id) as? HTTP2ServerStream
            trailers = FieldBlock()
            return
        }
        let stream = spare.popLast() ?? HTTP2ServerStream(server: self)
        stream.prepare(id: id, now: worker.now)
        let exchange = worker.takeExchange()
        exchange.client = client
        exchange.downstream = .http2(stream)
        stream.exchange = exchange
        session?.attach(stream, id: id)
        open(stream)
        worker.recorder.metrics.add(.streamsOpened)
        worker.recorder.metrics.change(.streamsActive, by: 1)
        current = stream
    }

    override func fieldReceived(name: Span<UInt8>, value: Span<UInt8>) {
        guard blockError == nil, let exchange = current?.exchange else { return }
        do throws(HTTP2HeadError) {
            if isTrailers {
                try assembler.add(trailer: name, value: value, to: &trailers)
            } else {
                try assembler.add(name: name, value: value, to: &exchange.request)
            }
        } catch { blockError = error }
    }

    override func headersEnded(id: Int32, isLast: Bool) {
        guard let stream = current, stream.id == id else { return }
        current = nil
        touch(stream)
        guard let exchange = stream.exchange else {
            if isLast { stream.receiveEnd(trailers: nil) }
            return
        }
        do throws(HTTP2HeadError) {
            if let blockError { throw blockError }
            if isTrailers {
                stream.receiveEnd(trailers: trailers)
            } else {
                try assembler.finish(&exchange.request, endsStream: isLast)
                requestCount += 1
                if requestCount >= limits.requestsPerConnectionMax { drain() }
                stream.begin(isLast: isLast)
            }
        } catch { refuse(error, stream) }
    }

    /// A malformed message is a stream error (RFC 9113 section 8.1.1); others that cannot be served get an answer.
    private func refuse(_ error: HTTP2HeadError, _ stream: HTTP2ServerStream) {
        worker.recorder.metrics.add(.malformedRequests)
        if error.isMalformed { return stream.breakOff(.protocolError) }
        isTrailers ? stream.refuseTrailers(error.gatewayError) : stream.refuse(error.gatewayError)
    }

    // MARK: Streams

    override func endSent(_ stream: HTTP2Stream) {
        guard !stream.isPeerEnded else { return }
        // The answer is whole and the request is not: the client may stop sending it (RFC 9113 section 8.1).
        session?.reset(id: stream.id, .noError)
    }

    /// Keeps a closed stream's memory for a later one.
    func recycle(_ stream: HTTP2ServerStream) {
        if spare.count < 16, !isClosed { spare.append(stream) }
    }

    // MARK: The end

    override func becameIdle() {
        if drainState == .closing { session?.terminate(.noError) }
    }

    override func pingAnswered() {
        guard drainState == .announced else { return }
        drainState = .closing
        session?.submitGoaway(.noError)
        if streams.isEmpty { session?.terminate(.noError) }
    }

    /// No further requests: says so, serves what is under way, and closes.
    func drain() {
        guard drainState == .no, let session, !isClosed else { return }
        drainState = .announced
        session.submitShutdownNotice()
        session.submitPing()
        flushSoon()
    }

    func abort() { abortConnection() }

    func forEachExchange(_ body: (Exchange) -> Void) {
        for case let stream as HTTP2ServerStream in streams { if let exchange = stream.exchange { body(exchange) } }
    }

    override func didClose() {
        current = nil
        spare.removeAll()
        guard worker.connections.removeValue(forKey: ObjectIdentifier(self)) != nil else { return }
        worker.recorder.metrics.change(.connectionsActive, by: -1)
    }
}

extension HTTP2HeadError {
    /// The error a client sees for a head that is well-formed and cannot be served.
    var gatewayError: GatewayError {
        let code: ErrorCode =
            switch httpStatus {
            case 417: .expectationFailed
            case 431: .headTooLarge
            default: .malformedRequest
            }
        return GatewayError(code, "the request is not acceptable: \(reason)")
    }
}
