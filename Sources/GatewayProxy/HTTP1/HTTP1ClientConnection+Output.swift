import NIOCore

/// Bytes gathered for the backend until the next flush.
extension HTTP1ClientConnection {
    func append(_ bytes: ByteBuffer) {
        if bytes.readableBytes <= 16 * 1024 {
            gather {
                var bytes = bytes
                $0.writeBuffer(&bytes)
            }
        } else {
            if let buffer = outbound { context?.write(NIOAny(buffer), promise: nil) }
            context?.write(NIOAny(bytes), promise: nil)
            outbound = worker.takeBuffer()
        }
    }

    func gather(_ write: (inout ByteBuffer) -> Void) {
        if outbound == nil { outbound = worker.takeBuffer() }
        guard var buffer = outbound.take() else { return }
        write(&buffer)
        outbound = buffer
    }
}
