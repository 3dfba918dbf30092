import Synchronization

/// Spans on their way from the loops to the exporter: bounded, and a loop never waits for it.
package final class SpanQueue: Sendable {
    package let spansMax: Int
    private let queue = Mutex<[SpanRecord]>([])
    private let dropped = Atomic<UInt64>(0)

    package init(spansMax: Int = 8_192) { self.spansMax = max(1, spansMax) }

    /// Spans that did not fit or could not be sent.
    package var droppedSpans: UInt64 { dropped.load(ordering: .relaxed) }
    package var count: Int { queue.withLock { $0.count } }

    /// Takes a loop's spans; false if the lock was held, and the loop keeps them for its next tick.
    func offer(_ spans: inout [SpanRecord]) -> Bool {
        let spansMax = spansMax
        let batch = spans
        let refused = queue.withLockIfAvailable { queue -> Int in
            let room = max(0, spansMax - queue.count)
            queue.append(contentsOf: batch.prefix(room))
            return max(0, batch.count - room)
        }
        guard let refused else { return false }
        countDropped(refused)
        spans.removeAll(keepingCapacity: true)
        return true
    }

    func take(_ countMax: Int) -> [SpanRecord] {
        queue.withLock { queue in
            let batch = Array(queue.prefix(countMax))
            queue.removeFirst(batch.count)
            return batch
        }
    }

    func countDropped(_ count: Int) { dropped.wrappingAdd(UInt64(max(0, count)), ordering: .relaxed) }
}
