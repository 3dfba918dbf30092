import GatewayProxy
import Synchronization

/// The sessions open at servers of revision 2024-11-05, by the names they have here: one for the process, over reloads.
final class PairSessions: Sendable {
    private struct Entry {
        var session: PairSession
        var usedNanoseconds: UInt64
        let owner: String
    }

    private let entries = Mutex<[String: Entry]>([:])
    static let countMax = 10_000
    /// Of one caller: his sessions end none of another's.
    static let ownerCountMax = 1_000
    private static let prefix = "sluice-pair."

    /// Whether a session's id is one of these; no server may give one that looks like it.
    static func isName(_ id: String) -> Bool { id.hasPrefix(prefix) }

    func session(_ id: String, now: UInt64) -> PairSession? {
        entries.withLock { entries in
            entries[id]?.usedNanoseconds = now
            return entries[id]?.session
        }
    }

    /// Opens one on the loop of `worker`. Where there are too many, of this caller or at all, the one of them that was
    /// asked the longest ago makes room.
    func open(
        _ server: CompiledServer, _ services: MCPServices, on worker: Worker, owner: String
    ) -> PairSession {
        let session = PairSession(PairSessions.prefix + SessionID.make(), server, services, on: worker)
        let dropped = entries.withLock { entries -> PairSession? in
            var dropped: PairSession?
            let isFull = entries.count >= PairSessions.countMax
            let own = entries.filter { $0.value.owner == owner }
            let candidates = own.count >= PairSessions.ownerCountMax ? own : isFull ? entries : [:]
            if let oldest = candidates.min(by: { $0.value.usedNanoseconds < $1.value.usedNanoseconds }) {
                dropped = oldest.value.session
                entries[oldest.key] = nil
            }
            entries[session.id] = Entry(session: session, usedNanoseconds: worker.now, owner: owner)
            return dropped
        }
        if let dropped { ChannelExchange.end(session: dropped.id, at: dropped) }
        session.open()
        return session
    }

    func forget(_ id: String) { entries.withLock { $0[id] = nil } }
}
