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

    mutating func reserve() -> JournalRecord.Reserve? {
        guard let id = wide().flatMap({ UInt64(exactly: $0) }), let time = count(), let lease = count(),
            let cost = wide(), let input = count(), let output = count(), let requests = count(),
            let accountCount = count()
        else { return nil }
        var accounts: [Int] = []
        for _ in 0..<accountCount {
            guard let account = count() else { return nil }
            accounts.append(account)
        }
        var texts: [String] = []
        for _ in 0..<8 {
            guard let text = text() else { return nil }
            texts.append(text)
        }
        // Nothing is under way once it has to be read again.
        let demand = BudgetAmounts(
            cost: Money(picodollars: cost), inputTokens: input, outputTokens: output, requests: requests, concurrent: 0)
        return JournalRecord.Reserve(
            id: id, timeMilliseconds: time, leaseMilliseconds: lease, demand: demand, accounts: accounts,
            call: OpenCall(texts: texts))
    }

    mutating func settle() -> JournalRecord.Settle? {
        guard let id = wide().flatMap({ UInt64(exactly: $0) }), let counters = counters(), let hasRow = byte() else {
            return nil
        }
        guard hasRow == 1 else { return JournalRecord.Settle(id: id, counters: counters, row: nil) }
        guard let row = row() else { return nil }
        return JournalRecord.Settle(id: id, counters: counters, row: row)
    }

    mutating func counters() -> [JournalRecord.Counter]? {
        guard let count = count() else { return nil }
        var counters: [JournalRecord.Counter] = []
        for _ in 0..<count {
            guard let counter = counter() else { return nil }
            counters.append(counter)
        }
        return counters
    }

    private mutating func counter() -> JournalRecord.Counter? {
        guard let account = count(), let code = byte(), let unit = BudgetUnit(code: code), let seconds = count(),
            let window = BudgetWindow(checkedSeconds: seconds), let index = count(), let max = wide(),
            let spent = wide()
        else { return nil }
        return JournalRecord.Counter(
            account: account,
            counter: BudgetCounter(unit: unit, window: window, max: max, index: index, spent: spent))
    }

    private mutating func row() -> UsageRow? {
        guard let time = count() else { return nil }
        var texts: [String] = []
        for _ in 0..<13 {
            guard let text = text() else { return nil }
            texts.append(text)
        }
        guard let groupCount = count() else { return nil }
        var row = UsageRow(.anonymous, model: texts[8], requestID: texts[0], timeMilliseconds: time)
        (row.tenant, row.team, row.user, row.agent) = (texts[1], texts[2], texts[3], texts[4])
        (row.run, row.key, row.route, row.provider) = (texts[5], texts[6], texts[7], texts[9])
        (row.providerModel, row.operation, row.priceVersion) = (texts[10], texts[11], texts[12])
        for _ in 0..<groupCount {
            guard let group = text() else { return nil }
            row.groups.append(group)
        }
        guard let usage = usage(), let cost = wide(), let status = count(), let outcome = byte(), let flags = byte(),
            let attempts = count(), let duration = count(), let firstToken = count(),
            Int(outcome) < UsageRow.Outcome.allCases.count
        else { return nil }
        row.usage = usage
        row.cost = Money(picodollars: cost)
        (row.status, row.attempts, row.durationMilliseconds) = (status, attempts, duration)
        row.outcome = UsageRow.Outcome.allCases[Int(outcome)]
        row.flags = UsageRow.Flags(rawValue: flags)
        row.firstTokenMilliseconds = firstToken > 0 ? firstToken - 1 : nil
        return row
    }

    private mutating func usage() -> TokenUsage? {
        guard let input = count(), let cacheRead = count(), let write5m = count(), let write1h = count(),
            let audioInput = count(), let output = count(), let reasoning = count(), let audioOutput = count()
        else { return nil }
        var usage = TokenUsage()
        (usage.input, usage.cacheRead, usage.cacheWrite5m, usage.cacheWrite1h) = (input, cacheRead, write5m, write1h)
        (usage.audioInput, usage.output, usage.reasoning, usage.audioOutput) =
            (audioInput, output, reasoning, audioOutput)
        return usage
    }
}
