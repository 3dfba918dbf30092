import GatewayModel
import GatewayPolicy

/// How the tightest budget stands, in fields of an answer: in the names the dialect's own clients read, and in ours.
enum BudgetFields {
    static func make(
        _ standing: BudgetStanding?, _ dialect: ModelDialect, nowMilliseconds now: Int
    ) -> [(String, String)] {
        guard let standing else { return [] }
        let limit = BudgetLimit.text(standing.limit, of: standing.unit)
        let remaining = BudgetLimit.text(standing.remaining, of: standing.unit)
        let seconds = standing.resetMilliseconds.map { max(0, ($0 - now + 999) / 1_000) }
        var own =
            "policy=\(standing.account.policy), unit=\(standing.unit.rawValue), limit=\(limit), remaining=\(remaining)"
        if let seconds { own += ", reset=\(seconds)" }
        var fields = [("x-sluice-budget", own)]
        guard let kind = kind(standing.unit) else { return fields }
        switch dialect {
        case .openai:
            fields.append(("x-ratelimit-limit-\(kind)", limit))
            fields.append(("x-ratelimit-remaining-\(kind)", remaining))
            if let seconds { fields.append(("x-ratelimit-reset-\(kind)", "\(seconds)s")) }
        case .anthropic:
            fields.append(("anthropic-ratelimit-\(kind)-limit", limit))
            fields.append(("anthropic-ratelimit-\(kind)-remaining", remaining))
            if let reset = standing.resetMilliseconds {
                fields.append(("anthropic-ratelimit-\(kind)-reset", ModelListing.timestamp((reset + 999) / 1_000)))
            }
        }
        return fields
    }

    /// What the vendors have names for.
    private static func kind(_ unit: BudgetUnit) -> String? {
        switch unit {
        case .tokens: "tokens"
        case .inputTokens: "input-tokens"
        case .outputTokens: "output-tokens"
        case .requests: "requests"
        case .usd, .concurrent, .bytes: nil
        }
    }
}
