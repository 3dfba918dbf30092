import GRDB
package import GatewayModel
import Synchronization

/// Calls that wait for a person, and what became of them.
extension ToolBook {
    /// The pending item of a call, made where there is none; nil when there are too many.
    package func ask(_ item: ToolApproval, nowSeconds: Int) -> ToolApproval? {
        var dropped: [String] = []
        let found = state.withLock { state -> (ToolApproval, isNew: Bool)? in
            let same = state.approvals.values.first {
                $0.state == .pending && $0.isFor(item.owner, item.digest, item.rule) && $0.expiresSeconds > nowSeconds
            }
            if let same { return (same, false) }
            // One caller's questions must not keep another's from being asked.
            let open = state.approvals.values.count {
                $0.state == .pending && $0.owner == item.owner && $0.expiresSeconds > nowSeconds
            }
            guard open < ToolBook.openApprovalsMax else { return nil }
            if state.approvals.count >= ToolBook.approvalsMax {
                dropped = state.approvals.values.filter { $0.expiresSeconds <= nowSeconds }.map(\.id)
                for id in dropped { state.approvals[id] = nil }
                guard state.approvals.count < ToolBook.approvalsMax else { return nil }
            }
            state.approvals[item.id] = item
            return (item, true)
        }
        forget(dropped, kind: "approval")
        if let found, found.isNew { write("approval", item.id, item) }
        return found?.0
    }

    /// Decided and expired items are of the audit log; here they would only grow.
    private func forget(_ ids: [String], kind: String) {
        guard !ids.isEmpty else { return }
        database.asyncWrite(
            { database in
                for id in ids {
                    try database.execute(sql: "DELETE FROM tools WHERE kind = ? AND id = ?", arguments: [kind, id])
                }
            }, completion: { _, _ in })
    }

    /// Takes an approval of exactly this call, if there is one; one that counts once is used up by it, and its use must
    /// be on the disk (`keep`) before the call goes out. It counts under the rule that asked, for no other.
    package func take(
        owner: String, run: String?, digest: String, rule: String, nowSeconds: Int
    ) -> ToolApproval? {
        state.withLock { state -> ToolApproval? in
            let found = state.approvals.values.first {
                $0.state == .approved && $0.isFor(owner, digest, rule) && $0.expiresSeconds > nowSeconds
                    && ($0.scope != .run || $0.run.map { ExactName($0) } == run.map { ExactName($0) })
            }
            guard var approval = found else { return nil }
            if approval.scope == .once {
                approval.state = .used
                state.approvals[approval.id] = approval
            }
            return approval
        }
    }

    /// Brings it to the disk that an approval was used. `done` on a thread of the store: false when it cannot be, and
    /// then the call must not go out.
    package func keep(use approval: ToolApproval, then done: @escaping @Sendable (Bool) -> Void) {
        guard approval.scope == .once else { return done(true) }
        write("approval", approval.id, approval, then: done)
    }

    /// The call did not go out after all: it may once more.
    package func giveBack(_ approval: ToolApproval) {
        let back = state.withLock { state -> ToolApproval? in
            guard var known = state.approvals[approval.id], known.state == .used else { return nil }
            known.state = .approved
            state.approvals[approval.id] = known
            return known
        }
        if let back { write("approval", back.id, back) }
    }

    /// Takes a state of a call that was approved in an earlier round: each counts once, in this life and the next.
    /// False when it has been used, or when too many are remembered. `done` as for `keep`.
    package func use(
        state digest: String, untilSeconds: Int, nowSeconds: Int, then done: @escaping @Sendable (Bool) -> Void
    ) -> Bool {
        var expired: [String] = []
        let isNew = state.withLock { state -> Bool in
            if state.usedStates.count >= ToolBook.usedStatesMax {
                expired = state.usedStates.filter { $0.value < nowSeconds }.map(\.key)
                for digest in expired { state.usedStates[digest] = nil }
            }
            guard state.usedStates.count < ToolBook.usedStatesMax, state.usedStates[digest] == nil else { return false }
            state.usedStates[digest] = untilSeconds
            return true
        }
        forget(expired, kind: "state")
        guard isNew else { return false }
        write("state", digest, untilSeconds, then: done)
        return true
    }

    /// What became of the newest item of a call; of those of one second a no counts, since somebody has said it.
    package func decision(owner: String, digest: String, rule: String, nowSeconds: Int) -> ToolApproval? {
        state.withLock { state in
            state.approvals.values.filter {
                $0.isFor(owner, digest, rule) && $0.expiresSeconds > nowSeconds
            }.max {
                ($0.createdSeconds, $0.state == .denied ? 1 : 0) < ($1.createdSeconds, $1.state == .denied ? 1 : 0)
            }
        }
    }

    /// A person decides. Only a pending item can be decided, and only until it expires. `waits`: it is on the disk when
    /// this returns, which no event loop has the time for.
    package func decide(
        _ id: String, isApproved: Bool, scope: ToolApproval.Scope = .once, lifetimeSeconds: Int? = nil, by: String,
        nowSeconds: Int, waits: Bool = true
    ) throws(GatewayError) -> ToolApproval {
        let found = state.withLock { state -> Result<ToolApproval, GatewayError> in
            guard var item = state.approvals[id] else {
                return .failure(
                    GatewayError(.notFound, "no approval \(id)", hint: "'sluice approval list' shows them"))
            }
            guard item.state == .pending, item.expiresSeconds > nowSeconds else {
                return .failure(
                    GatewayError(
                        .conflict, "the approval is \(item.state == .pending ? "expired" : item.state.rawValue): \(id)")
                )
            }
            item.state = isApproved ? .approved : .denied
            item.scope = scope
            item.decidedBy = by
            item.decidedSeconds = nowSeconds
            if let lifetimeSeconds { item.expiresSeconds = nowSeconds + lifetimeSeconds }
            state.approvals[id] = item
            return .success(item)
        }
        let item = try found.get()
        if waits { try writeNow("approval", id, item) } else { write("approval", id, item) }
        return item
    }

    package func approval(_ id: String) throws(GatewayError) -> ToolApproval {
        guard let found = state.withLock({ $0.approvals[id] }) else {
            throw GatewayError(.notFound, "no approval \(id)", hint: "'sluice approval list' shows them")
        }
        return found
    }

    /// The newest first.
    package func approvals() -> [ToolApproval] {
        state.withLock { Array($0.approvals.values) }
            .sorted { ($0.createdSeconds, $0.id) > ($1.createdSeconds, $1.id) }
    }
}
