import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// What the client's connection tells the exchange.
extension Exchange {
    /// Body bytes from the client.
    func receive(_ body: ByteBuffer) {
        record.requestBytes &+= UInt64(body.readableBytes)
        attempt.lastProgressNanoseconds = worker.now
        if bodyBytesMax > 0, record.requestBytes > bodyBytesMax, state != .tunnel {
            return failBeforeEnd(GatewayError(.bodyTooLarge, "the request body is larger than \(bodyBytesMax) bytes"))
        }
        for mirror in mirrors { mirror.receiveMirrored(body) }
        switch receiver {
        case .discard: if identityWait != nil { hold(body) }
        case .room(let reader): reader.receive(body)
        case .upstream: passUpstream(body)
        }
    }

    /// Nobody knows yet who takes the body.
    private func hold(_ body: ByteBuffer) {
        held.hold(body)
        if held.byteCount > snapshot.limits.bufferBytesMax { downstream.setReading(false) }
    }

    private func passUpstream(_ body: ByteBuffer) {
        if attempt.isHeadSent {
            if state == .awaiting, mayRetryLater {
                held.remember(body, bytesMax: replayBytesMax)
            } else {
                held.forget()
            }
            upstream.sendBody(body)
            if !upstream.isWritable { downstream.setReading(false) }
        } else {
            held.hold(body)
            if held.byteCount > snapshot.limits.bufferBytesMax { downstream.setReading(false) }
        }
    }

    /// The client's message is complete.
    func receiveEnd(trailers: FieldBlock?) {
        guard !requestEnded else { return }
        requestEnded = true
        requestTrailers = trailers
        for mirror in mirrors {
            mirror.receiveEnd(trailers: nil)
            mirror.flushUpstream()
        }
        switch receiver {
        case .discard: break
        case .room(let reader): reader.receiveEnd(trailers: trailers)
        case .upstream: if attempt.isHeadSent { finishUpstreamBody() }
        }
    }

    func finishUpstreamBody() {
        guard !attempt.isBodySent else { return }
        attempt.isBodySent = true
        upstream.sendEnd(trailers: requestTrailers)
    }

    /// The client's connection (or stream) is gone.
    func downstreamClosed() {
        guard state != .idle, state != .settled else { return }
        record.outcome = state == .tunnel ? .upgraded : .clientAborted
        if record.errorCode == nil, state != .tunnel { record.errorCode = .clientClosed }
        leavePool()
        upstream.cancel()
        settle()
    }

    /// A tunnel's client will send no more.
    func downstreamHalfClosed() {
        guard state == .tunnel else { return }
        upstream.sendEnd(trailers: nil)
        upstream.flush()
    }

    /// The client reads again.
    func downstreamWritable() {
        upstream.setReading(true)
        if case .room(let reader) = receiver { reader.downstreamWritable() }
    }

    /// All of one read has been processed: let the bytes go.
    func flushUpstream() { upstream.flush() }
    func flushDownstream() {
        responseTransform.flush(to: downstream.sendBody)
        downstream.flush()
    }

    /// Refuses a request whose body is still arriving.
    func failBeforeEnd(_ error: GatewayError) {
        leavePool()
        upstream.cancel()
        upstream = .none
        fail(error)
    }

    /// Whether the policy could ask for another attempt, so that the body is worth keeping.
    var mayRetryLater: Bool {
        guard let retry = rule?.retry, attempt.usedStaleRetry else { return true }
        return attempt.count <= retry.attemptsMax
    }

    var replayBytesMax: Int { snapshot.limits.replayBytesMax }
}
