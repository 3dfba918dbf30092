/// A deadline of a room's own, kept by the worker's wheel: setting it again costs next to nothing, and it comes due
/// within one tick. Used on the worker's loop; whoever sets it cancels it.
package final class LoopTimer: Timed {
    private let worker: Worker
    /// Called on the loop with the worker's clock. Cleared by `cancel`, so that timer and owner let go of each other.
    package var action: ((UInt64) -> Void)?

    package init(on worker: Worker) {
        self.worker = worker
        super.init()
    }

    /// Comes due at or after this instant of the worker's clock, nanoseconds, and no more at an earlier one.
    package func set(at deadline: UInt64) { worker.schedule(self, at: deadline) }

    package func cancel() {
        action = nil
        worker.cancel(self)
    }

    override func deadlineReached(now: UInt64) { action?(now) }
}
