import NIOCore
import NIOHTTP2
import Synchronization

/// What the peer's last GOAWAY said.
final class GoAwayWatcher: Sendable {
    private let lastStreamID = Mutex<Int?>(nil)

    /// The last stream the peer may have processed; nil before any GOAWAY.
    var last: Int? { lastStreamID.withLock { $0 } }

    func note(_ id: Int) { lastStreamID.withLock { $0 = id } }
}

/// Listens to what an HTTP/2 connection says about itself.
final class GoAwayHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let watcher: GoAwayWatcher

    init(_ watcher: GoAwayWatcher) {
        self.watcher = watcher
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .goAway(let last, _, _) = unwrapInboundIn(data).payload {
            watcher.note(Int(last))
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
