import GatewayModel
import GatewayPolicy

/// The ledger's state: accounts, calls under way, and the journal's end. One value behind the ledger's lock; each
/// change is in the journal before anyone hears of it.
struct LedgerBook: ~Copyable {
    /// A call under way.
    struct Open {
        var id: UInt64 = 0
        var demand: BudgetAmounts = .zero
        var slots: [Int] = []
        /// The first of them refuse what they have no room for, the others only count.
        var enforcedCount = 0
        var leaseMilliseconds = 0
        var facts: BudgetFacts
        var requestID = ""
        /// Whether the journal knows of it.
        var isRecorded = true
    }

    let settings: LedgerSettings
    var accounts: LedgerAccounts
    var journal: Journal
    var open: [Open] = []
    var freeOpen: [Int] = []
    /// Calls of a gateway that died, among the open ones, and what each of them was.
    var orphans: [Int] = []
    var orphanCalls: [UInt64: OpenCall] = [:]
    var nextID: UInt64
    var foldedThrough: Int
    var statistics = LedgerStatistics()
    private var writer = RecordWriter()
    /// Calls that settled while the journal had no room to say so.
    private var unsaid: [UInt64] = []

    init(settings: LedgerSettings, journal: Journal, firstID: UInt64, foldedThrough: Int) {
        self.settings = settings
        self.journal = journal
        self.foldedThrough = foldedThrough
        accounts = LedgerAccounts(slotsMax: settings.accountsMax)
        nextID = firstID
    }

    enum Outcome {
        case admitted(Reservation.Ticket, tightest: BudgetStanding?)
        case refused(BudgetRefusal)
        case unavailable(GatewayError)
    }

    // MARK: Reserve

    /// Reserves on every account of a call, or on none. Accounts of `shadow` count it and refuse nothing.
    mutating func reserve(
        _ facts: BudgetFacts, _ demand: BudgetAmounts, _ table: BudgetTable, shadow: BudgetTable = .none,
        requestID: String, mayRunUnrecorded: Bool = false, now: Int,
        load: (BudgetAccountKey) -> BudgetAccount?
    ) -> Outcome {
        let mayRunUnrecorded = mayRunUnrecorded || settings.onFailure == .open
        guard !journal.isFailed || mayRunUnrecorded else {
            return unavailable("the ledger cannot be written")
        }
        guard open.count - freeOpen.count < settings.reservationsMax else {
            return unavailable("more than \(settings.reservationsMax) calls are under way")
        }
        var slots: [Int] = []
        slots.reserveCapacity(min(table.rules.count + shadow.rules.count + 1, 4))
        guard open(table, facts, withKey: true, &slots, now: now, load: load) else { return tooMany(slots) }
        let enforcedCount = slots.count
        guard open(shadow, facts, withKey: false, &slots, now: now, load: load) else { return tooMany(slots) }
        if let refusal = refusal(slots.prefix(enforcedCount), demand, now: now) {
            giveBack(slots)
            statistics.refused += 1
            return .refused(refusal)
        }
        let id = nextID
        nextID += 1
        let lease = now + settings.leaseMilliseconds
        let recorded = record(mayHold: mayRunUnrecorded) { book in
            book.define(slots)
            book.writer.reserve(
                id: id, timeMilliseconds: now, leaseMilliseconds: lease, demand, accounts: slots, facts,
                requestID: requestID, seed: book.journal.seed)
        }
        guard recorded || mayRunUnrecorded else {
            giveBack(slots)
            return unavailable("the ledger cannot be written")
        }
        if !recorded { statistics.unrecorded += 1 }
        for slot in slots { accounts.slots[slot].account.reserve(demand) }
        statistics.admitted += 1
        let index = place(
            Open(
                id: id, demand: demand, slots: slots, enforcedCount: enforcedCount, leaseMilliseconds: lease,
                facts: facts, requestID: requestID, isRecorded: recorded))
        return .admitted(Reservation.Ticket(index: index, id: id), tightest: tightest(slots.prefix(enforcedCount)))
    }

