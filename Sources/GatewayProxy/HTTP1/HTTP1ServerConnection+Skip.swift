import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// Bodies nobody wants: a short one is read to its end, so that the connection can go on.
extension HTTP1ServerConnection {
    /// Whether the rest of the body is so little that the connection is worth reading it: the gateway answers by
    /// itself, and the client sends without waiting for leave.
    var maySkipBody: Bool {
        guard let exchange, exchange.upstream.isNone, !exchange.request.expectsContinue,
            exchange.record.errorCode != .bodyTooLarge
        else { return false }
        if case .length(let length) = exchange.request.framing { return length <= Self.skippedBytesMax }
        return true
    }

    func beginSkipping() {
        inbound = .skip
        skippedBytes = 0
        schedule(afterMilliseconds: worker.snapshot.limits.bodyIdleTimeoutMilliseconds)
    }

    func skipBody(_ buffer: inout ByteBuffer) {
        var ranges = worker.takeRanges()
        defer { worker.giveBack(&ranges) }
        guard let progress = try? decoder.decode(buffer.readableBytesUInt8Span, payload: &ranges),
            skippedBytes + UInt64(progress.consumed) <= Self.skippedBytesMax
        else {
            // The answer is out, so there is nothing left to say.
            buffer.moveReaderIndex(to: buffer.writerIndex)
            return lingerAndClose()
        }
        skippedBytes += UInt64(progress.consumed)
        buffer.moveReaderIndex(forwardBy: progress.consumed)
        if progress.isComplete { return bodySkipped() }
        if progress.consumed == 0 {
            keep(buffer)
            buffer.moveReaderIndex(to: buffer.writerIndex)
        }
    }

    func bodySkipped() {
        if isDraining { return lingerAndClose() }
        inbound = .head
        waitForHead()
    }
}
