import NIOCore
import NIOTLS

/// Holds the caller back until the TLS handshake is over, one way or the other.
///
/// It stays in the pipeline, because the one who waits may come after the end of the handshake, and keeps
/// what the server sends before the codec is there; the codec's first read lets it through.
final class HandshakeWaiter: ChannelDuplexHandler {
    typealias InboundIn = Any
    typealias OutboundIn = Any

    private let promise: EventLoopPromise<String>
    private var isDone = false
    private var isOpen = false
    private var held: [NIOAny] = []

    init(_ eventLoop: any EventLoop) {
        promise = eventLoop.makePromise(of: String.self)
    }

    func wait(_ channel: any Channel, timeoutMilliseconds: Int64) -> EventLoopFuture<String> {
        let promise = promise
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(timeoutMilliseconds)) {
            promise.fail(CallError.timedOut(milliseconds: Int(timeoutMilliseconds)))
            channel.close(promise: nil)
        }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let name)? = event as? TLSUserEvent {
            // What follows the handshake must meet the codec, which is not there yet.
            try? context.channel.syncOptions?.setOption(.autoRead, value: false)
            isDone = true
            promise.succeed(name ?? "")
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isDone, !isOpen { held.append(data) } else { context.fireChannelRead(data) }
    }

    func read(context: ChannelHandlerContext) {
        if isDone, !isOpen {
            isOpen = true
            let early = held
            held = []
            for data in early { context.fireChannelRead(data) }
            if !early.isEmpty { context.fireChannelReadComplete() }
        }
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(CallError.tlsFailed("closed during the handshake"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isDone else { return context.fireErrorCaught(error) }
        promise.fail(CallError.tlsFailed("\(error)"))
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        promise.fail(CallError.tlsFailed("closed during the handshake"))
    }
}
