package import GatewayModel

/// What budgets are chosen by.
package struct BudgetFacts: Sendable, Hashable {
    package var principal: Principal
    /// The model's name in the catalogue, as the caller asks for it.
    package var model: String

    package init(principal: Principal, model: String) {
        self.principal = principal
        self.model = model
    }

    /// The account's name within a scope; nil if the caller has none.
    package func value(_ scope: BudgetScope) -> String? {
        switch scope {
        case .key: principal.originCredentialID
        case .user: principal.user
        case .team: principal.team
        case .tenant: principal.tenant
        case .agent: principal.agent
        case .run: principal.run
        case .model: model
        case .everyone: "everyone"
        }
    }

    /// The account of a policy; nil if it does not count this caller.
    package func account(policy: String, scope: BudgetScope) -> BudgetAccountKey? {
        guard let value = value(scope) else { return nil }
        let isOfTenant =
            switch scope {
            case .user, .team, .agent, .run: true
            case .key, .tenant, .model, .everyone: false
            }
        return BudgetAccountKey(
            policy: policy, scope: scope, tenant: isOfTenant ? principal.tenant ?? "" : "", value: value)
    }

    /// Where a credential's own limits are counted: on its run, on the key it was made from, or on itself.
    func ownAccount(_ grant: KeyGrant) -> BudgetAccountKey? {
        if let key = grant.keyAccount {
            return BudgetAccountKey(policy: BudgetAccountKey.keyPolicy, scope: .key, tenant: "", value: key)
        }
        guard let run = grant.account else { return account(policy: BudgetAccountKey.keyPolicy, scope: .key) }
        return BudgetAccountKey(
            policy: BudgetAccountKey.keyPolicy, scope: .run, tenant: principal.tenant ?? "", value: run)
    }
}

/// Whom a policy counts: everything that is said must hold.
package struct BudgetSubject: Sendable, Hashable {
    package var group: NamePattern?
    package var user: NamePattern?
    package var team: NamePattern?
    package var tenant: NamePattern?
    package var agent: NamePattern?
    package var key: NamePattern?

    package init() {}

    package func matches(_ principal: Principal) -> Bool {
        if let group, !principal.groups.contains(where: { group.matches($0) }) { return false }
        return BudgetSubject.matches(user, principal.user) && BudgetSubject.matches(team, principal.team)
            && BudgetSubject.matches(tenant, principal.tenant) && BudgetSubject.matches(agent, principal.agent)
            && (BudgetSubject.matches(key, principal.credentialID)
                || BudgetSubject.matches(key, principal.originCredentialID))
    }

    /// A principal is asked for what is looked at only: each name is a reference to take.
    private static func matches(_ pattern: NamePattern?, _ name: @autoclosure () -> String?) -> Bool {
        guard let pattern else { return true }
        return name().map { pattern.matches($0) } ?? false
    }
}

extension [BudgetSubject] {
    /// Where they lie: a subject that is handed on is copied first.
    func include(_ principal: Principal) -> Bool {
        let all = span
        for index in all.indices where all[index].matches(principal) { return true }
        return false
    }
}

/// A BudgetPolicy, compiled: for each value of its scope, an account with these limits.
package struct BudgetRule: Sendable, Hashable {
    /// `namespace/name` of the policy. Accounts are found by it: who renames a policy starts new ones.
    package var name: String
    package var scope: BudgetScope
    /// At most one for a unit and window.
    package let limits: [BudgetLimit]
    /// One of them must match; empty for everyone.
    package var subjects: [BudgetSubject]
    /// The model must match one of them; empty for every model.
    package var models: [NamePattern]

    /// Of two limits for the same unit and window the lower one counts.
    package init(
        name: String, scope: BudgetScope, limits: [BudgetLimit], subjects: [BudgetSubject] = [],
        models: [NamePattern] = []
    ) {
        self.name = name
        self.scope = scope
        self.subjects = subjects
        self.models = models
        var kept: [BudgetLimit] = []
        for limit in limits {
            if let index = kept.firstIndex(where: { $0.unit == limit.unit && $0.window == limit.window }) {
                kept[index].max = min(kept[index].max, limit.max)
            } else {
                kept.append(limit)
            }
        }
        self.limits = kept
    }

    /// The account a call is counted on; nil if the policy does not count it. A caller without a value for the scope is
    /// not counted: a policy for users says nothing of an agent that has none.
    package func account(_ facts: BudgetFacts) -> BudgetAccountKey? {
        isAbout(facts) ? facts.account(policy: name, scope: scope) : nil
    }

    /// Whether there is such an account.
    package func counts(_ facts: BudgetFacts) -> Bool { isAbout(facts) && facts.value(scope) != nil }

    private func isAbout(_ facts: BudgetFacts) -> Bool {
        (subjects.isEmpty || subjects.include(facts.principal))
            && (models.isEmpty || models.contains { $0.matches(facts.model) })
    }
}

/// Every budget of a configuration.
package struct BudgetTable: Sendable, Hashable {
    package var rules: [BudgetRule]

    package init(_ rules: [BudgetRule] = []) { self.rules = rules }
    package static let none = BudgetTable()

    /// All accounts a call is counted on, with their limits: the policies' in order, then the key's own.
    package func accounts(
        _ facts: BudgetFacts, withKey: Bool = true
    ) -> [(key: BudgetAccountKey, limits: [BudgetLimit])] {
        var accounts: [(key: BudgetAccountKey, limits: [BudgetLimit])] = []
        _ = forEachAccount(facts, withKey: withKey) { key, limits in
            accounts.append((key, limits))
            return true
        }
        return accounts
    }

    /// The same one by one, while `body` says so; false when it did not.
    package func forEachAccount(
        _ facts: BudgetFacts, withKey: Bool = true, _ body: (consuming BudgetAccountKey, [BudgetLimit]) -> Bool
    ) -> Bool {
        for index in rules.indices {
            if let key = rules[index].account(facts), !body(key, rules[index].limits) { return false }
        }
        guard withKey, let grant = facts.principal.grant, !grant.limits.isEmpty, let key = facts.ownAccount(grant)
        else { return true }
        return body(key, grant.limits)
    }
}