    /// Adds to what a call under way holds, on all of its accounts or on none; why not, if it was not. A journal that
    /// cannot be written ends no call: what it does not know yet is said when the call settles.
    mutating func grow(_ ticket: Reservation.Ticket, by more: BudgetAmounts, now: Int) -> BudgetRefusal? {
        guard open.indices.contains(ticket.index), open[ticket.index].id == ticket.id else { return nil }
        let call = open[ticket.index]
        for slot in call.slots { accounts.slots[slot].account.roll(nowMilliseconds: now) }
        if let refusal = refusal(call.slots.prefix(call.enforcedCount), more, now: now) {
            statistics.cut += 1
            return refusal
        }
        for slot in call.slots { accounts.slots[slot].account.reserve(more) }
        open[ticket.index].demand += more
        let demand = open[ticket.index].demand
        if call.isRecorded {
            _ = record(mayHold: true) { book in
                book.define(call.slots)
                book.writer.reserve(
                    id: call.id, timeMilliseconds: now, leaseMilliseconds: call.leaseMilliseconds, demand,
                    accounts: call.slots, call.facts, requestID: call.requestID, seed: book.journal.seed, kind: .grow)
            }
        }
        statistics.grown += 1
        return nil
    }

    /// Adds the accounts of a table that a call is on, each with one more call under way, rolled on to this moment.
    /// False when there is no room for one of them.
    private mutating func open(
        _ table: BudgetTable, _ facts: BudgetFacts, withKey: Bool, _ slots: inout [Int], now: Int,
        load: (BudgetAccountKey) -> BudgetAccount?
    ) -> Bool {
        table.forEachAccount(facts, withKey: withKey) { key, limits in
            let found = accounts.slot(key, foldedThrough: foldedThrough, nowMilliseconds: now, load: load)
            guard let slot = found else { return false }
            accounts.slots[slot].openCount += 1
            accounts.slots[slot].account.follow(limits, nowMilliseconds: now)
            accounts.slots[slot].account.roll(nowMilliseconds: now)
            slots.append(slot)
            return true
        }
    }

    private mutating func giveBack(_ slots: [Int]) { for slot in slots { accounts.slots[slot].openCount -= 1 } }

    private mutating func tooMany(_ slots: [Int]) -> Outcome {
        giveBack(slots)
        return unavailable("more than \(settings.accountsMax) budget accounts are in use")
    }

    private func refusal(_ slots: ArraySlice<Int>, _ demand: BudgetAmounts, now: Int) -> BudgetRefusal? {
        var worst: BudgetRefusal?
        for slot in slots where !accounts.slots.span[slot].account.hasRoom(for: demand) {
            let found = accounts.slots[slot].account.refusal(
                demand, key: accounts.slots[slot].key, nowMilliseconds: now)
            guard let refusal = found else { continue }
            if worst.map({ BudgetAccount.isLonger(refusal, than: $0) }) ?? true { worst = refusal }
        }
        return worst
    }

    private func tightest(_ slots: ArraySlice<Int>) -> BudgetStanding? {
        var tightest: (slot: Int, index: Int, share: Int128)?
        for slot in slots {
            guard let found = accounts.slots.span[slot].account.tightest else { continue }
            if tightest.map({ found.share < $0.share }) ?? true { tightest = (slot, found.index, found.share) }
        }
        guard let tightest else { return nil }
        return accounts.standing(tightest.slot, tightest.index)
    }

    mutating func place(_ call: consuming Open) -> Int {
        if let index = freeOpen.popLast() {
            open[index] = call
            return index
        }
        open.append(call)
        return open.count - 1
    }

    private mutating func unavailable(_ message: String) -> Outcome {
        statistics.unavailable += 1
        return .unavailable(
            GatewayError(
                .ledgerUnavailable, message, hint: "try again in a moment; the gateway's own log says more",
                cause: journal.failure))
    }

    // MARK: Settle

    /// Takes a call off the list of those under way; nil if it is not on it any more.
    private mutating func take(_ ticket: Reservation.Ticket) -> Open? {
        guard open.indices.contains(ticket.index), open[ticket.index].id == ticket.id else { return nil }
        var call = Open(facts: LedgerBook.nobody)
        swap(&call, &open[ticket.index])
        freeOpen.append(ticket.index)
        return call
    }

