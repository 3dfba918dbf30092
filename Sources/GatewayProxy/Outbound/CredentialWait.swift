package import GatewayIdentity
import NIOCore

/// What one request waits for: credentials that are fetched, all of them within one time. On its own loop.
package final class CredentialWait {
    /// Of the wait at hand: what belongs to an earlier one changes nothing.
    private var number = 0
    private var deadline: Scheduled<Void>?
    private var resume: (() -> Void)?
    /// The time is used up: what is not there is not waited for.
    package private(set) var isOver = false

    package init() {}

    /// Goes on with `body`, once, when the fetch under way is over or no time is left; false where too many wait.
    package func wait(
        for source: LiveCredential, withinNanoseconds most: UInt64, on worker: Worker, then body: @escaping () -> Void
    ) -> Bool {
        number += 1
        resume = body
        let number = number
        let eventLoop = worker.eventLoop
        let bound = NIOLoopBound((self, worker), eventLoop: eventLoop)
        if deadline == nil {
            let time = TimeAmount.nanoseconds(Int64(clamping: most))
            deadline = eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
                isOver = true
                goOn(self.number, worker)
            }
        }
        let isWaiting = source.whenFetched {
            eventLoop.execute {
                let (wait, worker) = bound.value
                wait.goOn(number, worker)
            }
        }
        if !isWaiting { end() }
        return isWaiting
    }

    private func goOn(_ number: Int, _ worker: Worker) {
        guard number == self.number, let body = resume else { return }
        resume = nil
        worker.refreshClock()
        body()
    }

    /// Nothing is waited for any more.
    package func end() {
        deadline?.cancel()
        (deadline, resume) = (nil, nil)
    }
}
