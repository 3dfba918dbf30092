import GatewayModel
import GatewayPolicy

/// Calls whose owner is gone.
extension LedgerBook {
    /// A call that was under way when its gateway died: reserved until its lease ends.
    mutating func adopt(_ opened: SegmentSummary.Opened, load: (BudgetAccountKey) -> BudgetAccount?) {
        let (record, call) = (opened.record, opened.call)
        var slots: [Int] = []
        for key in opened.accounts {
            let found = accounts.slot(
                key, foldedThrough: .max, nowMilliseconds: record.timeMilliseconds, load: load)
            guard let slot = found else { continue }
            // Also one that has spent nothing: its limits are needed when the call is charged.
            if accounts.slots[slot].account.counters.isEmpty, let stored = load(key) {
                accounts.slots[slot].account = stored
            }
            accounts.slots[slot].openCount += 1
            accounts.slots[slot].account.reserve(record.demand)
            slots.append(slot)
        }
        let principal = Principal(proof: .none)
        let index = place(
            Open(
                id: record.id, demand: record.demand, slots: slots, leaseMilliseconds: record.leaseMilliseconds,
                facts: BudgetFacts(principal: principal, model: call.model), requestID: call.requestID))
        orphans.append(index)
        orphanCalls[record.id] = call
    }

    /// Charges the calls whose lease has ended, and says whether there were any.
    mutating func expireOrphans(now: Int) -> Bool {
        let expired = orphans.filter { open[$0].leaseMilliseconds <= now }
        guard !expired.isEmpty else { return false }
        orphans.removeAll { open[$0].leaseMilliseconds <= now }
        for index in expired {
            closeAsLost(Reservation.Ticket(index: index, id: open[index].id), now: now)
            statistics.expired += 1
        }
        return true
    }

    /// Charges a call as it was reserved.
    mutating func closeAsLost(_ ticket: Reservation.Ticket, now: Int) {
        guard open.indices.contains(ticket.index), open[ticket.index].id == ticket.id else { return }
        let call = open[ticket.index]
        let facts = orphanCalls.removeValue(forKey: call.id) ?? OpenCall(call.facts, requestID: call.requestID)
        var actual = call.demand
        actual.concurrent = 0
        var row = facts.lostRow(call.demand, timeMilliseconds: now)
        settle(ticket, lent: &row, actual: actual, now: now)
    }

    var currentStatistics: LedgerStatistics {
        var current = statistics
        current.journalFailures = journal.failureCount
        current.accounts = accounts.count
        current.evicted = accounts.evictedCount
        current.reloaded = accounts.reloadedCount
        current.open = open.count - freeOpen.count
        current.orphans = orphans.count
        current.journalBytes = journal.unfoldedBytes + journal.currentBytes
        current.journalSegments = journal.unfolded.count + (journal.hasRecords ? 1 : 0)
        return current
    }
}
