package import GatewayModel

/// Whose account it is: one policy's count for one user, team, key…
package struct BudgetAccountKey: Sendable, Hashable {
    /// `namespace/name` of the BudgetPolicy, or `key` for a key's own limits.
    package var policy: String
    package var scope: BudgetScope
    /// The tenant that a user, team, agent or run belongs to: two tenants' `alice` share nothing. Empty for others.
    package var tenant: String
    package var value: String

    package func hash(into hasher: inout Hasher) {
        // Little of it tells keys apart, and every call looks some up: a policy counts a value once.
        hasher.combine(value)
        if !tenant.isEmpty { hasher.combine(tenant) }
        hasher.combine(policy.utf8.count)
    }

    package init(policy: String, scope: BudgetScope, tenant: String, value: String) {
        self.policy = policy
        self.scope = scope
        self.tenant = tenant
        self.value = value
    }

    // Users whose names only look alike to Unicode have each his own account. Keys of equal bytes are equal strings
    // too, so that they have one hash.
    package static func == (left: BudgetAccountKey, right: BudgetAccountKey) -> Bool {
        left.scope == right.scope && left.value.isExactly(right.value) && left.tenant.isExactly(right.tenant)
            && left.policy.isExactly(right.policy)
    }

    /// The policy name of limits that a key brings along.
    package static let keyPolicy = "key"
}

/// How a budget stands after a call was admitted or refused: for headers, errors and lists.
package struct BudgetStanding: Sendable, Hashable {
    package var account: BudgetAccountKey
    package var unit: BudgetUnit
    package var window: BudgetWindow
    package var limit: Int128
    /// Neither spent nor reserved; never below 0.
    package var remaining: Int128
    /// When the window ends, in milliseconds since 1970; nil where none does.
    package var resetMilliseconds: Int?

    /// Parts per million of the limit that remain: what makes one budget tighter than another.
    static func share(_ remaining: Int128, of limit: Int128) -> Int128 {
        guard limit > 0 else { return 0 }
        // Nearly every amount fits into half the width, where division costs a tenth.
        if let remaining = Int64(exactly: remaining * 1_000_000), let limit = Int64(exactly: limit) {
            return Int128(remaining / limit)
        }
        return remaining * 1_000_000 / limit
    }

    package func isTighter(than other: BudgetStanding) -> Bool {
        BudgetStanding.share(remaining, of: limit) < BudgetStanding.share(other.remaining, of: other.limit)
    }
}

/// Why a call was not admitted.
package struct BudgetRefusal: Sendable, Hashable {
    package var standing: BudgetStanding
    /// What the call asked for.
    package var demand: Int128
    /// Spent beyond the limit earlier.
    package var debt: Int128
    /// When the same call may be admitted, in milliseconds since 1970; nil when waiting does not help.
    package var retryMilliseconds: Int?

    /// Whole seconds to wait, at least one; nil when waiting does not help.
    package func retryAfterSeconds(nowMilliseconds now: Int) -> Int? {
        retryMilliseconds.map { max(1, ($0 - now + 999) / 1_000) }
    }

    /// The refusal for the caller.
    package func error(nowMilliseconds now: Int) -> GatewayError {
        let account = standing.account
        let unit = standing.unit
        let isOwn = account.policy == BudgetAccountKey.keyPolicy
        let whose = "the \(account.scope.rawValue)'s" + (isOwn ? " own" : "")
        let limit = BudgetLimit(unit: unit, max: standing.limit, window: standing.window)
        let left = BudgetLimit.text(standing.remaining, of: unit)
        let asked = BudgetLimit.text(demand, of: unit)
        let more = isOwn ? "have a key with a larger budget made" : "have BudgetPolicy \(account.policy) raised"
        let next: String
        if let seconds = retryAfterSeconds(nowMilliseconds: now) {
            next = "try again in \(seconds) s, or \(more)"
        } else if demand > standing.limit {
            next = "one call may not take more than the whole budget: ask for less, such as a smaller max_tokens"
        } else {
            next = "this budget does not start again by itself: \(more)"
        }
        return GatewayError(
            .budgetExceeded,
            "\(whose) budget of \(limit) has \(left) left and the call needs up to \(asked): \(account.policy)",
            hint: next)
    }
}
