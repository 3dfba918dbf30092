package import GatewayModel
package import GatewayPolicy

/// Every BudgetPolicy: what is counted, and what is done about what cannot be.
package final class ModelBudgets: Sendable {
    private final class Settings: Sendable {
        let rule: BudgetRule
        let terms: BudgetTerms
        let isShadow: Bool

        init(rule: BudgetRule, spec: BudgetPolicySpec) {
            self.rule = rule
            terms = BudgetTerms(spec, rule: rule.name)
            isShadow = spec.shadow
        }

        func counts(_ facts: BudgetFacts) -> Bool { rule.counts(facts) }
    }

    /// Refuses what they have no room for.
    package let enforced: BudgetTable
    /// Counts, and refuses nothing.
    package let shadow: BudgetTable
    private let settings: [Settings]

    /// Policies in the order in which they name themselves as the reason; names are `namespace/name`.
    package init(_ policies: [(name: String, spec: BudgetPolicySpec)]) {
        // What names tools and no models is about tools alone.
        let settings = policies.filter { $0.spec.tools == nil || $0.spec.models != nil }.map { policy in
            Settings(
                rule: BudgetRule(
                    name: policy.name, scope: policy.spec.scope, limits: policy.spec.limits.map(\.limit),
                    subjects: (policy.spec.subjects ?? []).map { BudgetSubject($0) },
                    models: (policy.spec.models ?? []).map { NamePattern($0) }),
                spec: policy.spec)
        }
        self.settings = settings
        enforced = BudgetTable(settings.filter { !$0.isShadow }.map(\.rule))
        shadow = BudgetTable(settings.filter(\.isShadow).map(\.rule))
    }

    package static let none = ModelBudgets([])

    /// What the policies upon a call ask beyond counting.
    package func terms(_ facts: BudgetFacts) -> BudgetTerms {
        var terms = BudgetTerms()
        for policy in settings where policy.counts(facts) { terms.add(policy.terms) }
        if let grant = facts.principal.grant, !grant.limits.isEmpty {
            terms.mayRunUncounted = false
            if !terms.countsMoney, grant.limits.contains(where: { $0.unit == .usd }) {
                terms.countsMoney = true
                terms.moneyRule = "key"
            }
        }
        return terms
    }
}

/// The strictest of what several budgets ask.
package struct BudgetTerms: Sendable, Equatable {
    /// Whether a limit of dollars is upon the call, so that it needs a price.
    package var countsMoney = false
    /// Who sets the first of them: a BudgetPolicy, or `key`.
    package var moneyRule = ""
    /// `refuse` if one of them says so; nil for what the catalogue says.
    package var onUnknownPrice: UnknownPrice?
    /// The fewest, so that most tokens are reserved.
    package var inputBytesPerToken = BudgetEstimate().inputBytesPerToken
    package var outputTokensDefault = BudgetEstimate().outputTokensDefault
    /// While the ledger cannot keep counts: only when every one of them allows it.
    package var mayRunUncounted = true
    private var isFirst = true

    package init() {}

    /// What one policy asks.
    fileprivate init(_ spec: BudgetPolicySpec, rule: String) {
        inputBytesPerToken = spec.estimate.inputBytesPerToken
        outputTokensDefault = spec.estimate.outputTokensDefault
        isFirst = false
        guard !spec.shadow else { return }
        if spec.limits.contains(where: { $0.unit == .usd }) {
            countsMoney = true
            moneyRule = rule
            onUnknownPrice = spec.onUnknownPrice
        }
        if spec.onStoreFailure == .refuse { mayRunUncounted = false }
    }

    fileprivate mutating func add(_ other: BudgetTerms) {
        guard !isFirst else {
            self = other
            return
        }
        inputBytesPerToken = min(inputBytesPerToken, other.inputBytesPerToken)
        outputTokensDefault = max(outputTokensDefault, other.outputTokensDefault)
        if !countsMoney { moneyRule = other.moneyRule }
        countsMoney = countsMoney || other.countsMoney
        if onUnknownPrice != .refuse { onUnknownPrice = other.onUnknownPrice ?? onUnknownPrice }
        mayRunUncounted = mayRunUncounted && other.mayRunUncounted
    }

    /// How many tokens a body of so many bytes is taken for.
    package func inputTokens(bodyBytes: Int) -> Int { (bodyBytes + inputBytesPerToken - 1) / inputBytesPerToken }
}
