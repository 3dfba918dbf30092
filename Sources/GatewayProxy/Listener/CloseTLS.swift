import NIOCore
import NIOSSL

extension ChannelHandlerContext {
    /// Closes both directions. The TLS handler must not allow the peer to go on with half of the connection any more:
    /// it would take the peer's answer to our farewell for no more than that, and hold the connection for seconds.
    func closeBothWays() {
        try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        close(promise: nil)
    }

    /// Ends a connection whose handshake failed, past the TLS handler: that one would wait seconds for the farewell of
    /// a peer that owes us none, and hold the connection's place meanwhile. The alert has been sent by then.
    func closeBeneathTLS() {
        let pipeline = pipeline.syncOperations
        let tls =
            (try? pipeline.context(handlerType: NIOSSLClientHandler.self))
            ?? (try? pipeline.context(handlerType: NIOSSLServerHandler.self))
        (tls ?? self).close(promise: nil)
    }
}
