import GatewayProxy
import NIOCore

/// Waits until several have answered, but not for ever: one that does not answer holds nobody up for long. On one loop.
final class AwaitedAll {
    private var openCount: Int
    private var done: (() -> Void)?
    private static let waitSeconds: Int64 = 5

    /// `done` is called once, at the latest after five seconds.
    init(_ count: Int, on worker: Worker, _ done: @escaping () -> Void) {
        openCount = count
        self.done = done
        guard count > 0 else {
            finish()
            return
        }
        worker.eventLoop.assumeIsolated().scheduleTask(in: .seconds(AwaitedAll.waitSeconds)) { [weak self] in
            worker.refreshClock()
            self?.finish()
        }
    }

    func one() {
        openCount -= 1
        if openCount <= 0 { finish() }
    }

    private func finish() {
        let done = done
        self.done = nil
        done?()
    }
}
