import GatewayWire
import NIOCore

/// Bytes out: what the exchange says, gathered for the backend until the next flush.
extension HTTP1ClientConnection {
    func sendHead(_ head: borrowing RequestHead, framing: BodyFraming) {
        requestMethod = head.method
        outboundFraming = framing
        if case .length(let length) = framing { bodyBytesLeft = length } else { bodyBytesLeft = 0 }
        if outbound == nil { outbound = worker.takeBuffer() }
        let connection: ConnectionOptions = head.upgrade.isEmpty ? .none : .upgrade
        let bytesMax = HTTP1Serializer.bytesMax(request: head)
        outbound?.write(bytesMax: bytesMax) {
            HTTP1Serializer.write(request: head, framing: framing, connection: connection, to: &$0)
        }
    }

    func sendBody(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if inbound == .tunnel { return append(bytes) }
        switch outboundFraming {
        case .chunked:
            worker.scratch.removeAll(keepingCapacity: true)
            HTTP1Serializer.appendChunkHeader(size: bytes.readableBytes, to: &worker.scratch)
            gather { $0.writeBytes(worker.scratch) }
            append(bytes)
            gather { $0.writeStaticString("\r\n") }
        case .length:
            bodyBytesLeft -= min(bodyBytesLeft, UInt64(bytes.readableBytes))
            append(bytes)
        case .none, .untilClose: break
        }
    }

    func sendEnd(trailers: FieldBlock?) {
        if inbound == .tunnel {
            flush()
            if isPeerDone { closeWhenFlushed() } else { context?.close(mode: .output, promise: nil) }
            return
        }
        if case .chunked = outboundFraming {
            worker.scratch.removeAll(keepingCapacity: true)
            if let trailers {
                HTTP1Serializer.appendLastChunk(trailers: trailers, to: &worker.scratch)
            } else {
                HTTP1Serializer.appendLastChunk(to: &worker.scratch)
            }
            gather { $0.writeBytes(worker.scratch) }
        }
        isRequestSent = true
    }

    func flush() {
        guard let context, var buffer = outbound.take() else { return }
        if !socket.send(&buffer, context) { context.writeAndFlush(NIOAny(buffer), promise: nil) }
        worker.giveBack(buffer)
    }

    // MARK: Gathering

    private func append(_ bytes: ByteBuffer) {
        if bytes.readableBytes <= 16 * 1024 {
            gather {
                var bytes = bytes
                $0.writeBuffer(&bytes)
            }
        } else {
            guard let context else { return }
            socket.channelWrites()
            if let buffer = outbound.take() { context.write(NIOAny(buffer), promise: nil) }
            context.write(NIOAny(bytes), promise: nil)
            outbound = worker.takeBuffer()
        }
    }

    private func gather(_ write: (inout ByteBuffer) -> Void) {
        if outbound == nil { outbound = worker.takeBuffer() }
        guard var buffer = outbound.take() else { return }
        write(&buffer)
        outbound = buffer
    }
}
