import NIOCore
import NIOHTTP1
import NIOHTTP2
import Synchronization

/// Everything of one exchange on the client side: writes the request (with its pauses, as far as
/// the peer reads), and hands out head, chunks and trailers. One per HTTP/1 connection or HTTP/2 stream.
final class ExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPClientRequestPart

    private struct Exchange {
        var id: Int
        var start: NIODeadline
        var head: EventLoopPromise<CallResponse>
        var interim: [InterimResponse] = []
        var source: ResponseBody.Producer.Source?
        var ending = BodyEnding()
        var timeout: Scheduled<Void>?
        var steps: ArraySlice<CallBodyStep> = []
        var trailers: [Header] = []
        var held = false
        var requestEnded = false
        var responseEnded = false
    }

    private let isHTTP2: Bool
    private var context: ChannelHandlerContext?
    private var current: Exchange?
    private var nextID = 0
    private var wantsMore = true
    private var readHeld = false
    private var pause: Scheduled<Void>?
    private var isPumping = false
    private(set) var failure: CallError?
    private(set) var isReusable = true

    init(isHTTP2: Bool) {
        self.isHTTP2 = isHTTP2
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(failure ?? .closedEarly)
        self.context = nil
    }

    // MARK: the request

    func begin(_ request: CallRequest, authority: String, head promise: EventLoopPromise<CallResponse>) {
        guard let context, context.channel.isActive else { return promise.fail(failure ?? CallError.alreadyClosed) }
        guard current == nil else { return promise.fail(CallError.protocolError("an exchange is under way")) }
        nextID += 1
        var exchange = Exchange(id: nextID, start: .now(), head: promise)
        let bound = request.timeoutMilliseconds
        exchange.timeout = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(bound))) {
            self.fail(.timedOut(milliseconds: bound))
            self.context?.close(promise: nil)
        }
        var headers = request.headers
        if !headers.has("host") { headers.insert(Header("Host", authority), at: 0) }
        switch request.body {
        case .none:
            if ["POST", "PUT", "PATCH"].contains(request.method), !headers.has("content-length"),
                !headers.has("transfer-encoding")
            {
                headers.append(Header("Content-Length", "0"))
            }
        case .bytes(let bytes):
            exchange.steps = bytes.isEmpty ? [] : [.bytes(bytes)]
            if !headers.has("content-length"), !headers.has("transfer-encoding") {
                headers.append(Header("Content-Length", "\(bytes.count)"))
            }
        case .steps(let steps):
            exchange.steps = steps[...]
            if !isHTTP2, !headers.has("content-length"), !headers.has("transfer-encoding") {
                headers.append(Header("Transfer-Encoding", "chunked"))
            }
        }
        exchange.held = request.waitsForContinue
        current = exchange
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target,
            headers: HTTPHeaders(headers.map { ($0.name, $0.value) }))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if exchange.held { context.flush() }
        pump()
    }

    private func pump() {
        // A write may make the channel writable again (or close it) before it returns.
        guard let context, !isPumping, pause == nil, current?.held == false, current?.requestEnded == false
        else { return }
        isPumping = true
        defer { isPumping = false }
        while let step = current?.steps.first {
            switch step {
            case .bytes(let bytes):
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            case .repeated(let bytes, let count):
                let piece = ByteBuffer(bytes: bytes)
                for done in 0..<count {
                    guard context.channel.isWritable else {
                        let rest = current?.steps.dropFirst() ?? []
                        current?.steps = [.repeated(bytes, count: count - done)] + rest
                        isPumping = false
                        context.flush()
                        return
                    }
                    context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece))), promise: nil)
                    guard current != nil else { return }
                }
            case .pause(let milliseconds):
                current?.steps.removeFirst()
                context.flush()
                pause = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                    self.pause = nil
                    self.pump()
                }
                return
            case .trailers(let trailers): current?.trailers += trailers
            case .abort:
                context.flush()
                fail(.aborted)
                context.close(promise: nil)
                return
            }
            guard current?.steps.isEmpty == false else { return }
            current?.steps.removeFirst()
        }
        let trailers = current?.trailers ?? []
        current?.requestEnded = true
        let fields = trailers.isEmpty ? nil : HTTPHeaders(trailers.map { ($0.name, $0.value) })
        context.writeAndFlush(wrapOutboundOut(.end(fields)), promise: nil)
        settle()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump()
        context.fireChannelWritabilityChanged()
    }

    // MARK: the response

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): received(head, context)
        case .body(let buffer):
            guard let exchange = current, let source = exchange.source else { return }
            let result = source.yield(TimedChunk(bytes: buffer, microseconds: elapsed(exchange)))
            if case .stopProducing = result { demand(more: false) }
        case .end(let fields):
            guard let exchange = current, exchange.source != nil else { return }
            current?.responseEnded = true
            exchange.timeout?.cancel()
            exchange.ending.state.withLock {
                $0.trailers = (fields ?? [:]).map { Header($0.name, $0.value) }
                $0.microseconds = elapsed(exchange)
            }
            let source = current?.source
            settle()
            source?.finish()
        }
    }

    private func received(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
        guard var exchange = current else { return }
        let status = Int(head.status.code)
        let headers = head.headers.map { Header($0.name, $0.value) }
        if (100..<200) ~= status, status != 101 {
            current?.interim.append(InterimResponse(status: status, headers: headers))
            if status == 100 { release() }
            return
        }
        let sequence = ResponseBody.Producer.makeSequence(
            backPressureStrategy: .init(lowWatermark: 4, highWatermark: 16), finishOnDeinit: true,
            delegate: BodyDemand(
                eventLoop: context.eventLoop, handler: NIOLoopBound(self, eventLoop: context.eventLoop),
                exchange: exchange.id))
        exchange.source = sequence.source
        current = exchange
        if !isHTTP2, !head.isKeepAlive { isReusable = false }
        exchange.head.succeed(
            CallResponse(
                status: status, reason: head.status.reasonPhrase,
                proto: isHTTP2 ? "HTTP/2.0" : "HTTP/\(head.version.major).\(head.version.minor)", headers: headers,
                interim: exchange.interim, headMicroseconds: elapsed(exchange),
                body: ResponseBody(producer: sequence.sequence, ending: exchange.ending)))
        release()
    }

    /// Lets a body go that waited for a 100 or for the final head.
    private func release() {
        guard current?.held == true else { return }
        current?.held = false
        pump()
    }

    private func elapsed(_ exchange: Exchange) -> Int {
        Int((NIODeadline.now() - exchange.start).nanoseconds / 1000)
    }

    /// Ends the exchange once both directions are through; a response before the end of the request
    /// leaves an HTTP/1 connection that cannot be used again.
    private func settle() {
        guard let exchange = current, exchange.responseEnded else { return }
        wantsMore = true
        current = nil
        if !exchange.requestEnded {
            isReusable = false
            context?.close(promise: nil)
        } else if !isHTTP2, !isReusable {
            context?.close(promise: nil)
        }
        resumeReading()
    }

    // MARK: demand

    func read(context: ChannelHandlerContext) {
        if wantsMore { context.read() } else { readHeld = true }
    }

    func demand(more: Bool) {
        wantsMore = more
        if more { resumeReading() }
    }

    /// The reader dropped the body: the rest is not wanted, so the connection goes.
    func readerLeft(_ id: Int) {
        guard let exchange = current, exchange.id == id, !exchange.responseEnded else { return }
        fail(.aborted)
        context?.close(promise: nil)
    }

    private func resumeReading() {
        guard readHeld, wantsMore, let context else { return }
        readHeld = false
        context.read()
    }

    // MARK: the end

    func channelInactive(context: ChannelHandlerContext) {
        isReusable = false
        fail(failure ?? .closedEarly)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isReusable = false
        fail(CallError(error))
        context.close(promise: nil)
    }

    private func fail(_ error: CallError) {
        if failure == nil { failure = error }
        guard let exchange = current else { return }
        current = nil
        pause?.cancel()
        exchange.timeout?.cancel()
        if let source = exchange.source { source.finish(error) } else { exchange.head.fail(error) }
    }
}

extension CallError {
    /// Names an error of NIO in the client's words.
    init(_ error: any Error) {
        switch error {
        case let error as CallError: self = error
        case let error as NIOHTTP2Errors.StreamClosed: self = .streamReset(Int(error.errorCode.networkCode))
        case is NIOHTTP2Errors.CreatedStreamAfterGoaway: self = .goneAway
        case let error as IOError where error.errnoCode == 104 || error.errnoCode == 54 || error.errnoCode == 32:
            self = .reset
        case let error as HTTPParserError where error == .invalidEOFState: self = .closedEarly
        default: self = .protocolError("\(error)")
        }
    }
}
