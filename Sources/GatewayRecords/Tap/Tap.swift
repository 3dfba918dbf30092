package import GatewayModel
import GatewayWire
import Synchronization

/// Shows settled exchanges to whoever listens, as the access log would: redacted JSON lines. Nobody listening costs
/// a loop one relaxed load; a listener that is slow loses lines and is told how many, and no loop ever waits.
package final class Tap: Sendable {
    /// Listeners at once at most.
    package static let subscribersMax = 16
    private let count = Atomic<Int>(0)
    private let lost = Atomic<UInt64>(0)
    private let subscriptions = Mutex<[TapSubscription]>([])
    private let generation = Atomic<UInt64>(0)

    package init() {}

    /// Whether anybody listens.
    @inline(__always)
    package var isActive: Bool { count.load(ordering: .relaxed) > 0 }

    /// Lines lost by all subscribers, ever.
    package var lostLines: UInt64 { lost.load(ordering: .relaxed) }

    /// Starts listening. Throws `overloaded` when too many listen already.
    package func subscribe(_ filter: TapFilter, linesMax: Int = 1_024) throws(GatewayError) -> TapSubscription {
        let subscription = TapSubscription(filter, linesMax: linesMax)
        let isTaken = subscriptions.withLock { list in
            guard list.count < Tap.subscribersMax else { return false }
            list.append(subscription)
            count.store(list.count, ordering: .relaxed)
            return true
        }
        guard isTaken else {
            throw GatewayError(.overloaded, "too many taps are open: \(Tap.subscribersMax)", hint: "close one first")
        }
        generation.wrappingAdd(1, ordering: .releasing)
        return subscription
    }

    /// Stops listening.
    package func unsubscribe(_ subscription: TapSubscription) {
        subscriptions.withLock { list in
            list.removeAll { $0 === subscription }
            count.store(list.count, ordering: .relaxed)
        }
        generation.wrappingAdd(1, ordering: .releasing)
    }

    var currentGeneration: UInt64 { generation.load(ordering: .acquiring) }

    /// The listeners, if the list can be had without waiting.
    func listeners() -> [TapSubscription]? { subscriptions.withLockIfAvailable { $0 } }

    func countLost() { lost.wrappingAdd(1, ordering: .relaxed) }
}

/// One listener's bounded queue of lines.
package final class TapSubscription: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var lineCount = 0
    }

    package let filter: TapFilter
    private let linesMax: Int
    private let bytesMax: Int
    private let state = Mutex(State())
    private let lost = Atomic<UInt64>(0)
    private let seen = Atomic<UInt64>(0)

    init(_ filter: TapFilter, linesMax: Int) {
        self.filter = filter
        self.linesMax = max(1, linesMax)
        bytesMax = self.linesMax * 1_024
    }

    /// What came since the last call: whole lines, first one that says `{"lost":n}` if some were. The admin API
    /// calls it on a timer.
    package func drain() -> [UInt8] {
        let lines = state.withLock { state -> [UInt8] in
            var lines: [UInt8] = []
            swap(&lines, &state.bytes)
            state.lineCount = 0
            return lines
        }
        let missing = lost.exchange(0, ordering: .relaxed)
        return missing == 0 ? lines : Array("{\"lost\":\(missing)}\n".utf8) + lines
    }

    /// Whether the sampling shows this one.
    func isSampled() -> Bool {
        filter.oneIn <= 1 || seen.wrappingAdd(1, ordering: .relaxed).oldValue % UInt64(filter.oneIn) == 0
    }

    /// Queues a line; false if it was lost.
    func offer(_ line: [UInt8]) -> Bool {
        // The lock is held for a copy; a few tries pass it without sleeping.
        for _ in 0..<64 {
            let isQueued = state.withLockIfAvailable { state -> Bool in
                guard state.lineCount < linesMax, state.bytes.count + line.count <= bytesMax else { return false }
                state.bytes.append(contentsOf: line)
                state.lineCount += 1
                return true
            }
            if isQueued == true { return true }
            if isQueued == false { break }
        }
        lost.wrappingAdd(1, ordering: .relaxed)
        return false
    }
}

/// One loop's side of a tap: remembers the listeners, so that loops do not meet at a lock.
struct LoopTap {
    let tap: Tap
    private var generation: UInt64 = .max
    private var listeners: [TapSubscription] = []
    private var format = AccessLogLine(settings: AccessLogSettings())
    private var block: LogBlock?

    init(tap: Tap) { self.tap = tap }

    mutating func publish(_ record: borrowing RequestRecord, _ request: borrowing RequestHead) {
        let current = tap.currentGeneration
        if current != generation {
            guard let listeners = tap.listeners() else { return }
            self.listeners = listeners
            generation = current
        }
        var line: [UInt8] = []
        for listener in listeners where listener.filter.matches(record, request) {
            guard listener.filter.isRemarkable(record) || listener.isSampled() else { continue }
            if line.isEmpty { line = text(record, request) }
            if !listener.offer(line) { tap.countLost() }
        }
    }

    /// Nobody listens: memory is given back.
    mutating func rest() {
        guard block != nil || !listeners.isEmpty else { return }
        block = nil
        listeners = []
        generation = .max
    }

    private mutating func text(_ record: borrowing RequestRecord, _ request: borrowing RequestHead) -> [UInt8] {
        var block = self.block ?? LogBlock()
        block.removeAll()
        let isWritten = block.append(&format, record, request)
        let line = isWritten ? block.bytes : []
        self.block = block
        return line
    }
}
