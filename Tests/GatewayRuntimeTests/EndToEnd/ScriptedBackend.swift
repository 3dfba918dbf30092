import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A TCP server that does exactly what a test tells it: for answers and ends that no HTTP server would give.
final class ScriptedBackend: Sendable {
    /// What one connection has received and can say. Used on its event loop only.
    struct Peer: Sendable {
        let channel: any Channel
        /// Counts connections from 1.
        let number: Int

        func send(_ text: String) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
        func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }
        func close() { channel.close(promise: nil) }
        func finishSending() { channel.close(mode: .output, promise: nil) }
        func reset() {
            (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
            channel.close(promise: nil)
        }
    }

    enum Event: Sendable {
        /// All that has come on this connection since the last time `consume` was answered with true.
        case bytes(String)
        case inputClosed
        case closed
    }

    let port: Int
    private let channel: any Channel
    private let log: Log

    final class Log: Sendable {
        let connections = Mutex(0)
        let open = Mutex<[ObjectIdentifier: any Channel]>([:])
    }

    var connectionCount: Int { log.connections.withLock { $0 } }

    /// `handle` returns true when it has used the bytes up.
    static func start(
        port: Int = 0, _ handle: @escaping @Sendable (Peer, Event) -> Bool
    ) async throws -> ScriptedBackend {
        let log = Log()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { child in
                let number = log.connections.withLock { count in
                    count += 1
                    return count
                }
                let id = ObjectIdentifier(child)
                log.open.withLock { $0[id] = child }
                child.closeFuture.whenComplete { _ in log.open.withLock { $0[id] = nil } }
                return child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(
                        Handler(Peer(channel: child, number: number), handle))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return ScriptedBackend(port: channel.localAddress?.port ?? 0, channel: channel, log: log)
    }

    private init(port: Int, channel: any Channel, log: Log) {
        self.port = port
        self.channel = channel
        self.log = log
    }

    func stop() async {
        try? await channel.close().get()
        for child in log.open.withLock({ Array($0.values) }) { try? await child.close().get() }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let peer: Peer
        private let handle: @Sendable (Peer, Event) -> Bool
        private var received = ""

        init(_ peer: Peer, _ handle: @escaping @Sendable (Peer, Event) -> Bool) {
            self.peer = peer
            self.handle = handle
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            if handle(peer, .bytes(received)) { received = "" }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event as? ChannelEvent == .inputClosed { _ = handle(peer, .inputClosed) }
        }

        func channelInactive(context: ChannelHandlerContext) { _ = handle(peer, .closed) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// Waits for something to become true; the suite's time limit bounds it.
func eventually(_ what: String, _ isTrue: @Sendable () async throws -> Bool) async throws {
    while try await !isTrue() {
        try Task.checkCancellation()
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// A value several threads write to.
final class Box<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    init(_ value: Value) { state = Mutex(value) }
    var value: Value { state.withLock { $0 } }
    func set(_ value: Value) { state.withLock { $0 = value } }
    func update(_ body: @Sendable (inout Value) -> Void) { state.withLock { body(&$0) } }
}
