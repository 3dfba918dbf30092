import GatewayModel
import GatewayPolicy

/// What the journal says happened, in order.
enum JournalRecord {
    enum Kind: UInt8 {
        case account = 1
        case reserve
        case settle
        case counters
        /// A reservation that was made before, larger: otherwise the same as `reserve`.
        case grow
    }

    /// A number for an account, good until the end of the segment or until it is given to another one.
    struct Account {
        var reference: Int
        var key: BudgetAccountKey
    }

    /// A call that was admitted: enough to charge it if nobody comes back to settle it.
    struct Reserve {
        var id: UInt64
        var timeMilliseconds: Int
        var leaseMilliseconds: Int
        var demand: BudgetAmounts
        var accounts: [Int]
    }

    /// How an account's counter stood afterwards. The whole truth, not a difference: applying it twice does no harm.
    struct Counter {
        var account: Int
        var counter: BudgetCounter
    }
}

/// Who called what, as far as it is known when a call is admitted.
struct OpenCall: Sendable, Hashable {
    var requestID: String
    var tenant: String
    var team: String
    var user: String
    var agent: String
    var run: String
    var key: String
    var model: String

    init(_ facts: BudgetFacts, requestID: String) {
        self.requestID = requestID
        model = facts.model
        tenant = facts.principal.tenant ?? ""
        team = facts.principal.team ?? ""
        user = facts.principal.user ?? ""
        agent = facts.principal.agent ?? ""
        run = facts.principal.run ?? ""
        key = facts.principal.credentialID ?? ""
    }

    init(texts: [String]) {
        func text(_ index: Int) -> String { index < texts.count ? texts[index] : "" }
        (requestID, tenant, team, user) = (text(0), text(1), text(2), text(3))
        (agent, run, key, model) = (text(4), text(5), text(6), text(7))
    }

    var texts: [String] { [requestID, tenant, team, user, agent, run, key, model] }

    /// The row of a call that nobody settled.
    func lostRow(_ demand: BudgetAmounts, timeMilliseconds: Int) -> UsageRow {
        func name(_ text: String) -> String? { text.isEmpty ? nil : text }
        let principal = Principal(
            proof: .apiKey, tenant: name(tenant), team: name(team), user: name(user), agent: name(agent),
            run: name(run), credentialID: name(key))
        var row = UsageRow(principal, model: model, requestID: requestID, timeMilliseconds: timeMilliseconds)
        row.usage.input = demand.inputTokens
        row.usage.output = demand.outputTokens
        row.cost = demand.cost
        row.outcome = .lost
        row.flags = .estimated
        return row
    }
}
