import NIOCore

/// Tells HTTP/2 with prior knowledge (RFC 9113 section 3.3) from HTTP/1 by the connection preface,
/// then makes way for the codec.
final class ProtocolSniffer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private var held = ByteBuffer()
    private var decided = false
    private let configure: (ChannelHandlerContext, Bool) -> Void

    /// `configure` adds the codec: true for HTTP/2.
    init(configure: @escaping (ChannelHandlerContext, Bool) -> Void) {
        self.configure = configure
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if decided {
            context.fireChannelRead(wrapInboundOut(buffer))
            return
        }
        held.writeBuffer(&buffer)
        let matches = zip(held.readableBytesView, Self.preface).allSatisfy { $0 == $1 }
        guard !matches || held.readableBytes >= Self.preface.count else { return }
        decided = true
        configure(context, matches)
        let bytes = held
        held = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
