import NIOCore
import NIOHTTP1
import NIOWebSocket

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What an exchange needs to know of the server and the connection it runs on.
struct MockConnection: Sendable {
    var number: Int
    var port: Int
    var pod: MockPod
    var journal: MockJournal
    var tls: MockTLS?
    var isHTTP2: Bool
    var keptBodyBytesMax: Int
    var answer: (@Sendable (MockRequest) -> [MockStep]?)?
}

/// Runs exchanges one after the other: records the request, then walks through the answer's steps.
/// One per HTTP/1 connection or HTTP/2 stream, under NIO's own codecs.
final class MockExchangeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: MockConnection
    private var request: MockRequest?
    private var id = 0
    private var body: [UInt8] = []
    private var bodyBytes = 0
    private var trailers: [Header] = []
    private var bodyEnded = false
    private var unsent: [ByteBuffer] = []
    private var steps: ArraySlice<MockStep> = []
    private var streamed = 0
    private var timer: Scheduled<Void>?
    private var headSent = false
    private var closesAfter = false
    private var echoing = false
    private var running = false

    /// NIO looks for an upgrade in one request only: called before each, with nothing of it read yet.
    private let watchForUpgrade: (ChannelHandlerContext) -> Void

    init(_ connection: MockConnection, watchForUpgrade: @escaping (ChannelHandlerContext) -> Void = { _ in }) {
        self.connection = connection
        self.watchForUpgrade = watchForUpgrade
    }

    func handlerAdded(context: ChannelHandlerContext) { watchForUpgrade(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let buffer): received(buffer, context)
        case .end(let fields):
            trailers = (fields ?? [:]).map { Header($0.name, $0.value) }
            bodyEnded = true
            record(complete: true)
            advance(context)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if echoing { pauseReading(context, !context.channel.isWritable) }
        advance(context)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        if request != nil, !bodyEnded { record(complete: false) }
        request = nil
        let missed = steps
        steps = []
        for step in missed {
            if case .settle(let settle) = step { settle(false) }
            if case .feed(let feed) = step { feed.cut() }
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // An upgrade that is not taken up is an ordinary request.
        if error is NIOWebSocketUpgradeError || error is HTTPServerUpgradeErrors { return }
        context.close(promise: nil)
    }

    // MARK: the request

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let headers = head.headers.map { Header($0.name, $0.value) }
        var received = MockRequest(
            id: 0, connection: connection.number, method: head.method.rawValue, target: head.uri,
            proto: connection.isHTTP2 ? "HTTP/2.0" : "HTTP/\(head.version.major).\(head.version.minor)",
            host: head.headers.first(name: "host") ?? "", headers: headers)
        received.tls = connection.tls
        body = []
        bodyBytes = 0
        trailers = []
        bodyEnded = false
        unsent = []
        headSent = false
        echoing = false
        streamed = 0
        // NIO's decoder reads nothing after a request that asks for another protocol, whether or not it gets it.
        closesAfter = !connection.isHTTP2 && (!head.isKeepAlive || head.headers.contains(name: "upgrade"))
        id = connection.journal.begin(received)
        received.id = id
        request = received
        let custom = connection.answer?(received)
        let answer = MockAnswer(
            request: received, pod: connection.pod, port: connection.port, journal: connection.journal)
        steps = (custom ?? answer.steps())[...]
        if headers.first("Expect")?.lowercased() == "100-continue", case .awaitBody? = steps.first {
            steps = [.informational(100, [])] + steps
        } else if headers.first("Expect")?.lowercased() == "100-continue", steps.contains(where: \.echoes) {
            steps = [.informational(100, [])] + steps
        }
        advance(context)
    }

    private func received(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        bodyBytes += buffer.readableBytes
        let room = connection.keptBodyBytesMax - body.count
        if room > 0 { body.append(contentsOf: buffer.readableBytesView.prefix(room)) }
        if steps.contains(where: \.echoes) {
            unsent.append(buffer)
            advance(context)
        }
    }

    private func record(complete: Bool) {
        connection.journal.end(id, body: body, bodyBytes: bodyBytes, trailers: trailers, complete: complete)
    }

    private func pauseReading(_ context: ChannelHandlerContext, _ pause: Bool) {
        try? context.channel.syncOptions?.setOption(.autoRead, value: !pause)
        // A stream's channel does not read by itself when the option comes back.
        if !pause { context.read() }
    }

    // MARK: the answer

    /// Does steps until one has to wait; called again by whatever it waited for.
    private func advance(_ context: ChannelHandlerContext) {
        guard !running else { return }
        running = true
        defer { running = false }
        while timer == nil, let step = steps.first {
            guard perform(step, context) else { break }
            steps = steps.dropFirst()
        }
    }

    /// True when the step is done and the next may follow.
    private func perform(_ step: MockStep, _ context: ChannelHandlerContext) -> Bool {
        switch step {
        case .awaitBody: return bodyEnded
        case .answer(let make): steps = [step] + answered(make)
        case .settle(let settle): settle(true)
        case .stopReading: pauseReading(context, true)
        case .informational(let code, let headers):
            write(.head(responseHead(code, headers)), context)
        case .head(let code, let headers): sendHead(code, headers, context)
        case .chunk(let buffer): write(.body(.byteBuffer(buffer)), context)
        case .stream(let count, let interval, let make):
            return stream(count: count, interval: interval, make: make, context)
        case .feed(let feed): return send(feed, context)
        case .echoBody: return echo(context)
        case .wait(let milliseconds): later(milliseconds, context)
        case .end(let trailers): finish(trailers, context)
        case .raw(let buffer): sendRaw(buffer, context)
        case .reset: reset(context)
        case .close: closeAll(context)
        case .hang: return false
        }
        return true
    }

    private func answered(_ make: @Sendable (MockRequest) -> [MockStep]) -> [MockStep] {
        guard var whole = request else { return [] }
        (whole.body, whole.bodyBytes, whole.trailers, whole.complete) = (body, bodyBytes, trailers, bodyEnded)
        return make(whole)
    }

    private func responseHead(_ code: Int, _ headers: [Header]) -> HTTPResponseHead {
        HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: code),
            headers: HTTPHeaders(headers.map { ($0.name, $0.value) }))
    }

    private func sendHead(_ code: Int, _ headers: [Header], _ context: ChannelHandlerContext) {
        var head = responseHead(code, headers)
        if closesAfter, !head.headers.contains(name: "connection") {
            head.headers.add(name: "Connection", value: "close")
        }
        headSent = true
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        // A head alone is flushed only when something follows later; the common answer is one write.
        if steps.count > 1, case .chunk = steps[steps.startIndex + 1] { return }
        context.flush()
    }

    private func write(_ part: HTTPServerResponsePart, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(part), promise: nil)
        if steps.count > 1, case .end = steps[steps.startIndex + 1] { return }
        context.flush()
    }

    private func stream(
        count: Int, interval: Int, make: @Sendable (Int) -> ByteBuffer, _ context: ChannelHandlerContext
    ) -> Bool {
        while streamed < count {
            guard context.channel.isWritable, context.channel.isActive else { return false }
            let piece = make(streamed)
            streamed += 1
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece))), promise: nil)
            if interval > 0, streamed < count {
                later(interval, context)
                return false
            }
        }
        streamed = 0
        return true
    }

    private func send(_ feed: MockFeed, _ context: ChannelHandlerContext) -> Bool {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        feed.attach { eventLoop.execute { bound.value.handler.advance(bound.value.context) } }
        while context.channel.isWritable, context.channel.isActive {
            switch feed.next() {
            case .chunk(let chunk): context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(chunk))), promise: nil)
            case .ended: return true
            case .none: return false
            }
        }
        return false
    }

    private func echo(_ context: ChannelHandlerContext) -> Bool {
        echoing = true
        for buffer in unsent { context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil) }
        unsent = []
        context.flush()
        if !context.channel.isWritable { pauseReading(context, true) }
        if bodyEnded { echoing = false }
        return bodyEnded
    }

    private func later(_ milliseconds: Int, _ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) {
            self.timer = nil
            self.advance(context)
        }
    }

    private func finish(_ trailers: [Header], _ context: ChannelHandlerContext) {
        let fields = trailers.isEmpty ? nil : HTTPHeaders(trailers.map { ($0.name, $0.value) })
        let closes = closesAfter
        if bodyEnded {
            request = nil
            if !closes { watchForUpgrade(context) }
        }
        let done = context.eventLoop.makePromise(of: Void.self)
        if closes {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            done.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(fields)), promise: done)
    }

    private func sendRaw(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        if connection.isHTTP2 {
            if !headSent { sendHead(200, [], context) }
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
            return
        }
        guard
            let encoder = try? context.channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        else { return }
        // From the encoder's own context a write starts below it: the bytes stay as they are.
        encoder.writeAndFlush(NIOAny(buffer), promise: nil)
    }

    private func reset(_ context: ChannelHandlerContext) {
        if !connection.isHTTP2, let socket = context.channel as? any SocketOptionProvider {
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
        }
        context.close(promise: nil)
    }

    private func closeAll(_ context: ChannelHandlerContext) {
        if connection.isHTTP2, let parent = context.channel.parent {
            parent.close(promise: nil)
        } else {
            context.close(promise: nil)
        }
    }
}

extension MockStep {
    fileprivate var echoes: Bool {
        if case .echoBody = self { return true }
        return false
    }
}
