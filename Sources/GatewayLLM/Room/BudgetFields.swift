import GatewayModel
import GatewayPolicy
import GatewayWire

/// How the tightest budget stands, in fields of an answer: in the names the dialect's own clients read, and in ours.
enum BudgetFields {
    static func append(
        _ standing: BudgetStanding, _ dialect: ModelDialect, nowMilliseconds now: Int, to fields: inout FieldBlock
    ) {
        let (unit, kind) = (standing.unit, kind(standing.unit))
        let seconds = standing.resetMilliseconds.map { max(0, ($0 - now + 999) / 1_000) }
        fields.append("x-sluice-budget") { value in
            value.append(contentsOf: "policy=".utf8)
            value.append(contentsOf: standing.account.policy.utf8)
            value.append(contentsOf: ", unit=".utf8)
            value.append(contentsOf: unit.rawValue.utf8)
            value.append(contentsOf: ", limit=".utf8)
            BudgetLimit.append(standing.limit, of: unit, to: &value)
            value.append(contentsOf: ", remaining=".utf8)
            BudgetLimit.append(standing.remaining, of: unit, to: &value)
            guard let seconds else { return }
            value.append(contentsOf: ", reset=".utf8)
            HTTP1Serializer.append(decimal: UInt64(seconds), to: &value)
        }
        guard let kind else { return }
        func name(_ what: String) -> String {
            dialect == .anthropic ? "anthropic-ratelimit-\(kind)-\(what)" : "x-ratelimit-\(what)-\(kind)"
        }
        fields.append(name("limit")) { BudgetLimit.append(standing.limit, of: unit, to: &$0) }
        fields.append(name("remaining")) { BudgetLimit.append(standing.remaining, of: unit, to: &$0) }
        guard let seconds, let reset = standing.resetMilliseconds else { return }
        fields.append(
            name("reset"), dialect == .anthropic ? ModelListing.timestamp((reset + 999) / 1_000) : "\(seconds)s")
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
