import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

/// What came over a WebSocket.
package enum WebSocketMessage: Sendable, Hashable {
    case text(String)
    case binary([UInt8])
    case pong([UInt8])
    /// The peer's close frame; 1005 where it carried no code.
    case close(code: UInt16, reason: String)
}

/// A WebSocket over HTTP/1.1: whole messages in, messages or single frames out.
package final class WebSocketClient: Sendable {
    /// The 101 head.
    package let headers: [Header]
    private let channel: any Channel
    private let inbox: WebSocketInbox

    private init(headers: [Header], channel: any Channel, inbox: WebSocketInbox) {
        self.headers = headers
        self.channel = channel
        self.inbox = inbox
    }

    /// Connects and upgrades; throws `upgradeRefused` with the status when the answer is not 101.
    package static func open(
        _ url: String, headers: [Header] = [], client: WorkbenchClient = WorkbenchClient(),
        messageBytesMax: Int = 16 << 20, timeoutMilliseconds: Int = 10_000
    ) async throws -> WebSocketClient {
        let target = try CallTarget(url)
        var destination = client.destination(target)
        destination.version = .http1
        let (channel, _) = try await ClientConnection.connect(destination, on: MultiThreadedEventLoopGroup.singleton)
        let inbox = WebSocketInbox()
        let upgraded = channel.eventLoop.makePromise(of: [Header].self)
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(Int64(timeoutMilliseconds))) {
            upgraded.fail(CallError.timedOut(milliseconds: timeoutMilliseconds))
            channel.close(promise: nil)
        }
        upgraded.futureResult.whenComplete { _ in timer.cancel() }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target.target)
        if !headers.has("host") { head.headers.add(name: "Host", value: destination.authority) }
        for header in headers { head.headers.add(name: header.name, value: header.value) }
        let request = head
        do {
            try await channel.eventLoop.submit {
                let upgrader = NIOWebSocketClientUpgrader(maxFrameSize: messageBytesMax) { channel, response in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            WebSocketHandler(inbox, messageBytesMax: messageBytesMax))
                        upgraded.succeed(response.headers.map { Header($0.name, $0.value) })
                    }
                }
                try channel.pipeline.syncOperations.addHTTPClientHandlers(
                    leftOverBytesStrategy: .forwardBytes,
                    withClientUpgrade: (
                        upgraders: [upgrader],
                        completionHandler: { context in
                            context.pipeline.syncOperations.removeHandler(name: "handshake", promise: nil)
                        }
                    ))
                try channel.pipeline.syncOperations.addHandler(HandshakeHandler(upgraded), name: "handshake")
                try? channel.syncOptions?.setOption(.autoRead, value: true)
                channel.read()
                channel.write(HTTPClientRequestPart.head(request), promise: nil)
                channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            }.get()
            let answer = try await upgraded.futureResult.get()
            return WebSocketClient(headers: answer, channel: channel, inbox: inbox)
        } catch {
            channel.close(promise: nil)
            upgraded.fail(error)
            throw CallError(error)
        }
    }

    package func send(text: String) async throws {
        try await send(.text, ByteBuffer(string: text))
    }

    package func send(binary: [UInt8]) async throws {
        try await send(.binary, ByteBuffer(bytes: binary))
    }

    package func ping(_ bytes: [UInt8] = []) async throws {
        try await send(.ping, ByteBuffer(bytes: bytes))
    }

    /// One text message in two frames.
    package func send(fragments first: String, _ second: String) async throws {
        try await send(.text, ByteBuffer(string: first), fin: false)
        try await send(.continuation, ByteBuffer(string: second))
    }

    /// Sends a close frame; the peer's answer comes as a message.
    package func sendClose(code: UInt16 = 1000, reason: String = "") async throws {
        var data = ByteBuffer()
        data.writeInteger(code)
        data.writeString(reason)
        try await send(.connectionClose, data)
    }

    /// The next message; nil when the connection is gone.
    package func receive(timeoutMilliseconds: Int = 10_000) async throws -> WebSocketMessage? {
        let inbox = inbox
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(Int64(timeoutMilliseconds))) {
            inbox.expire(timeoutMilliseconds)
        }
        defer { timer.cancel() }
        return try await inbox.next()
    }

    /// Cuts the connection without a close frame.
    package func drop() async {
        try? await channel.close().get()
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, fin: Bool = true) async throws {
        let frame = WebSocketFrame(fin: fin, opcode: opcode, maskKey: .random(), data: data)
        do {
            try await channel.writeAndFlush(frame).get()
        } catch {
            throw CallError.alreadyClosed
        }
    }
}

/// Messages that wait for a reader, and a reader who waits for messages.
private final class WebSocketInbox: Sendable {
    private struct State {
        var messages: [WebSocketMessage] = []
        var ended = false
        var waiter: CheckedContinuation<WebSocketMessage?, any Error>?
    }

    private let state = Mutex(State())

    func put(_ message: WebSocketMessage) {
        let waiter = state.withLock { state in
            guard let waiter = state.waiter else {
                state.messages.append(message)
                return CheckedContinuation<WebSocketMessage?, any Error>?.none
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: message)
    }

    func finish() {
        take { $0.ended = true }?.resume(returning: nil)
    }

    func expire(_ milliseconds: Int) {
        take { _ in }?.resume(throwing: CallError.timedOut(milliseconds: milliseconds))
    }

    func next() async throws -> WebSocketMessage? {
        try await withCheckedThrowingContinuation { continuation in
            let now: WebSocketMessage?? = state.withLock { state in
                if !state.messages.isEmpty { return .some(state.messages.removeFirst()) }
                if state.ended { return .some(nil) }
                state.waiter = continuation
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    private func take(_ body: (inout State) -> Void) -> CheckedContinuation<WebSocketMessage?, any Error>? {
        state.withLock { state in
            body(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
    }
}

/// Sees the answer of a handshake that did not become a WebSocket.
private final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let upgraded: EventLoopPromise<[Header]>

    init(_ upgraded: EventLoopPromise<[Header]>) {
        self.upgraded = upgraded
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            upgraded.fail(CallError.upgradeRefused(status: Int(head.status.code)))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        upgraded.fail(CallError.closedEarly)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        upgraded.fail(CallError(error))
        context.close(promise: nil)
    }
}

/// Puts frames together to messages and answers pings.
private final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let inbox: WebSocketInbox
    private let messageBytesMax: Int
    private var opcode = WebSocketOpcode.text
    private var partial = ByteBuffer()

    init(_ inbox: WebSocketInbox, messageBytesMax: Int) {
        self.inbox = inbox
        self.messageBytesMax = messageBytesMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        var payload = frame.unmaskedData
        switch frame.opcode {
        case .text, .binary, .continuation:
            if frame.opcode != .continuation {
                opcode = frame.opcode
                partial = ByteBuffer()
            }
            partial.writeBuffer(&payload)
            guard partial.readableBytes <= messageBytesMax else { return context.close(promise: nil) }
            guard frame.fin else { return }
            inbox.put(
                opcode == .text ? .text(String(buffer: partial)) : .binary(Array(partial.readableBytesView)))
            partial = ByteBuffer()
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: payload)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .pong: inbox.put(.pong(Array(payload.readableBytesView)))
        case .connectionClose:
            let code = payload.readInteger(as: UInt16.self) ?? 1005
            inbox.put(.close(code: code, reason: String(buffer: payload)))
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        inbox.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        inbox.finish()
        context.close(promise: nil)
    }
}
