import NIOCore
import NIOPosix

/// Servers that believe everything: what the attack catalogue has to find.
final class CarelessServer: Sendable {
    enum Kind: Sendable {
        /// Answers 200 after every blank line, whatever stood before it.
        case http1
        /// Answers every HEADERS frame with 200 and knows no rules.
        case http2
    }

    let port: Int
    private let channel: any Channel

    private init(channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    static func start(_ kind: Kind) async throws -> CarelessServer {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    switch kind {
                    case .http1: try child.pipeline.syncOperations.addHandler(BelievesLines())
                    case .http2: try child.pipeline.syncOperations.addHandler(BelievesEither())
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return CarelessServer(channel: channel)
    }

    func stop() async {
        try? await channel.close().get()
    }
}

private final class BelievesLines: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var last: UInt8 = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for byte in unwrapInboundIn(data).readableBytesView where byte != 0x0D {
            let isBlankLine = byte == 0x0A && last == 0x0A
            last = byte
            guard isBlankLine else { continue }
            last = 0
            let answer = ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            context.writeAndFlush(NIOAny(answer), promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

private final class BelievesEither: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var held: [UInt8] = []
    private var opened = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        held += Array(unwrapInboundIn(data).readableBytesView)
        var out: [UInt8] = []
        if !opened {
            guard held.count >= 24 else { return }
            if held.starts(with: Array("GET".utf8)) {
                out = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".utf8)
                context.writeAndFlush(NIOAny(ByteBuffer(bytes: out)), promise: nil)
                return context.close(promise: nil)
            }
            held.removeFirst(24)
            opened = true
            out = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        }
        var at = 0
        while held.count - at >= 9 {
            let length = Int(held[at]) << 16 | Int(held[at + 1]) << 8 | Int(held[at + 2])
            guard held.count - at >= 9 + length else { break }
            // :status 200 is entry 8 of the static table; END_HEADERS and END_STREAM.
            if held[at + 3] == 1 { out += [0, 0, 1, 1, 5] + held[(at + 5)..<(at + 9)] + [0x88] }
            at += 9 + length
        }
        held.removeFirst(at)
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: out)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
