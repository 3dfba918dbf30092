import GatewayModel
package import GatewayPolicy
import Synchronization

/// What everyone may still spend, exactly. Calls reserve before they go out and settle when they are done; both are
/// synchronous, take a short lock and one write into the page cache, and never wait for the disk.
///
///     switch ledger.reserve(facts, demand, table, requestID: id, nowMilliseconds: now) {
///     case .admitted(let reservation): …; reservation.settle(row, nowMilliseconds: later)
///     case .refused(let refusal): throw refusal.error(nowMilliseconds: now)
///     case .unavailable(let error): throw error
///     }
package final class Ledger: Sendable {
    let book: Mutex<LedgerBook>
    private let load: @Sendable (BudgetAccountKey) -> BudgetAccount?
    private let now: @Sendable () -> Int

    init(
        _ book: consuming sending LedgerBook, load: @escaping @Sendable (BudgetAccountKey) -> BudgetAccount?,
        now: @escaping @Sendable () -> Int
    ) {
        self.book = Mutex(book)
        self.load = load
        self.now = now
    }

    /// Reserves `demand` on every budget that counts the call, all or none, and in every window of each. Budgets of
    /// `shadow` count the call and refuse nothing. With `mayRunUnrecorded` the call goes on, counted in memory only,
    /// while the ledger cannot be written, as all calls do with `LedgerSettings.onFailure` open.
    package func reserve(
        _ facts: BudgetFacts, _ demand: BudgetAmounts, _ table: BudgetTable, shadow: BudgetTable = .none,
        requestID: String, mayRunUnrecorded: Bool = false, nowMilliseconds: Int
    ) -> Admission {
        let outcome = book.withLock {
            $0.reserve(
                facts, demand, table, shadow: shadow, requestID: requestID, mayRunUnrecorded: mayRunUnrecorded,
                now: nowMilliseconds, load: load)
        }
        switch outcome {
        case .admitted(let ticket, let tightest): return .admitted(Reservation(self, ticket, tightest: tightest))
        case .refused(let refusal): return .refused(refusal)
        case .unavailable(let error): return .unavailable(error)
        }
    }

    func grow(_ ticket: Reservation.Ticket, by more: BudgetAmounts, nowMilliseconds: Int) -> BudgetRefusal? {
        book.withLock { $0.grow(ticket, by: more, now: nowMilliseconds) }
    }

    func settle(_ ticket: Reservation.Ticket, lent row: inout UsageRow, nowMilliseconds: Int) {
        // What comes from the cache is counted as a request and nothing more.
        let actual =
            row.flags.contains(.cacheHit)
            ? BudgetAmounts(cost: row.cost, inputTokens: 0, outputTokens: 0, concurrent: 0)
            : BudgetAmounts(row.usage, cost: row.cost, bytes: row.bytes)
        book.withLock {
            if $0.settle(ticket, lent: &row, actual: actual, now: nowMilliseconds) { $0.statistics.settled += 1 }
        }
    }

    func release(_ ticket: Reservation.Ticket, nowMilliseconds: Int) {
        book.withLock {
            if $0.release(ticket) { $0.statistics.released += 1 }
        }
    }

    /// A reservation that nobody settled is charged in full: a fault of ours must not become free calls.
    func abandon(_ ticket: Reservation.Ticket) {
        let now = now()
        book.withLock {
            $0.closeAsLost(ticket, now: now)
            $0.statistics.abandoned += 1
        }
    }

    package var statistics: LedgerStatistics { book.withLock { $0.currentStatistics } }

    /// Whether calls can be recorded, and if not, why.
    package var failure: String? { book.withLock { $0.journal.failure } }
}
