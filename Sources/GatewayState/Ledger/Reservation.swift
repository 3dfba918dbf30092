package import GatewayModel
package import GatewayPolicy

/// Budget that one call holds. It is settled or released exactly once; one that is dropped is charged as reserved.
package struct Reservation: ~Copyable, Sendable {
    /// The limit with the smallest share left, this call counted; nil if no budget counts it.
    package let tightest: BudgetStanding?
    let ledger: Ledger
    let ticket: Ticket
    private var isOpen = true

    /// Where the ledger keeps it.
    struct Ticket: Sendable, Equatable {
        var index: Int
        var id: UInt64
    }

    init(_ ledger: Ledger, _ ticket: Ticket, tightest: BudgetStanding?) {
        self.ledger = ledger
        self.ticket = ticket
        self.tightest = tightest
    }

    /// Holds more: on every budget, or on none, and then why. The call goes on either way; who asks ends it.
    package borrowing func grow(by more: BudgetAmounts, nowMilliseconds: Int) -> BudgetRefusal? {
        ledger.grow(ticket, by: more, nowMilliseconds: nowMilliseconds)
    }

    /// Replaces the reservation by what the call took, and records the call.
    package consuming func settle(_ row: consuming UsageRow, nowMilliseconds: Int) {
        settle(lent: &row, nowMilliseconds: nowMilliseconds)
    }

    /// The same with a row that is only read: it is large, and what is lent is not copied.
    package consuming func settle(lent row: inout UsageRow, nowMilliseconds: Int) {
        isOpen = false
        ledger.settle(ticket, lent: &row, nowMilliseconds: nowMilliseconds)
    }

    /// Gives the reservation back, for a call that never reached a provider: it costs nothing and leaves no row.
    package consuming func release(nowMilliseconds: Int) {
        isOpen = false
        ledger.release(ticket, nowMilliseconds: nowMilliseconds)
    }

    deinit { if isOpen { ledger.abandon(ticket) } }
}

/// What became of a call that asked for budget.
package enum Admission: ~Copyable, Sendable {
    case admitted(Reservation)
    case refused(BudgetRefusal)
    /// The ledger could not record it, or is full.
    case unavailable(GatewayError)
}
