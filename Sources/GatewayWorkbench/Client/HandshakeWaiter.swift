import NIOCore
import NIOTLS

/// Holds the caller back until the TLS handshake is over, one way or the other.
final class HandshakeWaiter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    private let promise: EventLoopPromise<String>

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
            promise.succeed(name ?? "")
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(CallError.tlsFailed("closed during the handshake"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(CallError.tlsFailed("\(error)"))
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        promise.fail(CallError.tlsFailed("closed during the handshake"))
    }
}
