import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import GatewayProxy

/// The number of a closed descriptor soon names another file: the tests give it to one and look what arrives there.
@Suite("What goes straight to a socket goes to no other file", .serialized, .timeLimit(.minutes(1)))
struct SocketOutputTests {
    @Test("bytes said after the end reach nobody", arguments: Ending.allCases)
    func late(_ ending: Ending) async throws {
        // The rest of the process may be quicker to take the number.
        for _ in 0..<20 where try await isReused(after: ending) { return }
        Issue.record("the number of the closed descriptor was never free")
    }

    private func isReused(after ending: Ending) async throws -> Bool {
        let sockets = try SocketPair()
        let victim = try SocketPair()
        let channel = try await Speaker.channel(on: sockets)
        let wasReused = channel.eventLoop.makePromise(of: Bool.self)
        let end = Speaker.End(ending: ending, number: sockets.ours, victim: victim.ours, wasReused: wasReused)
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: Speaker.self).run(end)
        }.get()
        #expect(sockets.received(5) == Array("first".utf8))
        if ending == .reset { sockets.closePeer() }
        let isReused = try await wasReused.futureResult.get()
        #expect(victim.waitingCount == 0)
        victim.closeBoth()
        if ending != .reset { sockets.closePeer() }
        return isReused
    }

    @Test("what a socket does not take at once keeps its place")
    func order() async throws {
        let sockets = try SocketPair()
        let channel = try await Speaker.channel(on: sockets)
        for round in 0..<3 {
            let pieces = (0..<200).map { [UInt8](repeating: UInt8($0), count: 1 + ($0 + round) * 37 % 5_000) }
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.handler(type: Speaker.self).say(pieces)
            }.get()
            let all = pieces.flatMap { $0 }
            #expect(sockets.received(all.count) == all)
        }
        try await channel.close()
        sockets.closePeer()
    }
}

/// The ways a channel ends, as a handler sees them.
enum Ending: CaseIterable {
    case closed
    case writeFailed
    case inactive
    case reset
}

/// Says what it is told through a `SocketOutput`, and once more when its channel has ended.
private final class Speaker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    struct End: Sendable {
        var ending: Ending
        /// The channel's descriptor, and the one that is to get its number.
        var number: CInt
        var victim: CInt
        var wasReused: EventLoopPromise<Bool>
    }

    private var output = SocketOutput()
    private var context: ChannelHandlerContext?
    private var end: End?

    static func channel(on sockets: SocketPair) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Speaker()) }
            }
            .withConnectedSocket(sockets.ours).get()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output.attach(to: context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func run(_ end: End) {
        guard let context else { return }
        self.end = end
        var first = ByteBuffer(string: "first")
        flush(&first, context)
        switch end.ending {
        case .closed:
            context.close(promise: nil)
            sayLate()
        case .writeFailed:
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenFailure { [self] _ in sayLate() }
            output.channelWrites()
            context.write(NIOAny(ByteBuffer(repeating: 0, count: 1 << 20)), promise: promise)
            context.close(promise: nil)
        case .inactive: context.close(promise: nil)
        // The peer ends; so that this is a reset, it is left with bytes it has not read.
        case .reset:
            var unread = ByteBuffer(string: "unread")
            flush(&unread, context)
        }
    }

    func say(_ pieces: [[UInt8]]) {
        guard let context else { return }
        for (index, piece) in pieces.enumerated() {
            var bytes = ByteBuffer(bytes: piece)
            if index % 7 == 3 {
                output.channelWrites()
                context.write(NIOAny(bytes), promise: nil)
                bytes.clear()
            }
            flush(&bytes, context)
        }
    }

    private func flush(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        if !output.send(&bytes) { context.writeAndFlush(NIOAny(bytes), promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch end?.ending {
        case .inactive, .reset: sayLate()
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Gives the number away, then speaks.
    private func sayLate() {
        guard let end, let context else { return }
        let number = fcntl(end.victim, F_DUPFD_CLOEXEC, end.number)
        var late = ByteBuffer(string: "late")
        flush(&late, context)
        close(number)
        end.wasReused.succeed(number == end.number)
    }
}
