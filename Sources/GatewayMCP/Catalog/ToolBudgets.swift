package import GatewayModel
import GatewayPolicy

/// The BudgetPolicies that count calls of tools, by the names tools have under `/mcp`.
package struct ToolBudgets: Sendable {
    /// Refuses what they have no room for.
    let enforced: BudgetTable
    /// Counts, and refuses nothing.
    let shadow: BudgetTable
    /// While the ledger cannot keep counts: only when every one of them allows it.
    private let refusing: BudgetTable

    /// Policies in the order in which they name themselves as the reason; names are `namespace/name`.
    package init(_ policies: [(name: String, spec: BudgetPolicySpec)]) {
        func table(_ isOf: (BudgetPolicySpec) -> Bool) -> BudgetTable {
            BudgetTable(
                policies.compactMap { policy in
                    guard let tools = policy.spec.tools, isOf(policy.spec) else { return nil }
                    return BudgetRule(
                        name: policy.name, scope: policy.spec.scope, limits: policy.spec.limits.map(\.limit),
                        subjects: (policy.spec.subjects ?? []).map { BudgetSubject($0) },
                        models: tools.map { NamePattern($0) })
                })
        }
        enforced = table { !$0.shadow }
        shadow = table { $0.shadow }
        refusing = table { !$0.shadow && $0.onStoreFailure == .refuse }
    }

    package static let none = ToolBudgets([])

    var isEmpty: Bool { enforced.rules.isEmpty && shadow.rules.isEmpty }

    func mayRunUncounted(_ facts: BudgetFacts) -> Bool {
        let ownLimits = facts.principal.grant?.limits ?? []
        return ownLimits.isEmpty && !refusing.rules.contains { $0.account(facts) != nil }
    }
}
