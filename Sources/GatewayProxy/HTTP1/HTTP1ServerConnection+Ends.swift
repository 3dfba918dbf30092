import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// How requests, responses and the connection come to an end.
extension HTTP1ServerConnection {
    /// The client has shut its side down. A request under way is given up, as nginx and Go do, unless the listener's
    /// policy says otherwise: the peer is far more often gone than half closed.
    func peerFinished() {
        isPeerDone = true
        switch inbound {
        case .tunnel: exchange?.downstreamHalfClosed()
        case .complete where allowsHalfClose: keepAlive = false
        default: context?.close(promise: nil)
        }
    }

    func closed() {
        guard worker.connections.removeValue(forKey: ObjectIdentifier(self)) != nil else { return }
        worker.recorder.metrics.change(.connectionsActive, by: -1)
        isClosing = true
        deadline = .max
        unread = nil
        outbound = nil
        exchange?.downstreamClosed()
        giveExchangeBack()
    }

    /// The head cannot be accepted: answer, and close, for nothing after it can be trusted.
    func refuse(_ error: HTTP1ParseError, _ exchange: Exchange) {
        inbound = .discard
        keepAlive = false
        isHeadSent = false
        worker.recorder.metrics.add(.malformedRequests)
        exchange.request.reset()
        exchange.accept()
        exchange.refuse(error.gatewayError)
    }

    func refuseBody(_ error: HTTP1ParseError) {
        inbound = .discard
        keepAlive = false
        exchange?.failBeforeEnd(error.gatewayError)
    }

    /// The exchange is settled: take the next request, or close.
    func exchangeFinished() {
        guard !isClosing else { return }
        giveExchangeBack()
        if inbound == .tunnel { return closeWhenFlushed() }
        guard keepAlive, inbound == .complete || inbound == .body, !isDraining else { return lingerAndClose() }
        if inbound == .body {
            beginSkipping()
        } else {
            inbound = .head
            waitForHead()
        }
        setReading(true)
        guard !isParsing, var buffer = unread else { return }
        // Pipelined: the next request is here already. A fresh event, so that the stack cannot grow.
        unread = nil
        let rest = buffer
        buffer.clear()
        worker.eventLoop.assumeIsolated().execute { [self] in
            guard !isClosing else { return }
            worker.refreshClock()
            var rest = rest
            if var later = unread {
                unread = nil
                rest.writeBuffer(&later)
            }
            process(&rest)
            exchange?.flushUpstream()
            flush()
        }
    }

    func waitForHead() { schedule(afterMilliseconds: idleTimeoutMilliseconds) }

    func schedule(afterMilliseconds milliseconds: Int) {
        worker.schedule(self, at: worker.now &+ UInt64(milliseconds) &* 1_000_000)
    }

    /// Says all there is to say, then closes; unread input is taken for a moment so that the peer is not reset
    /// before it has read our answer.
    func lingerAndClose() {
        flush()
        guard let context, inbound != .complete || unread != nil else { return closeWhenFlushed() }
        inbound = .discard
        unread = nil
        setReading(true)
        context.close(mode: .output, promise: nil)
        worker.schedule(self, at: worker.now &+ 1_000_000_000)
    }

    /// To close at once would lose what the socket has not taken yet.
    func closeWhenFlushed() {
        flush()
        inbound = .discard
        unread = nil
        guard let context else { return }
        waitForHead()
        let channel = context.channel
        context.writeAndFlush(NIOAny(ByteBuffer())).assumeIsolated().whenComplete { _ in channel.close(promise: nil) }
    }
}
