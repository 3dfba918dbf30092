package import GatewayModel
import Synchronization

/// How a call ended, as far as its bill goes.
package enum MockModelOutcome: String, Sendable, Hashable, CaseIterable {
    /// Billed, and what is billed stood in the bytes that were sent: a gateway's ledger has the same, exactly.
    case told
    /// Billed in full, though the answer was complete without saying how much: no usage, or no readable one.
    case untold
    /// The provider broke its answer off: billed are the input and what had been said.
    case aborted
    /// The caller left: billed as what was broken off.
    case cancelled
    /// Nothing was generated and nothing is billed: refusals, and connections that broke before an answer.
    case refused
}

/// One call that a mock provider took.
package struct MockModelEntry: Sendable {
    package var number: Int
    package var method: String
    package var target: String
    /// `chat`, `message`, `embeddings` and so on.
    package var operation: String
    package var dialect: MockDialect
    package var model: String
    /// The provider's credential as it came.
    package var key: String
    package var headers: [Header]
    package var bodyBytes: Int
    package var bodyFingerprint: UInt64
    package var isStream: Bool
    package var status = 0
    package var outcome: MockModelOutcome?
    package var usage = TokenUsage.zero
    /// What was broken on purpose; empty where nothing was.
    package var fault = ""
}

/// What a mock provider bills, and every call it took: the other side of a gateway's ledger.
package final class MockModelLedger: Sendable {
    /// Calls of one key for one model that ended alike.
    package struct Key: Sendable, Hashable, Comparable {
        package var key: String
        package var model: String
        package var dialect: MockDialect
        package var operation: String
        package var outcome: MockModelOutcome

        private var order: [String] { [key, model, dialect.rawValue, operation, outcome.rawValue] }
        package static func < (left: Key, right: Key) -> Bool { left.order.lexicographicallyPrecedes(right.order) }
    }

    package struct Sum: Sendable, Hashable {
        package var requests = 0
        package var usage = TokenUsage.zero
    }

    private struct State {
        var sums: [Key: Sum] = [:]
        var entries: [Int: MockModelEntry] = [:]
        var calls = 0
        var open = 0
        var attempts: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let entriesMax: Int

    init(entriesMax: Int) { self.entriesMax = max(1, entriesMax) }

    package var sums: [Key: Sum] { state.withLock { $0.sums } }
    /// The sums and how many calls are under way, of one moment: with none under way the sums have them all.
    package var sumsAndOpen: (sums: [Key: Sum], open: Int) { state.withLock { ($0.sums, $0.open) } }
    package var openCount: Int { sumsAndOpen.open }
    package var entries: [MockModelEntry] {
        state.withLock { state in state.entries.values.sorted { $0.number < $1.number } }
    }

    /// The sum of all that ended so.
    package func total(_ outcomes: Set<MockModelOutcome> = Set(MockModelOutcome.allCases)) -> Sum {
        var total = Sum()
        for (key, sum) in sums where outcomes.contains(key.outcome) { total.add(sum) }
        return total
    }

    /// Forgets sums, calls and attempts; the numbers of calls go on.
    package func clear() {
        state.withLock { state in
            (state.sums, state.entries, state.attempts) = ([:], [:], [:])
        }
    }

    /// Gives a call its number, from 1.
    func begin() -> Int {
        state.withLock { state in
            state.calls += 1
            state.open += 1
            return state.calls
        }
    }

    func end(_ entry: MockModelEntry, _ outcome: MockModelOutcome, usage: TokenUsage) {
        var entry = entry
        entry.outcome = outcome
        entry.usage = usage
        let key = Key(
            key: entry.key, model: entry.model, dialect: entry.dialect, operation: entry.operation, outcome: outcome)
        state.withLock { state in
            state.open -= 1
            state.sums[key, default: Sum()].add(Sum(requests: 1, usage: usage))
            state.entries[entry.number] = entry
            // Numbers end out of order by a little: the oldest ones are well behind.
            if state.entries.count > entriesMax + entriesMax / 4 {
                let kept = state.entries.keys.sorted().suffix(entriesMax)
                let first = kept.first ?? 0
                state.entries = state.entries.filter { $0.key >= first }
            }
        }
    }

    /// The how-manieth call with that id this is, from 1.
    func attempt(_ id: String) -> Int {
        state.withLock { state in
            if state.attempts.count >= 100_000 { state.attempts = [:] }
            state.attempts[id, default: 0] += 1
            return state.attempts[id, default: 1]
        }
    }
}

extension MockModelLedger.Sum {
    mutating func add(_ other: MockModelLedger.Sum) {
        requests += other.requests
        usage.input += other.usage.input
        usage.cacheRead += other.usage.cacheRead
        usage.cacheWrite5m += other.usage.cacheWrite5m
        usage.cacheWrite1h += other.usage.cacheWrite1h
        usage.audioInput += other.usage.audioInput
        usage.output += other.usage.output
        usage.reasoning += other.usage.reasoning
        usage.audioOutput += other.usage.audioOutput
    }
}

/// The bill of one call, settled exactly once: by the first that ends it.
final class ModelMeter: Sendable {
    private struct State {
        var output = 0
        var reasoning = 0
        var told = false
        var isSettled = false
    }

    private let ledger: MockModelLedger
    private let entry: MockModelEntry
    private let bill: @Sendable (_ output: Int, _ reasoning: Int) -> TokenUsage
    private let state = Mutex(State())

    /// `bill` says what so much output costs together with the input.
    init(
        ledger: MockModelLedger, entry: MockModelEntry,
        bill: @escaping @Sendable (_ output: Int, _ reasoning: Int) -> TokenUsage
    ) {
        self.ledger = ledger
        self.entry = entry
        self.bill = bill
    }

    /// So much has been said; `told`: and the caller could read it.
    func said(output: Int, reasoning: Int, told: Bool) {
        state.withLock { state in
            (state.output, state.reasoning, state.told) = (output, reasoning, told)
        }
    }

    func settle(_ outcome: MockModelOutcome) {
        let now: State? = state.withLock { state in
            guard !state.isSettled else { return nil }
            state.isSettled = true
            return state
        }
        guard let now else { return }
        let usage = outcome == .refused ? .zero : bill(now.output, now.reasoning)
        let isTold = now.told && (outcome == .aborted || outcome == .cancelled || outcome == .untold)
        ledger.end(entry, isTold ? .told : outcome, usage: usage)
    }
}
