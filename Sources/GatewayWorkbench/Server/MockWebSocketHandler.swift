import NIOCore
import NIOWebSocket

/// Echoes text and binary messages, answers pings, and closes when asked to. The message `close:NNNN`
/// makes the server begin the close itself, `drop` cuts the connection.
final class MockWebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private var closeSent = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text, .binary, .continuation:
            if frame.opcode == .text, frame.fin, order(frame.unmaskedData, context) { return }
            send(frame.opcode, fin: frame.fin, frame.unmaskedData, context)
        case .ping: send(.pong, fin: true, frame.unmaskedData, context)
        case .connectionClose:
            if !closeSent {
                closeSent = true
                send(.connectionClose, fin: true, frame.unmaskedData, context)
            }
            context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func order(_ data: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        let text = String(buffer: data)
        if text == "drop" {
            context.close(promise: nil)
            return true
        }
        guard text.hasPrefix("close:"), let code = UInt16(text.dropFirst(6)) else { return false }
        closeSent = true
        var reason = ByteBuffer()
        reason.writeInteger(code)
        send(.connectionClose, fin: true, reason, context)
        return true
    }

    private func send(_ opcode: WebSocketOpcode, fin: Bool, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: fin, opcode: opcode, data: data)), promise: nil)
    }
}
