import GatewayWire
import Glibc
import NIOCore

/// Bytes out: what the exchange says, framed for this client.
extension HTTP1ServerConnection {
    private static let continueHead = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    func sendContinue() {
        guard !hasSentContinue, !isHeadSent, inbound == .body else { return }
        hasSentContinue = true
        output.gather { $0.writeBytes(Self.continueHead) }
        flush()
    }

    func sendInterim(_ head: borrowing ResponseHead) {
        guard !isHeadSent else { return }
        if head.status == 100 {
            guard exchange?.request.expectsContinue == true, !hasSentContinue else { return }
            hasSentContinue = true
        }
        write(head, framing: .none, connection: .none)
        flush()
    }

    func sendHead(_ head: borrowing ResponseHead, framing: BodyFraming) {
        isHeadSent = true
        outboundFraming = framing
        let isTunnel = head.status == 101
        let isOld = exchange?.request.version == .http10
        if framing == .chunked || framing == .untilClose {
            // A client of HTTP/1.0 does not know chunks: the end of the connection ends its body.
            outboundFraming = isOld ? .untilClose : .chunked
            if isOld { keepAlive = false }
        }
        if inbound == .discard || inbound == .body && !maySkipBody { keepAlive = false }
        let connection: ConnectionOptions =
            isTunnel ? .upgrade : keepAlive ? (isOld ? .keepAlive : .none) : .close
        write(head, framing: outboundFraming, connection: connection)
        if exchange?.request.method == .head || head.status == 204 || head.status == 304 { outboundFraming = .none }
    }

    func sendBody(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if inbound == .tunnel { return output.append(bytes) }
        switch outboundFraming {
        case .none: break
        case .length, .untilClose: output.append(bytes)
        case .chunked:
            worker.scratch.removeAll(keepingCapacity: true)
            HTTP1Serializer.appendChunkHeader(size: bytes.readableBytes, to: &worker.scratch)
            output.gather { $0.writeBytes(worker.scratch) }
            output.append(bytes)
            output.gather { $0.writeStaticString("\r\n") }
        }
    }

    func sendEnd(trailers: FieldBlock?) {
        if inbound == .tunnel {
            output.leave()
            guard let context, outputClosed == nil else { return }
            let promise = context.eventLoop.makePromise(of: Void.self)
            outputClosed = promise.futureResult
            context.close(mode: .output, promise: promise)
            return
        }
        if case .chunked = outboundFraming {
            worker.scratch.removeAll(keepingCapacity: true)
            if let trailers, exchange?.request.acceptsTrailers == true {
                HTTP1Serializer.appendLastChunk(trailers: trailers, to: &worker.scratch)
            } else {
                HTTP1Serializer.appendLastChunk(to: &worker.scratch)
            }
            output.gather { $0.writeBytes(worker.scratch) }
        }
        outboundFraming = .none
    }

    /// The response cannot be finished: the client must not take what it has for the whole.
    func reset() {
        output.leave()
        keepAlive = false
        if outboundFraming == .untilClose, let socket = context?.channel as? any SocketOptionProvider {
            // Only a RST tells such an end from a good one.
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).assumeIsolated().whenComplete { _ in }
        }
        context?.closeBothWays()
    }

    func becomeTunnel() {
        inbound = .tunnel
        deadline = .max
        flush()
        if let early = unread {
            unread = nil
            exchange?.receive(early)
            exchange?.flushUpstream()
        }
        setReading(true)
    }

    func flush() { output.flush() }

    private func write(_ head: borrowing ResponseHead, framing: BodyFraming, connection: ConnectionOptions) {
        let bytesMax = HTTP1Serializer.bytesMax(response: head)
        output.write(bytesMax: bytesMax) {
            HTTP1Serializer.write(response: head, framing: framing, connection: connection, to: &$0)
        }
    }
}
