package import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How the read side of a raw connection stands.
package enum RawEnd: String, Sendable {
    /// Still open when the wait was over.
    case open
    /// An orderly FIN (or TLS close).
    case closed
    /// A RST.
    case reset
}

/// What a raw connection has read so far.
package struct RawOutcome: Sendable {
    package var bytes: [UInt8]
    package var end: RawEnd

    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A TCP (or TLS) connection without any protocol: sends exactly the bytes it is given and keeps what
/// comes back. For traffic no HTTP client would send.
package final class RawConnection: Sendable {
    private let channel: any Channel
    private let inbox: RawInbox

    private init(channel: any Channel, inbox: RawInbox) {
        self.channel = channel
        self.inbox = inbox
    }

    package static func open(
        _ destination: Destination, readsMax: Int = 4 << 20,
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(CallError) -> RawConnection {
        let (channel, _) = try await ClientConnection.connect(destination, on: group)
        let inbox = RawInbox(bytesMax: readsMax)
        do {
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(RawHandler(inbox))
                try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                try? channel.syncOptions?.setOption(.autoRead, value: true)
                channel.read()
            }.get()
        } catch {
            throw CallError(error)
        }
        return RawConnection(channel: channel, inbox: inbox)
    }

    /// Connects to `host:port` in clear text.
    package static func open(host: String, port: Int) async throws -> RawConnection {
        try await open(Destination(CallTarget("http://\(host.contains(":") ? "[\(host)]" : host):\(port)/")))
    }

    /// Sends the bytes; a peer that is gone is not an error here, the outcome tells.
    package func send(_ bytes: [UInt8]) async {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    package func send(_ text: String) async {
        await send(Array(text.utf8))
    }

    /// Hands the bytes over without waiting for the peer to take them.
    package func post(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Closes the sending side only.
    package func finishSending() async {
        try? await channel.close(mode: .output).get()
    }

    package func close() async {
        // Or TLS takes the peer's answer to our farewell for its half of the end, and waits for seconds.
        try? await channel.setOption(.allowRemoteHalfClosure, value: false).get()
        try? await channel.close().get()
    }

    /// Cuts the connection with a RST.
    package func reset() async {
        if let socket = channel as? any SocketOptionProvider {
            try? await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        await close()
    }

    /// What has been read up to now.
    package var outcome: RawOutcome { inbox.outcome }

    /// Waits for the peer to close, or for the time to be over.
    package func readUntilClose(timeoutMilliseconds: Int) async -> RawOutcome {
        await read(timeoutMilliseconds: timeoutMilliseconds) { _ in false }
    }

    /// Waits until the bytes read so far satisfy the test, the peer closes or the time is over.
    package func read(
        timeoutMilliseconds: Int, until isEnough: @escaping @Sendable ([UInt8]) -> Bool
    ) async -> RawOutcome {
        let inbox = inbox
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(Int64(timeoutMilliseconds))) {
            inbox.wake()
        }
        await inbox.wait(until: isEnough)
        timer.cancel()
        return inbox.outcome
    }
}

/// The bytes read and the one who waits for them.
private final class RawInbox: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var end = RawEnd.open
        var isEnough: (@Sendable ([UInt8]) -> Bool)?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let bytesMax: Int

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    var outcome: RawOutcome { state.withLock { RawOutcome(bytes: $0.bytes, end: $0.end) } }

    func append(_ buffer: ByteBuffer) {
        change { state in
            let room = bytesMax - state.bytes.count
            if room > 0 { state.bytes.append(contentsOf: buffer.readableBytesView.prefix(room)) }
        }
    }

    func finish(_ end: RawEnd) {
        change { if $0.end == .open { $0.end = end } }
    }

    func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func wait(until isEnough: @escaping @Sendable ([UInt8]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                guard state.end == .open, !isEnough(state.bytes) else { return true }
                state.isEnough = isEnough
                state.waiter = continuation
                return false
            }
            if ready { continuation.resume() }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            body(&state)
            guard let waiter = state.waiter, state.end != .open || state.isEnough?(state.bytes) == true else {
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }
}

private final class RawHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: RawInbox

    init(_ inbox: RawInbox) {
        self.inbox = inbox
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        inbox.append(unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { inbox.finish(.closed) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        inbox.finish(.closed)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        inbox.finish(CallError(error) == .reset ? .reset : .closed)
        context.close(promise: nil)
    }
}
