import GatewayWire
import NIOCore

/// Bytes out: what the exchange says, gathered for the backend until the next flush.
extension HTTP1ClientConnection {
    func sendHead(_ head: borrowing RequestHead, framing: BodyFraming) {
        requestMethod = head.method
        outboundFraming = framing
        if case .length(let length) = framing { bodyBytesLeft = length } else { bodyBytesLeft = 0 }
        let connection: ConnectionOptions = head.upgrade.isEmpty ? .none : .upgrade
        let bytesMax = HTTP1Serializer.bytesMax(request: head)
        output.write(bytesMax: bytesMax) {
            HTTP1Serializer.write(request: head, framing: framing, connection: connection, to: &$0)
        }
    }

    func sendBody(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if inbound == .tunnel { return output.append(bytes) }
        switch outboundFraming {
        case .chunked:
            worker.scratch.removeAll(keepingCapacity: true)
            HTTP1Serializer.appendChunkHeader(size: bytes.readableBytes, to: &worker.scratch)
            output.gather { $0.writeBytes(worker.scratch) }
            output.append(bytes)
            output.gather { $0.writeStaticString("\r\n") }
        case .length:
            bodyBytesLeft -= min(bodyBytesLeft, UInt64(bytes.readableBytes))
            output.append(bytes)
        case .none, .untilClose: break
        }
    }

    func sendEnd(trailers: FieldBlock?) {
        if inbound == .tunnel {
            output.leave()
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
            output.gather { $0.writeBytes(worker.scratch) }
        }
        isRequestSent = true
    }

    func flush() { output.flush() }
}
