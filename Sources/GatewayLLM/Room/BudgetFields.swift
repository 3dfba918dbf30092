import GatewayModel
import GatewayPolicy
import GatewayWire

/// How the tightest budget stands, in fields of an answer: in the names the dialect's own clients read, and in ours.
enum BudgetFields {
    static func append(
        _ standing: BudgetStanding, _ dialect: ModelDialect, nowMilliseconds now: Int, to fields: inout FieldBlock
    ) {
        let unit = standing.unit
        let seconds = standing.resetMilliseconds.map { max(0, ($0 - now + 999) / 1_000) }
        fields.append(budget) { value in
            HTTP1Serializer.append("policy=", to: &value)
            append(standing.account.policy, to: &value)
            HTTP1Serializer.append(", unit=", to: &value)
            append(unit.rawValue, to: &value)
            HTTP1Serializer.append(", limit=", to: &value)
            BudgetLimit.append(standing.limit, of: unit, to: &value)
            HTTP1Serializer.append(", remaining=", to: &value)
            BudgetLimit.append(standing.remaining, of: unit, to: &value)
            guard let seconds else { return }
            HTTP1Serializer.append(", reset=", to: &value)
            HTTP1Serializer.append(decimal: UInt64(seconds), to: &value)
        }
        guard let names = names(unit, dialect) else { return }
        fields.append(names.limit) { BudgetLimit.append(standing.limit, of: unit, to: &$0) }
        fields.append(names.remaining) { BudgetLimit.append(standing.remaining, of: unit, to: &$0) }
        guard let seconds, let reset = standing.resetMilliseconds else { return }
        if dialect == .anthropic {
            fields.append(names.reset, ModelListing.timestamp((reset + 999) / 1_000))
        } else {
            fields.append(names.reset) { value in
                HTTP1Serializer.append(decimal: UInt64(seconds), to: &value)
                value.append(0x73)
            }
        }
    }

    private static let budget = FieldLabel("x-sluice-budget")

    private static func append(_ text: String, to value: inout [UInt8]) {
        HTTP1Serializer.append(text.utf8Span.span, to: &value)
    }

    private typealias Names = (limit: FieldLabel, remaining: FieldLabel, reset: FieldLabel)

    /// What the vendors have names for, made once.
    private static func names(_ unit: BudgetUnit, _ dialect: ModelDialect) -> Names? {
        let kind: Int
        switch unit {
        case .tokens: kind = 0
        case .inputTokens: kind = 1
        case .outputTokens: kind = 2
        case .requests: kind = 3
        case .usd, .concurrent, .bytes: return nil
        }
        return dialect == .anthropic ? anthropic[kind] : openAI[kind]
    }

    private static let kinds = ["tokens", "input-tokens", "output-tokens", "requests"]
    private static let openAI: [Names] = kinds.map {
        (
            FieldLabel("x-ratelimit-limit-\($0)"), FieldLabel("x-ratelimit-remaining-\($0)"),
            FieldLabel("x-ratelimit-reset-\($0)")
        )
    }
    private static let anthropic: [Names] = kinds.map {
        (
            FieldLabel("anthropic-ratelimit-\($0)-limit"), FieldLabel("anthropic-ratelimit-\($0)-remaining"),
            FieldLabel("anthropic-ratelimit-\($0)-reset")
        )
    }
}
