import Synchronization

/// One message that a client sent.
package struct MockToolEntry: Sendable {
    package enum Outcome: String, Sendable {
        /// Under way.
        case open
        case result
        /// The tool said that it failed.
        case toolError = "tool-error"
        case error
        case input
        case task
        case cancelled
        /// It is no request, and was taken.
        case accepted
        /// Broken off or broken on purpose.
        case broken
    }

    package var number: Int
    /// `http`, `sse` or `stdio`.
    package var transport: String
    package var revision: String
    package var session: String
    package var method: String
    /// Of a tool, a prompt or a resource.
    package var name: String
    package var message: JSONDocument
    package var headers: [Header]
    package var outcome = Outcome.open
    /// Of the error, where there was one.
    package var code = 0

    package var arguments: JSONDocument { message["params"]?["arguments"] ?? [:] }
    package var capabilities: JSONDocument { message["params"]?["_meta"]?[MCPMeta.clientCapabilities] ?? [:] }

    var document: JSONDocument {
        [
            "number": .int(number), "transport": .string(transport), "revision": .string(revision),
            "session": .string(session), "method": .string(method), "name": .string(name),
            "outcome": .string(outcome.rawValue), "code": .int(code), "message": message,
            "headers": .array(headers.map { [.string($0.name), .string($0.value)] }),
        ]
    }
}

/// What clients sent, in order of arrival; old entries fall out, the counts do not.
package final class MockToolJournal: Sendable {
    private struct State {
        var entries: [MockToolEntry] = []
        var count = 0
        var waiters: [(isMet: @Sendable ([MockToolEntry]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let entriesMax: Int

    init(entriesMax: Int) { self.entriesMax = max(2, entriesMax) }

    package var entries: [MockToolEntry] { state.withLock { $0.entries } }

    /// The calls of one tool, or of all.
    package func calls(_ tool: String? = nil) -> [MockToolEntry] {
        entries.filter { $0.method == "tools/call" && (tool == nil || $0.name == tool) }
    }

    package func count(_ method: String) -> Int { entries.count { $0.method == method } }

    package func clear() { state.withLock { $0.entries = [] } }

    /// Returns once the entries are as wanted; the test bounds the wait.
    package func wait(until isMet: @escaping @Sendable ([MockToolEntry]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isNow = state.withLock { state in
                if isMet(state.entries) { return true }
                state.waiters.append((isMet, continuation))
                return false
            }
            if isNow { continuation.resume() }
        }
    }

    func begin(_ entry: MockToolEntry) -> Int {
        change { state in
            state.count += 1
            var entry = entry
            entry.number = state.count
            if state.entries.count >= entriesMax { state.entries.removeFirst(entriesMax / 2) }
            state.entries.append(entry)
            return state.count
        }
    }

    /// The first outcome counts.
    func end(_ number: Int, _ outcome: MockToolEntry.Outcome, code: Int = 0) {
        change { state in
            guard let index = state.entries.lastIndex(where: { $0.number == number }),
                state.entries[index].outcome == .open
            else { return }
            state.entries[index].outcome = outcome
            state.entries[index].code = code
        }
    }

    private func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, met) = state.withLock { state -> (Value, [CheckedContinuation<Void, Never>]) in
            let value = body(&state)
            guard !state.waiters.isEmpty else { return (value, []) }
            let entries = state.entries
            let met = state.waiters.filter { $0.isMet(entries) }.map(\.continuation)
            state.waiters.removeAll { $0.isMet(entries) }
            return (value, met)
        }
        for continuation in met { continuation.resume() }
        return value
    }

    func report(last: Int) -> JSONDocument {
        let (entries, count) = state.withLock { ($0.entries, $0.count) }
        return ["count": .int(count), "entries": .array(entries.suffix(last).map(\.document))]
    }
}
