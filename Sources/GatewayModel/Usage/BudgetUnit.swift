/// What a budget counts.
package enum BudgetUnit: String, ConfigEnum, Hashable {
    /// Money; amounts are picodollars.
    case usd
    /// Tokens in and out together.
    case tokens
    case inputTokens
    case outputTokens
    case requests
    /// What calls of tools bring and take: their messages and those of the answers.
    case bytes
    /// Requests under way at the same moment; has no window.
    case concurrent
}

/// Whose calls a budget counts together.
package enum BudgetScope: String, ConfigEnum, Hashable {
    case key, user, team, tenant, agent, run, model
    /// One count for all callers together.
    case everyone
}
