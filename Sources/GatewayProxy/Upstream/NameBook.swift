import NIOCore
import Synchronization

/// Keeps the names of backends resolved: one look-up at a time per name, for all backends that use it, again and
/// again, off the event loops. It runs on one loop's timers; nothing of it is on a request's path.
final class NameBook: Sendable {
    /// A first answer that takes longer counts as failed, so that waiting requests are bounded.
    static let firstAnswerNanosecondsMax: Int64 = 5_000_000_000

    private struct Entry {
        var watchers: [LiveBackend] = []
        var refresh = NameRefresh()
        var answer: NameAnswer?
        var timer: Scheduled<Void>?
        /// Tells an answer that is still wanted from one to an earlier life of the entry.
        var generation: UInt64
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var generation: UInt64 = 0
    }

    private let eventLoop: any EventLoop
    private let lookup: NameLookup
    private let onEvent: @Sendable (EndpointEvent) -> Void
    private let state = Mutex(State())

    init(eventLoop: any EventLoop, lookup: NameLookup, onEvent: @escaping @Sendable (EndpointEvent) -> Void) {
        self.eventLoop = eventLoop
        self.lookup = lookup
        self.onEvent = onEvent
    }

    // MARK: Watching

    /// From now on `live` hears of exactly these names.
    func watch(_ live: LiveBackend, names: [String]) {
        let wanted = Set(names)
        let (fresh, known) = state.withLock { state in
            NameBook.drop(live, from: &state, keeping: wanted)
            var fresh: [(name: String, generation: UInt64)] = []
            var known: [(name: String, answer: NameAnswer)] = []
            for name in wanted.sorted() {
                if state.entries[name] == nil {
                    state.generation += 1
                    state.entries[name] = Entry(generation: state.generation)
                    fresh.append((name, state.generation))
                } else if let answer = state.entries[name]?.answer {
                    known.append((name, answer))
                }
                if state.entries[name]?.watchers.contains(where: { $0 === live }) == false {
                    state.entries[name]?.watchers.append(live)
                }
            }
            return (fresh, known)
        }
        for (name, answer) in known { live.resolved(name, answer, now: EndpointDirectory.now) }
        for (name, generation) in fresh {
            boundFirstAnswer(name, generation)
            look(name, generation)
        }
    }

    func forget(_ live: LiveBackend) {
        state.withLock { NameBook.drop(live, from: &$0, keeping: []) }
        live.abandon(now: EndpointDirectory.now)
    }

    private static func drop(_ live: LiveBackend, from state: inout State, keeping wanted: Set<String>) {
        for name in Array(state.entries.keys) where !wanted.contains(name) {
            state.entries[name]?.watchers.removeAll { $0 === live }
            guard state.entries[name]?.watchers.isEmpty == true else { continue }
            state.entries.removeValue(forKey: name)?.timer?.cancel()
        }
    }

    // MARK: Looking up

    private func look(_ name: String, _ generation: UInt64) {
        lookup.addresses(name, eventLoop).whenComplete { result in
            switch result {
            case .success(let addresses) where !addresses.isEmpty:
                self.answered(name, generation, addresses: addresses.sorted { $0.description < $1.description })
            case .success: self.failed(name, generation, reason: "the name has no address")
            case .failure(let error): self.failed(name, generation, reason: String(describing: error))
            }
        }
    }

    private func answered(_ name: String, _ generation: UInt64, addresses: [SocketAddress]) {
        // Sorted, so that a name server that rotates its answers does not look like a change.
        let answer = NameAnswer.addresses(Array(addresses.prefix(EndpointPlan.addressesPerNameMax)))
        let (watchers, isNews) = state.withLock { state -> ([LiveBackend], Bool) in
            guard state.entries[name]?.generation == generation else { return ([], false) }
            let isNews = state.entries[name]?.answer != answer
            state.entries[name]?.answer = answer
            state.entries[name]?.refresh.succeeded()
            return (isNews ? state.entries[name]?.watchers ?? [] : [], isNews)
        }
        for live in watchers { live.resolved(name, answer, now: EndpointDirectory.now) }
        if isNews { onEvent(.resolved(name: name, addressCount: addresses.count)) }
        scheduleNext(name, generation)
    }

    private func failed(_ name: String, _ generation: UInt64, reason: String) {
        let isWanted = state.withLock { state in
            guard state.entries[name]?.generation == generation else { return false }
            state.entries[name]?.refresh.failed()
            return true
        }
        guard isWanted else { return }
        settleFirstAnswer(name, generation, reason)
        onEvent(.lookupFailed(name: name, reason: reason))
        scheduleNext(name, generation)
    }

    private func boundFirstAnswer(_ name: String, _ generation: UInt64) {
        eventLoop.scheduleTask(in: .nanoseconds(Self.firstAnswerNanosecondsMax)) {
            self.settleFirstAnswer(name, generation, "DNS has not answered in time")
        }
    }

    /// Nothing good is known of the name: say so, unless there has been an answer.
    private func settleFirstAnswer(_ name: String, _ generation: UInt64, _ reason: String) {
        let watchers = state.withLock { state -> [LiveBackend] in
            guard let entry = state.entries[name], entry.generation == generation, entry.answer == nil else {
                return []
            }
            state.entries[name]?.answer = .failed(reason)
            return entry.watchers
        }
        for live in watchers { live.resolved(name, .failed(reason), now: EndpointDirectory.now) }
    }

    private func scheduleNext(_ name: String, _ generation: UInt64) {
        state.withLock { state in
            guard let entry = state.entries[name], entry.generation == generation else { return }
            let delay = entry.refresh.delay(random: .random(in: .min ... .max))
            state.entries[name]?.timer = eventLoop.scheduleTask(in: .nanoseconds(Int64(delay))) {
                self.look(name, generation)
            }
        }
    }
}
