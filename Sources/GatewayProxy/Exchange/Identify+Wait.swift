import GatewayModel
import NIOCore

/// An exchange that waits for an issuer to answer. Outlives it: a client may go before the answer comes.
final class IdentityWait {
    weak var exchange: Exchange?

    init(_ exchange: Exchange) { self.exchange = exchange }
}

extension Exchange {
    /// One for the keys, one for what came of them, and one for another provider.
    private static let identityWaitsMax = 3

    /// Suspends the exchange until the issuer has answered; its body is held back meanwhile. The error when it cannot
    /// wait.
    func waitForIssuer(_ wait: (@escaping @Sendable () -> Void) -> Bool) -> GatewayError? {
        principal = .anonymous
        guard identityWaits < Exchange.identityWaitsMax else {
            return GatewayError(
                .identityUnavailable, "the caller's issuer does not come to an answer", hint: "try again later")
        }
        identityWaits += 1
        let waiting = IdentityWait(self)
        identityWait = waiting
        let eventLoop = worker.eventLoop
        let bound = NIOLoopBound(waiting, eventLoop: eventLoop)
        let isTaken = wait { eventLoop.execute { bound.value.exchange?.issuerAnswered(bound.value) } }
        guard !isTaken else { return nil }
        identityWait = nil
        return GatewayError(
            .identityUnavailable, "too many requests wait for the caller's issuer", hint: "try again later")
    }

    private func issuerAnswered(_ waited: IdentityWait) {
        guard identityWait === waited, state == .answering else { return }
        identityWait = nil
        worker.refreshClock()
        downstream.setReading(true)
        if let traced { proceedTraced(traced) } else { proceed() }
        flushUpstream()
    }
}
