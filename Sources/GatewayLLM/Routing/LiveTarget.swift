package import GatewayModel
import Synchronization

/// What is known of one target with one of its credentials while the gateway runs: whether it is given requests, how
/// fast it answers, how much it has under way. Shared by all loops and kept over reloads.
package final class LiveTarget: Sendable {
    private struct State {
        var failuresInRow = 0
        /// Of the minute at hand.
        var minute: UInt64 = 0
        var requests = 0
        var failures = 0
        /// Nothing is given before this.
        var coolsUntil: UInt64 = 0
        /// How long the last cool-down was; 0 when it is over and done with.
        var lastCooldown: UInt64 = 0
        /// Nanoseconds to the first token, smoothed; 0 while nothing is known.
        var latency: UInt64 = 0
        /// When it was last measured.
        var heard: UInt64 = 0
    }

    private let state = Mutex(State())
    private let underWay = Atomic<Int>(0)

    package init() {}

    package var inFlight: Int { underWay.load(ordering: .relaxed) }
    package func begin() { underWay.add(1, ordering: .relaxed) }
    package func end() { underWay.subtract(1, ordering: .relaxed) }

    /// Nanoseconds to the first token as of late; 0 while nothing is known. What was measured long ago counts for half
    /// after each minute: one that was slow once is tried again.
    package func latencyNanoseconds(now: UInt64) -> UInt64 {
        state.withLock { $0.latency >> ((now - min($0.heard, now)) / 60_000_000_000) }
    }

    /// Whether others go first.
    package func coolsDown(now: UInt64) -> Bool { state.withLock { $0.coolsUntil > now } }

    package func succeeded(firstTokenNanoseconds: UInt64, now: UInt64) {
        state.withLock { state in
            LiveTarget.turn(&state, now)
            state.requests += 1
            state.failuresInRow = 0
            state.lastCooldown = 0
            state.heard = now
            // The newest answer counts for a fifth.
            state.latency =
                state.latency == 0 ? firstTokenNanoseconds : (state.latency &* 4 &+ firstTokenNanoseconds) / 5
        }
    }

    /// Counts a failure; returns whether a cool-down begins by it. `retryAfter` is what the provider asked for.
    @discardableResult
    package func failed(_ rule: ModelCooldown, retryAfterNanoseconds: UInt64?, now: UInt64) -> Bool {
        state.withLock { state in
            LiveTarget.turn(&state, now)
            state.requests += 1
            state.failures += 1
            state.failuresInRow += 1
            if let asked = retryAfterNanoseconds {
                let most = UInt64(max(0, rule.durationMax.milliseconds)) * 1_000_000
                return LiveTarget.cool(&state, for: min(asked, most), now)
            }
            let isOften =
                state.requests >= rule.requestsMin && state.failures * 100 >= rule.errorPercent * state.requests
            guard state.failuresInRow >= rule.failures || isOften else { return false }
            let first = UInt64(max(0, rule.duration.milliseconds)) * 1_000_000
            let most = UInt64(max(0, rule.durationMax.milliseconds)) * 1_000_000
            let length = state.lastCooldown == 0 ? first : min(state.lastCooldown &* 2, most)
            state.lastCooldown = length
            return LiveTarget.cool(&state, for: length, now)
        }
    }

    private static func cool(_ state: inout State, for length: UInt64, _ now: UInt64) -> Bool {
        let isNew = state.coolsUntil <= now
        state.coolsUntil = max(state.coolsUntil, now &+ length)
        return isNew && length > 0
    }

    private static func turn(_ state: inout State, _ now: UInt64) {
        let minute = now / 60_000_000_000
        guard minute != state.minute else { return }
        state.minute = minute
        state.requests = 0
        state.failures = 0
    }
}

/// All live targets by name, as long as a configuration or a call has them: what neither has any more is forgotten.
package final class LiveTargets: Sendable {
    private let targets = LiveTable<LiveTarget>()
    private let providers = LiveTable<LiveProvider>()

    package init() {}

    /// `target` is `CompiledTarget.key`: of a pattern it has the pattern and no caller's words.
    package func find(target: String, credential: String) -> LiveTarget {
        targets.find("\(target)\u{0}\(credential)") { LiveTarget() }
    }

    package func provider(_ name: String) -> LiveProvider { providers.find(name) { LiveProvider() } }

    /// Names that are remembered, of those in use and of others.
    var count: Int { targets.count + providers.count }
}

/// What is shared by name among those who use it, and ends with the last of them.
private final class LiveTable<Value: AnyObject & Sendable>: Sendable {
    private struct Entry { weak var value: Value? }

    private struct State {
        var entries: [String: Entry] = [:]
        /// At so many names those that nobody uses are taken out.
        var sweepCount = 64
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    func find(_ name: String, _ make: () -> Value) -> Value {
        state.withLock { state in
            if let found = state.entries[name]?.value { return found }
            if state.entries.count >= state.sweepCount {
                state.entries = state.entries.filter { $0.value.value != nil }
                state.sweepCount = max(64, state.entries.count * 2)
            }
            let made = make()
            state.entries[name] = Entry(value: made)
            return made
        }
    }
}

/// A provider's requests under way, over all its models.
package final class LiveProvider: Sendable {
    private let underWay = Atomic<Int>(0)

    package init() {}

    package var inFlight: Int { underWay.load(ordering: .relaxed) }

    /// Takes a place; false when all are taken.
    package func begin(countMax: Int?) -> Bool {
        let before = underWay.add(1, ordering: .relaxed).oldValue
        guard let countMax, before >= countMax else { return true }
        end()
        return false
    }

    package func end() { underWay.subtract(1, ordering: .relaxed) }
}
