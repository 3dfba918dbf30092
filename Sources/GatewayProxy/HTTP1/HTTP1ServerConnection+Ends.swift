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
        case .discard where isEnding && !isLingering: break
        // The request is whole and the listener lets such clients have their answer.
        case .complete where allowsHalfClose && !isBetweenRequests: keepAlive = false
        default:
            if isBetweenRequests, !isEnding { closeWhenFlushed() } else { closeNow() }
        }
    }

    private var isBetweenRequests: Bool { exchange.map { $0.state == .idle } ?? true }

    func closed() {
        guard worker.connections.removeValue(forKey: ObjectIdentifier(self)) != nil else { return }
        worker.recorder.metrics.change(.connectionsActive, by: -1)
        isClosing = true
        worker.cancel(self)
        unread = nil
        output.drop()
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
        guard !isParsing, unread != nil else { return }
        // Pipelined: the next request is here already. A fresh event, so that the stack cannot grow.
        worker.eventLoop.assumeIsolated().execute { [self] in
            guard !isClosing, var rest = unread else { return }
            unread = nil
            worker.refreshClock()
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
    func lingerAndClose() { end(lingers: inbound != .complete || unread != nil) }

    /// Closes when everything said has left: closing a channel drops what waits in it.
    func closeWhenFlushed() { end(lingers: false) }

    private func end(lingers: Bool) {
        guard context != nil, !isEnding, !isClosing else { return }
        isEnding = true
        inbound = .discard
        unread = nil
        setReading(true)
        // For a peer that does not take it.
        schedule(afterMilliseconds: worker.snapshot.limits.idleTimeoutMilliseconds)
        guard let written = outputClosed ?? output.last() else { return }
        written.assumeIsolated().whenComplete { [self] _ in ended(lingers: lingers) }
    }

    private func ended(lingers: Bool) {
        guard let context, !isClosing else { return }
        guard lingers, !isPeerDone else { return context.closeBothWays() }
        isLingering = true
        context.close(mode: .output, promise: nil)
        worker.schedule(self, at: worker.now &+ 1_000_000_000)
    }
}