    /// Ends a reservation: it costs `actual`, and `row`, which is only read, says what it was. False if it had ended
    /// before.
    @discardableResult
    mutating func settle(
        _ ticket: Reservation.Ticket, lent row: inout UsageRow, actual: BudgetAmounts, now: Int
    ) -> Bool {
        guard let call = take(ticket) else { return false }
        if actual.cost > call.demand.cost || actual[.tokens] > call.demand[.tokens] { statistics.overruns += 1 }
        for slot in call.slots {
            accounts.slots[slot].account.settle(call.demand, actual: actual, nowMilliseconds: now)
            accounts.slots[slot].openCount -= 1
        }
        let recorded = record(mayHold: true) { book in
            book.define(call.slots)
            var count = 0
            for slot in call.slots { count += book.accounts.slots[slot].account.counters.count }
            book.writer.beginSettle(id: call.id, counters: count)
            book.addCounters(call.slots)
            book.writer.row(lent: &row, timeMilliseconds: now)
            book.writer.end(seed: book.journal.seed)
        }
        if !recorded { leaveUnsaid(call) }
        return true
    }

    /// Ends a reservation as if it had never been. False if it had ended before.
    mutating func release(_ ticket: Reservation.Ticket) -> Bool {
        guard let call = take(ticket) else { return false }
        for slot in call.slots {
            accounts.slots[slot].account.release(call.demand)
            accounts.slots[slot].openCount -= 1
        }
        if !end(call.id) { leaveUnsaid(call) }
        return true
    }

    /// Says that a reservation is over, and nothing else.
    private mutating func end(_ id: UInt64) -> Bool {
        record(mayHold: true) { book in
            book.writer.beginSettle(id: id, counters: 0)
            book.writer.noRow()
            book.writer.end(seed: book.journal.seed)
        }
    }

    private mutating func leaveUnsaid(_ call: Open) {
        if call.isRecorded { unsaid.append(call.id) }
        statistics.unrecorded += 1
    }

    private static let nobody = BudgetFacts(principal: .anonymous, model: "")

    // MARK: Records

    /// Writes what `encode` puts into the writer. While the journal has no file, and when it has just lost it, the
    /// records wait in memory, if they may. They are made for one segment, and so again for the next.
    private mutating func record(mayHold: Bool, _ encode: (inout LedgerBook) -> Void) -> Bool {
        defer { writer.removeAll() }
        journal.makeRoom()
        if !journal.isFailed {
            encode(&self)
            if journal.append(writer) { return true }
            writer.removeAll()
        }
        guard mayHold else { return false }
        encode(&self)
        return journal.hold(writer)
    }

    /// Says what the numbers of accounts mean and how they stand, once in each segment: so that the store knows the
    /// limits of every account that a reservation is on.
    private mutating func define(_ slots: [Int]) {
        for slot in slots where accounts.slots[slot].definedIn != journal.sequence {
            writer.account(accounts.slots[slot].key, reference: slot, seed: journal.seed)
            accounts.slots[slot].definedIn = journal.sequence
            writer.beginCounters(accounts.slots[slot].account.counters.count)
            addCounters([slot])
            writer.end(seed: journal.seed)
        }
    }

    private mutating func addCounters(_ slots: [Int]) {
        for slot in slots {
            accounts.slots[slot].segment = journal.sequence
            for index in accounts.slots[slot].account.counters.indices {
                writer.counter(accounts.slots[slot].account.counters[index], account: slot)
            }
        }
    }

    /// How accounts stand, for the journal: after a reset, and when something could not be said before.
    mutating func state(of slots: [Int]) -> Bool {
        record(mayHold: true) { book in
            book.define(slots)
            var count = 0
            for slot in slots { count += book.accounts.slots[slot].account.counters.count }
            book.writer.beginCounters(count)
            book.addCounters(slots)
            book.writer.end(seed: book.journal.seed)
        }
    }

    /// Tries to write again after a failure, and then says everything that could not be said meanwhile.
    mutating func recover() {
        guard journal.isFailed else { return }
        let hadGap = journal.hasGap
        journal.recover()
        guard !journal.isFailed, hadGap else { return }
        for slot in accounts.slots.indices { accounts.slots[slot].definedIn = 0 }
        let ids = unsaid
        unsaid = []
        for id in ids where !end(id) { unsaid.append(id) }
        for slot in accounts.slots.indices where accounts.slots[slot].isUsed { _ = state(of: [slot]) }
    }
}
