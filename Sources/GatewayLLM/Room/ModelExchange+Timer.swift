import GatewayModel
import GatewayProxy
import NIOCore

/// The clocks of a model call: to the first token, between pieces, in all; and what a waiting client is told.
extension ModelExchange {
    /// How long a stream's client waits without a word.
    static let keepAliveNanoseconds: UInt64 = 15_000_000_000

    func armTimer() {
        // Strong: a call that is under way settles, and lets go of its timer then.
        if timer.action == nil { timer.action = { [self] now in timerFired(now) } }
        timer.set(at: nextDeadline())
    }

    private func nextDeadline() -> UInt64 {
        guard let timeouts = attempt?.target.target.timeouts else { return worker.now + 1_000_000_000 }
        var next = startedNanoseconds &+ timeouts.totalNanoseconds
        next = min(next, waitsSince &+ waitNanoseconds(timeouts))
        if request.streams, exchange != nil { next = min(next, lastSentNanoseconds &+ Self.keepAliveNanoseconds) }
        if exchange == nil { next = min(next, drainEndsNanoseconds) }
        return next
    }

    /// The last byte counts, in either direction; of an answer before there is content its request's.
    private var waitsSince: UInt64 {
        hasFirstToken || isPumped ? lastByteNanoseconds : attempt?.startedNanoseconds ?? 0
    }

    private func waitNanoseconds(_ timeouts: CompiledTimeouts) -> UInt64 {
        hasFirstToken ? timeouts.idleNanoseconds : timeouts.firstTokenNanoseconds
    }

    private var hasFirstToken: Bool { attempt != nil && firstTokenNanoseconds > 0 }

    private func timerFired(_ now: UInt64) {
        guard stage != .over || call.isUnderWay else { return }
        if exchange == nil, now >= drainEndsNanoseconds { return call.cancel() }
        if let timeouts = attempt?.target.target.timeouts {
            if now >= startedNanoseconds &+ timeouts.totalNanoseconds {
                return giveUp(
                    ModelFailure(GatewayError(.upstreamTimeout, "the request took longer than the model may take")))
            }
            if exchange?.isDownstreamWritable == false || waitsForClient {
                // The client is slow, not the provider: the total bounds it.
                lastByteNanoseconds = now
            } else if now >= waitsSince &+ waitNanoseconds(timeouts) {
                return giveUp(.upstream(.upstreamTimeout))
            }
        }
        if request.streams, stage == .calling, now >= lastSentNanoseconds &+ Self.keepAliveNanoseconds {
            keepAlive(now)
        }
        armTimer()
    }

    /// A comment: proxies and clients on the way see that the request lives. It says nothing of the answer, so another
    /// attempt may still follow.
    private func keepAlive(_ now: UInt64) {
        lastSentNanoseconds = now
        // Nothing may come between the bytes of an event.
        guard let exchange, exchange.isDownstreamWritable, lastByteSent == 0x0A else { return }
        if !isHeadSent { sendHead(exchange, status: 200, type: Array("text/event-stream".utf8)) }
        exchange.sendBody(ByteBuffer(string: ": keep-alive\n\n"))
        exchange.flush()
    }
}
