import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOSSL
import NIOTLS

/// Chooses the certificate by the client's server name, lets the handshake run, then puts the agreed protocol's
/// handler in its place. The keys come from the snapshot of the moment, so that rotation needs no reconnect.
final class TLSAcceptHandler: Timed, ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let worker: Worker
    private let peer: Peer
    private var context: ChannelHandlerContext?
    private var received: ByteBuffer?
    private var serverName: [UInt8] = []
    private var isHandshaking = false
    /// A certificate that does not lead to a root was let pass, and says nothing.
    private var isFallback = false

    init(worker: Worker, peer: Peer) {
        self.worker = worker
        self.peer = peer
        super.init()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let timeout = UInt64(worker.snapshot.limits.handshakeTimeoutMilliseconds) * 1_000_000
        worker.refreshClock()
        worker.schedule(self, at: worker.now &+ timeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        worker.cancel(self)
    }

    override func deadlineReached(now: UInt64) { context?.closeBeneathTLS() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isHandshaking else { return context.fireChannelRead(data) }
        var buffer = unwrapInboundIn(data)
        if received == nil { received = buffer } else { received?.writeBuffer(&buffer) }
        guard let bytes = received else { return }
        do {
            guard let hello = try ClientHello.scan(bytes.readableBytesUInt8Span) else { return }
            serverName = hello.serverName
            begin(context, bytes)
        } catch {
            worker.recorder.metrics.add(.tlsHandshakeFailures)
            context.close(promise: nil)
        }
    }

    private func begin(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        let name = String(decoding: serverName, as: UTF8.self)
        let table = worker.currentSnapshot().table(port: peer.port.number)
        guard let tls = table?.tls?.entry(serverName: name) else {
            worker.recorder.metrics.add(.tlsHandshakeFailures)
            return context.close(promise: nil)
        }
        isHandshaking = true
        received = nil
        do {
            let handler =
                tls.fallback.map {
                    NIOSSLServerHandler(context: tls.context, customVerificationCallbackWithMetadata: $0.callback)
                } ?? NIOSSLServerHandler(context: tls.context)
            isFallback = tls.fallback != nil
            try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
            context.pipeline.fireChannelRead(bytes)
        } catch {
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { return context.close(promise: nil) }
        guard case .handshakeCompleted(let agreed) = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        worker.recorder.metrics.add(.tlsHandshakes)
        deadline = .max
        let client = ClientConnection(
            port: peer.port, address: peer.address, isTrusted: peer.isTrusted, serverName: serverName,
            certificate: certificate(of: context))
        do {
            let pipeline = context.pipeline.syncOperations
            if agreed == "h2" {
                try pipeline.addHandler(HTTP2ServerConnection(worker: worker, client: client), position: .after(self))
            } else {
                try pipeline.addHandler(HTTP1ServerConnection(worker: worker, client: client), position: .after(self))
            }
            pipeline.removeHandler(self, promise: nil)
        } catch {
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !(error is NIOSSLError) || isHandshaking { worker.recorder.metrics.add(.tlsHandshakeFailures) }
        context.closeBeneathTLS()
    }

    private func certificate(of context: ChannelHandlerContext) -> ClientCertificate? {
        guard let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
            let leaf = handler.peerCertificate, !isFallback || handler.peerValidatedCertificateChain != nil
        else { return nil }
        return ClientCertificate(leaf)
    }
}
