import GatewayModel
import GatewayWire
import NIOCore

/// Reads the PROXY protocol header a load balancer puts before the first byte, then lets the connection begin as the
/// client it names.
final class PROXYProtocolHandler: Timed, ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let worker: Worker
    private let peer: Peer
    private var received: ByteBuffer?
    private var context: ChannelHandlerContext?
    private var isDone = false

    init(worker: Worker, peer: Peer) {
        self.worker = worker
        self.peer = peer
        super.init()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        worker.refreshClock()
        let timeout = UInt64(worker.snapshot.limits.handshakeTimeoutMilliseconds) * 1_000_000
        worker.schedule(self, at: worker.now &+ timeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        worker.cancel(self)
    }

    override func deadlineReached(now: UInt64) { context?.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // TLS reads what we hand on from the head of the pipeline.
        if isDone { return context.fireChannelRead(data) }
        var buffer = unwrapInboundIn(data)
        if received == nil { received = buffer } else { received?.writeBuffer(&buffer) }
        guard let bytes = received else { return }
        do {
            guard let header = try PROXYProtocolHeader.parse(bytes.readableBytesUInt8Span) else { return }
            proceed(context, bytes, header)
        } catch {
            let isOptional = table?.settings.proxyProtocol == .optional
            if isOptional, error == .badSignature {
                proceed(context, bytes, nil)
            } else {
                context.close(promise: nil)
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed, !isDone { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private var table: PortTable? { worker.currentSnapshot().table(port: peer.port.number) }

    private func proceed(_ context: ChannelHandlerContext, _ bytes: ByteBuffer, _ header: PROXYProtocolHeader?) {
        var client = peer
        if let source = header?.source {
            client = Peer(port: peer.port, address: source.address.text, table: table)
        }
        var rest = bytes
        rest.moveReaderIndex(forwardBy: header?.bytes ?? 0)
        received = nil
        isDone = true
        do {
            try Acceptor.start(context.channel, client: client, worker)
            if rest.readableBytes > 0 {
                context.fireChannelRead(wrapInboundOut(rest))
                context.fireChannelReadComplete()
            }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            context.close(promise: nil)
        }
    }

    typealias InboundOut = ByteBuffer
}
