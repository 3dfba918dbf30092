import GatewayProxy
import GatewayRecords
import GatewayWire
import Synchronization

/// What has been found out about servers, and the sessions open at them: one for the process, over reloads.
final class LiveServers: Sendable {
    /// How a server wants to be spoken to.
    enum Era: Sendable {
        /// With what it says of itself, the JSON of a `DiscoverResult`.
        case stateless(discovered: [UInt8])
        case session
    }

    /// A session at a server.
    struct Session: Sendable {
        /// Nil where the server gives none.
        var id: String?
        var revision: MCPRevision
        /// The JSON of the `InitializeResult`; empty where another replica got it.
        var result: [UInt8]
        var usedNanoseconds: UInt64
        /// When this replica opened it; 0 for one that another has opened.
        var openedNanoseconds: UInt64 = 0
        /// The server's, of `MetricRegistry.backendSlot`.
        var slot = 0
    }

    private struct State {
        var eras: [String: Era] = [:]
        /// Those with sessions that were found to be of 2024-11-05.
        var pairs: Set<String> = []
        var sessions: [String: Session] = [:]
        var sessionsSweptNanoseconds: UInt64 = 0
    }

    private let state = Mutex(State())
    /// What is being found out, by servers' keys, and opened and listed, by those and callers' scopes.
    let probes = SingleFlight<ServerOpening.Probed>()
    let openings = SingleFlight<ServerOpening.Opened>()
    let listings = SingleFlight<ListGathering.Outcome>()
    static let sessionsMax = 100_000
    static let erasMax = 20_000
    static let sessionIdleNanoseconds: UInt64 = 30 * 60 * 1_000_000_000

    func era(of server: CompiledServer) -> Era? { state.withLock { $0.eras[server.key] } }

    func setEra(_ era: Era, of server: CompiledServer) {
        state.withLock { state in
            // Of protected servers each caller has one.
            if state.eras.count >= LiveServers.erasMax { state.eras.removeAll() }
            state.eras[server.key] = era
        }
    }

    /// Asked again at the next request: the server may have been replaced.
    func forgetEra(of server: CompiledServer) {
        state.withLock { state in
            state.eras[server.key] = nil
            state.pairs.remove(server.key)
        }
    }

    /// Whether its sessions are those of 2024-11-05.
    func isPair(_ server: CompiledServer) -> Bool { state.withLock { $0.pairs.contains(server.key) } }

    func setPair(_ server: CompiledServer) {
        state.withLock { state in
            if state.pairs.count >= LiveServers.erasMax { state.pairs.removeAll() }
            state.pairs.insert(server.key)
        }
    }

    func session(_ scope: String, now: UInt64) -> Session? {
        state.withLock { state in
            guard let session = state.sessions[scope],
                now < session.usedNanoseconds &+ LiveServers.sessionIdleNanoseconds
            else { return nil }
            state.sessions[scope]?.usedNanoseconds = now
            return session
        }
    }

    /// Keeps a session, unless there are too many. Returns those that nobody has used for too long.
    func keep(_ session: Session, _ scope: String, now: UInt64) -> [Session] {
        state.withLock { state in
            var ended: [Session] = []
            if state.sessions.count >= LiveServers.sessionsMax
                || now > state.sessionsSweptNanoseconds &+ LiveServers.sessionIdleNanoseconds
            {
                state.sessionsSweptNanoseconds = now
                state.sessions = state.sessions.filter { _, session in
                    guard now >= session.usedNanoseconds &+ LiveServers.sessionIdleNanoseconds else { return true }
                    ended.append(session)
                    return false
                }
            }
            if state.sessions.count < LiveServers.sessionsMax { state.sessions[scope] = session }
            return ended
        }
    }

    /// Forgets a session that the server does not know any more, unless another has taken its place.
    func drop(_ scope: String, id: String?) -> Session? {
        state.withLock { $0.sessions[scope]?.id == id ? $0.sessions.removeValue(forKey: scope) : nil }
    }

    /// Takes a session out.
    func take(_ scope: String) -> Session? { state.withLock { $0.sessions.removeValue(forKey: scope) } }
}

extension Worker {
    /// Counts a session at a server that has ended; it was in use until its last use or until now.
    func ended(_ session: LiveServers.Session?, atNanoseconds end: UInt64? = nil) {
        guard let session, session.openedNanoseconds > 0 else { return }
        let end = max(end ?? session.usedNanoseconds, session.openedNanoseconds)
        recorder.metrics.recordToolSession(slot: session.slot, nanoseconds: end &- session.openedNanoseconds)
    }
}
