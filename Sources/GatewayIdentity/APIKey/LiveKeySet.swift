package import GatewayModel
import Synchronization

/// Keys that come and go while requests look them up: the newest set, swapped in one step. Whoever shows an unknown key
/// costs one hash and one read of memory, and no store.
package final class LiveKeySet: Sendable {
    /// A key as whoever keeps keys hands it over.
    package struct Entry: Sendable {
        package var digest: [UInt8]
        package var principal: Principal
        /// Seconds since 1970; nil for a key without an end.
        package var expiresSeconds: Int?
        package var isBlocked: Bool

        package init(digest: [UInt8], principal: Principal, expiresSeconds: Int?, isBlocked: Bool) {
            self.digest = digest
            self.principal = principal
            self.expiresSeconds = expiresSeconds
            self.isBlocked = isBlocked
        }
    }

    private struct State {
        var keys = APIKeySet()
        /// When each was last used, over all sets; the same object for a key in all of them.
        var uses: [String: KeyUse] = [:]
        /// Until when each key that was ever here lets in; nil for one that does not any more.
        var ends: [String: Int?] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// The set of this moment.
    package var current: APIKeySet { state.withLock { $0.keys } }

    /// Makes these the keys that let in, from the next look-up on.
    package func replace(_ entries: [Entry]) {
        state.withLock { state in
            var uses: [String: KeyUse] = [:]
            let keys = entries.map { entry -> APIKeySet.Key in
                let id = entry.principal.credentialID ?? ""
                let use = uses[id] ?? state.uses[id] ?? KeyUse()
                uses[id] = use
                return APIKeySet.Key(
                    digest: entry.digest, principal: entry.principal, expiresSeconds: entry.expiresSeconds,
                    isBlocked: entry.isBlocked, use: use)
            }
            state.uses = uses
            state.keys = APIKeySet(keys)
            state.ends = state.ends.mapValues { _ in nil }
            for entry in entries where !entry.isBlocked {
                let id = entry.principal.credentialID ?? ""
                state.ends[id] = max(state.ends[id].flatMap(\.self) ?? 0, entry.expiresSeconds ?? .max)
            }
        }
    }

    /// Whether a caller was let in by a key that lets nobody in now: revoked, blocked or expired. For what waits; a
    /// request that comes is looked up by what it shows.
    package func hasEnded(_ principal: Principal, nowSeconds: Int) -> Bool {
        guard principal.proof == .apiKey, let id = principal.credentialID else { return false }
        return state.withLock { state in
            guard let end = state.ends[id] else { return false }
            return nowSeconds >= end ?? 0
        }
    }

    /// When keys were last used, seconds since 1970; those that never were are left out.
    package func lastUses() -> [(id: String, seconds: Int)] {
        state.withLock { state in
            state.uses.compactMap { id, use in use.seconds > 0 ? (id, use.seconds) : nil }
        }
    }
}

/// When a key was last used.
final class KeyUse: Sendable {
    private let last = Atomic<Int>(0)

    var seconds: Int { last.load(ordering: .relaxed) }

    func note(_ seconds: Int) {
        // Most requests of a second find it noted, and leave the cache line as it is.
        if last.load(ordering: .relaxed) < seconds { last.store(seconds, ordering: .relaxed) }
    }
}
