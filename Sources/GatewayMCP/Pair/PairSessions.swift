import GatewayProxy
import Synchronization

/// The sessions open at servers of revision 2024-11-05, by the names they have here: one for the process, over reloads.
final class PairSessions: Sendable {
    private struct Entry {
        var session: PairSession
        var usedNanoseconds: UInt64
        let owner: String
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// Whose they are.
        var names: [String: Set<String>] = [:]

        mutating func add(_ entry: Entry) {
            entries[entry.session.id] = entry
            names[entry.owner, default: []].insert(entry.session.id)
        }

        @discardableResult
        mutating func remove(_ id: String) -> PairSession? {
            guard let entry = entries.removeValue(forKey: id) else { return nil }
            names[entry.owner]?.remove(id)
            if names[entry.owner]?.isEmpty == true { names[entry.owner] = nil }
            return entry.session
        }

        /// Of those that have nothing under way, where there are any, the one that was asked the longest ago.
        func oldest(_ ids: some Sequence<String>) -> String? {
            var (idle, any): (Entry?, Entry?)
            for entry in ids.lazy.compactMap({ entries[$0] }) {
                if entry.usedNanoseconds < any?.usedNanoseconds ?? .max { any = entry }
                if entry.usedNanoseconds < idle?.usedNanoseconds ?? .max, !entry.session.isAtWork { idle = entry }
            }
            return (idle ?? any)?.session.id
        }
    }

    private let state = Mutex(State())
    static let countMax = 10_000
    /// Of one caller: his sessions end none of another's.
    static let ownerCountMax = 1_000
    private static let prefix = "sluice-pair."

    /// Whether a session's id is one of these; no server may give one that looks like it.
    static func isName(_ id: String) -> Bool { id.hasPrefix(prefix) }

    func session(_ id: String, now: UInt64) -> PairSession? {
        state.withLock { state in
            state.entries[id]?.usedNanoseconds = now
            return state.entries[id]?.session
        }
    }

    /// Opens one on the loop of `worker`. Where there are too many, of this caller or at all, the one of them makes
    /// room that was asked the longest ago, and one with calls under way only where all have some.
    func open(
        _ server: CompiledServer, _ services: MCPServices, on worker: Worker, owner: String
    ) -> PairSession {
        let session = PairSession(PairSessions.prefix + SessionID.make(), server, services, on: worker)
        let dropped = state.withLock { state -> PairSession? in
            var oldest: String?
            if let own = state.names[owner], own.count >= PairSessions.ownerCountMax {
                oldest = state.oldest(own)
            } else if state.entries.count >= PairSessions.countMax {
                oldest = state.oldest(state.entries.keys)
            }
            let dropped = oldest.flatMap { state.remove($0) }
            state.add(Entry(session: session, usedNanoseconds: worker.now, owner: owner))
            return dropped
        }
        if let dropped { ChannelExchange.end(session: dropped.id, at: dropped) }
        session.open()
        return session
    }

    func forget(_ id: String) { _ = state.withLock { $0.remove(id) } }
}
