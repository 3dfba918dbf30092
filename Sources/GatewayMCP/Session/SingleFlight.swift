import GatewayProxy
import NIOCore
import Synchronization

/// Asks once what several want to know at the same time: who comes while the answer is on its way waits for it with
/// the first. Who leaves ends it for nobody, and what it opens is known in the end; it is forgotten when it has been
/// answered, a failure too. From any loop; as many wait as requests are held.
final class SingleFlight<Answer: Sendable>: Sendable {
    /// One who waits, on its own loop.
    private final class Wait {
        let worker: Worker
        let done: (Answer) -> Void

        init(on worker: Worker, _ done: @escaping (Answer) -> Void) {
            self.worker = worker
            self.done = done
        }
    }

    private let waits = Mutex<[String: [NIOLoopBound<Wait>]]>([:])

    /// `start` asks, for the first of those who come by the same key; it looks whether the answer has come meanwhile,
    /// and must answer. `done` is called on the worker's loop, maybe at once.
    func ask(
        _ key: String, on worker: Worker, _ start: (@escaping (Answer) -> Void) -> Void,
        then done: @escaping (Answer) -> Void
    ) {
        let wait = NIOLoopBound(Wait(on: worker, done), eventLoop: worker.eventLoop)
        let isFirst = waits.withLock { waits in
            waits[key, default: []].append(wait)
            return waits[key]?.count == 1
        }
        guard isFirst else { return }
        start { [self] answer in
            for wait in waits.withLock({ $0.removeValue(forKey: key) }) ?? [] {
                guard !wait.eventLoop.inEventLoop else {
                    wait.value.done(answer)
                    continue
                }
                wait.eventLoop.execute {
                    wait.value.worker.refreshClock()
                    wait.value.done(answer)
                }
            }
        }
    }
}
