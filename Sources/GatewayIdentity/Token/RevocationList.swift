package import GatewayModel
import Synchronization

/// What is not believed any more although it has not expired: single tokens, and everything of a run, an agent, a user
/// or a grant up to an instant. Asked for each request, so the common answer (nothing new) is one read of memory.
package final class RevocationList: Sendable {
    package typealias Entry = Revocation
    package typealias Kind = Revocation.Kind

    private struct Key: Hashable {
        var kind: Kind
        var value: String
    }

    /// Of what is asked for. What has been promised (`addAll`) finds room beyond it.
    package static let entriesMax = 200_000
    private let entries = Mutex<[Key: [Entry]]>([:])
    private let count = Atomic<Int>(0)
    private let changes = Atomic<UInt64>(1)
    /// How far ahead of this clock tokens were that were let in, and the latest that any said it was issued. Both only
    /// grow, and nothing else is read by them.
    private let aheadSeconds = Atomic<Int>(0)
    private let latestSeconds = Atomic<Int>(Int.min)

    package init() {}

    /// Grows with every revocation: who remembers the version it last asked at need not ask again.
    package var version: UInt64 { changes.load(ordering: .acquiring) }

    /// Is told of each token that is given out or checked: whoever made it may have a clock that is ahead.
    package func note(issuedSeconds: Int, nowSeconds: Int) {
        aheadSeconds.max(issuedSeconds - nowSeconds, ordering: .relaxed)
        latestSeconds.max(issuedSeconds, ordering: .relaxed)
    }

    /// Up to which second tokens may say they were issued that are there now: past this one where an issuer's clock is
    /// ahead, or ours was set back. Never less than what any token has said that was let in.
    package func reach(nowSeconds: Int) -> Int {
        max(nowSeconds + aheadSeconds.load(ordering: .relaxed), latestSeconds.load(ordering: .relaxed))
    }

    /// Whether there is room for so many more.
    package func hasRoom(for more: Int, nowSeconds: Int) -> Bool {
        entries.withLock { makeRoom(for: more, &$0, nowSeconds: nowSeconds) }
    }

    /// False when there is no room; then the caller must not say that it is revoked.
    package func add(_ new: [Entry], nowSeconds: Int) -> Bool { add(new, nowSeconds: nowSeconds, isBounded: true) }

    /// Takes what nobody could be told "no" to: what managed keys end, which is two for each of the keys there can be,
    /// and what the disk has.
    package func addAll(_ new: [Entry], nowSeconds: Int) { _ = add(new, nowSeconds: nowSeconds, isBounded: false) }

    private func add(_ new: [Entry], nowSeconds: Int, isBounded: Bool) -> Bool {
        var isNews = false
        let isDone = entries.withLock { entries in
            // Keys tell anew what became of them each time one of them changes.
            let new = new.filter { entry in
                !(entries[Key(kind: entry.kind, value: entry.value)] ?? []).contains { $0.covers(entry) }
            }
            isNews = !new.isEmpty
            guard !isBounded || makeRoom(for: new.count, &entries, nowSeconds: nowSeconds) else { return false }
            for entry in new {
                var list = entries[Key(kind: entry.kind, value: entry.value)] ?? []
                if let index = list.firstIndex(where: { $0.tenant == entry.tenant }) {
                    list[index].beforeSeconds = max(list[index].beforeSeconds, entry.beforeSeconds)
                    list[index].untilSeconds = max(list[index].untilSeconds, entry.untilSeconds)
                } else {
                    list.append(entry)
                    count.add(1, ordering: .relaxed)
                }
                entries[Key(kind: entry.kind, value: entry.value)] = list
            }
            return true
        }
        if isDone, isNews { changes.add(1, ordering: .releasing) }
        return isDone
    }

    /// Forgets what is over, if that is needed.
    private func makeRoom(for more: Int, _ entries: inout [Key: [Entry]], nowSeconds: Int) -> Bool {
        if count.load(ordering: .relaxed) + more > RevocationList.entriesMax {
            for (key, list) in entries {
                let alive = list.filter { $0.untilSeconds > nowSeconds }
                entries[key] = alive.isEmpty ? nil : alive
            }
            count.store(entries.values.reduce(0) { $0 + $1.count }, ordering: .relaxed)
        }
        return count.load(ordering: .relaxed) + more <= RevocationList.entriesMax
    }

    /// What revokes this caller; nil for one in order.
    package func reason(against principal: Principal) -> Entry? {
        guard count.load(ordering: .relaxed) > 0 else { return nil }
        // A credential that does not say when it was made counts as made before everything.
        let issued = principal.detail?.issuedSeconds ?? Int.min
        return entries.withLock { entries in
            func found(_ kind: Kind, _ value: String?) -> Entry? {
                guard let value, let list = entries[Key(kind: kind, value: value)] else { return nil }
                return list.first {
                    ($0.tenant == nil || $0.tenant == principal.tenant) && issued <= $0.beforeSeconds
                }
            }
            if let entry = found(.token, principal.credentialID) ?? found(.run, principal.run)
                ?? found(.user, principal.user) ?? found(.agent, principal.agent)
                ?? found(.grant, principal.detail?.grantID) ?? found(.session, principal.detail?.session)
            {
                return entry
            }
            for parent in principal.detail?.parents ?? [] {
                if let entry = found(.token, parent) ?? found(.grant, parent) { return entry }
            }
            for delegate in principal.delegation {
                // Whoever acts without an agent's name does so as a user.
                if let entry = found(.agent, delegate.subject) ?? found(.user, delegate.subject) { return entry }
            }
            return nil
        }
    }

    /// All of them, for whoever keeps them over a restart.
    package var all: [Entry] { entries.withLock { $0.values.flatMap(\.self) } }
}

extension Revocation {
    /// Whether another one of the same name says nothing more.
    fileprivate func covers(_ other: Revocation) -> Bool {
        tenant == other.tenant && beforeSeconds >= other.beforeSeconds && untilSeconds >= other.untilSeconds
    }
}
