import GatewayModel
import GatewayPolicy

/// Records on their way into a segment.
extension RecordWriter {
    mutating func account(_ key: BudgetAccountKey, reference: Int, seed: UInt64) {
        begin(.account)
        add(reference)
        add(key.policy)
        add(key.scope.code)
        add(key.tenant)
        add(key.value)
        end(seed: seed)
    }

    mutating func reserve(
        id: UInt64, timeMilliseconds: Int, leaseMilliseconds: Int, _ demand: BudgetAmounts, accounts: [Int],
        _ facts: BudgetFacts, requestID: String, seed: UInt64, kind: JournalRecord.Kind = .reserve
    ) {
        begin(kind)
        add(id)
        add(timeMilliseconds)
        add(leaseMilliseconds)
        add(demand.cost.picodollars)
        add(demand.inputTokens)
        add(demand.outputTokens)
        add(demand.requests)
        add(accounts.count)
        for account in accounts { add(account) }
        add(requestID)
        add(facts.principal.tenant ?? "")
        add(facts.principal.team ?? "")
        add(facts.principal.user ?? "")
        add(facts.principal.agent ?? "")
        add(facts.principal.run ?? "")
        add(facts.principal.credentialID ?? "")
        add(facts.model)
        end(seed: seed)
    }

    /// Counters follow, as many as said, then `row` or `noRow`.
    mutating func beginSettle(id: UInt64, counters: Int) {
        begin(.settle)
        add(id)
        add(counters)
    }

    mutating func beginCounters(_ count: Int) {
        begin(.counters)
        add(count)
    }

    mutating func counter(_ counter: BudgetCounter, account: Int) {
        add(account)
        add(counter.unit.code)
        add(counter.window.seconds)
        add(counter.index)
        // What is read again is held to the same bound.
        add(min(counter.max, BudgetCounter.amountMax))
        add(min(counter.spent, BudgetCounter.amountMax))
    }

    mutating func noRow() { add(UInt8(0)) }

    /// The row is only read: what is lent is not copied.
    mutating func row(lent row: inout UsageRow, timeMilliseconds: Int) {
        add(UInt8(1))
        add(timeMilliseconds)
        texts(&row)
        add(row.groups.count)
        for group in row.groups { add(group) }
        add(min(row.usage.input, UsageRow.tokensMax))
        add(min(row.usage.cacheRead, UsageRow.tokensMax))
        add(min(row.usage.cacheWrite5m, UsageRow.tokensMax))
        add(min(row.usage.cacheWrite1h, UsageRow.tokensMax))
        add(min(row.usage.audioInput, UsageRow.tokensMax))
        add(min(row.usage.output, UsageRow.tokensMax))
        add(min(row.usage.reasoning, UsageRow.tokensMax))
        add(min(row.usage.audioOutput, UsageRow.tokensMax))
        add(min(row.cost, BudgetAmounts.costMax).picodollars)
        add(row.status)
        add(UInt8(UsageRow.Outcome.allCases.firstIndex(of: row.outcome) ?? 0))
        add(row.flags.rawValue)
        add(row.attempts)
        add(row.durationMilliseconds)
        add(row.firstTokenMilliseconds.map { $0 + 1 } ?? 0)
    }
}

extension RecordWriter {
    /// One after the other: a list of them would have to be made for each call.
    private mutating func texts(_ row: inout UsageRow) {
        add(row.requestID)
        add(row.tenant)
        add(row.team)
        add(row.user)
        add(row.agent)
        add(row.run)
        add(row.key)
        add(row.route)
        add(row.model)
        add(row.provider)
        add(row.providerModel)
        add(row.operation)
        add(row.priceVersion)
    }
}

/// Numbers that stand for cases in files: never given to another case.
extension BudgetUnit {
    var code: UInt8 {
        switch self {
        case .usd: 1
        case .tokens: 2
        case .inputTokens: 3
        case .outputTokens: 4
        case .requests: 5
        case .concurrent: 6
        case .bytes: 7
        }
    }

    init?(code: UInt8) {
        switch code {
        case 1: self = .usd
        case 2: self = .tokens
        case 3: self = .inputTokens
        case 4: self = .outputTokens
        case 5: self = .requests
        case 6: self = .concurrent
        case 7: self = .bytes
        default: return nil
        }
    }
}

extension BudgetScope {
    var code: UInt8 {
        switch self {
        case .key: 1
        case .user: 2
        case .team: 3
        case .tenant: 4
        case .agent: 5
        case .run: 6
        case .model: 7
        case .everyone: 8
        }
    }

    init?(code: UInt8) {
        guard let scope = BudgetScope.allCases.first(where: { $0.code == code }) else { return nil }
        self = scope
    }
}
