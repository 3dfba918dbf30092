import GatewayModel
import GatewayPolicy

/// Records as they come out of a segment; nil for what no writer of ours has written.
extension RecordReader {
    mutating func account() -> JournalRecord.Account? {
        guard let reference = count(), let policy = text(), let code = byte(), let scope = BudgetScope(code: code),
            let tenant = text(), let value = text()
        else { return nil }
        return JournalRecord.Account(
            reference: reference, key: BudgetAccountKey(policy: policy, scope: scope, tenant: tenant, value: value))
    }

    /// The names in it are left where they are.
    mutating func reserve() -> JournalRecord.Reserve? {
        guard let id = id(), let time = count(), let lease = count(), let cost = wide(), let input = count(),
            let output = count(), let requests = count(), let accountCount = count()
        else { return nil }
        var accounts: [Int] = []
        for _ in 0..<accountCount {
            guard let account = count() else { return nil }
            accounts.append(account)
        }
        // Nothing is under way once it has to be read again.
        let demand = BudgetAmounts(
            cost: Money(picodollars: cost), inputTokens: input, outputTokens: output, requests: requests, concurrent: 0)
        return JournalRecord.Reserve(
            id: id, timeMilliseconds: time, leaseMilliseconds: lease, demand: demand, accounts: accounts)
    }

    /// Which call a reservation is of, without the rest of it: most calls are settled before anybody asks for that. Nil
    /// also where the rest is none.
    mutating func reserved() -> UInt64? {
        guard let id = id(), count() != nil, count() != nil, wide() != nil, count() != nil, count() != nil,
            count() != nil, let accountCount = count()
        else { return nil }
        for _ in 0..<accountCount {
            guard count() != nil else { return nil }
        }
        return id
    }

    /// Who called what: follows a reservation.
    mutating func call() -> OpenCall? {
        var texts: [String] = []
        for _ in 0..<8 {
            guard let text = text() else { return nil }
            texts.append(text)
        }
        return OpenCall(texts: texts)
    }

    /// The call that a record settles; its counters follow, and then its row.
    mutating func settled() -> UInt64? { id() }

    /// A row of usage, or nothing where the call was given back. Nil for what is neither.
    mutating func row() -> UsageRecord?? {
        guard let hasRow = byte() else { return nil }
        guard hasRow == 1 else { return .some(nil) }
        guard let row = UsageRecord(&self) else { return nil }
        return row
    }

    private mutating func id() -> UInt64? { wide().flatMap { UInt64(exactly: $0) } }

    /// Each of a record's counters; false for what is none.
    mutating func counters(_ body: (JournalRecord.Counter) -> Void) -> Bool {
        guard let count = count() else { return false }
        for _ in 0..<count {
            guard let counter = counter() else { return false }
            body(counter)
        }
        return true
    }

    private mutating func counter() -> JournalRecord.Counter? {
        guard let account = count(), let code = byte(), let unit = BudgetUnit(code: code), let seconds = count(),
            let window = BudgetWindow(checkedSeconds: seconds), let index = count(), let max = wide(),
            let spent = wide(),
            let counter = BudgetCounter(unit: unit, window: window, kept: max, index: index, spent: spent)
        else { return nil }
        return JournalRecord.Counter(account: account, counter: counter)
    }
}
