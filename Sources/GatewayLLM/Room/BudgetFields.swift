import GatewayModel
import GatewayPolicy
import GatewayWire

/// How the tightest budget stands, in fields of an answer: in the names the dialect's own clients read, and in ours.
enum BudgetFields {
    /// What of a standing is told.
    struct Standing {
        let policy: String
        let unit: BudgetUnit
        let limit: Int128
        let remaining: Int128
        let resetMilliseconds: Int?

        init(_ standing: borrowing BudgetStanding) {
            policy = standing.account.policy
            unit = standing.unit
            limit = standing.limit
            remaining = standing.remaining
            resetMilliseconds = standing.resetMilliseconds
        }
    }

    static func append(
        _ standing: Standing, _ dialect: ModelDialect, nowMilliseconds now: Int, to fields: inout FieldBlock
    ) {
        let unit = standing.unit
        let seconds = standing.resetMilliseconds.map { max(0, ($0 - now + 999) / 1_000) }
        // Beside the policy's name: the words, two amounts and the seconds.
        fields.append(budget, bytesMax: standing.policy.utf8.count + 256) { value in
            value.append("policy=")
            value.append(standing.policy.utf8Span.span)
            value.append(", unit=")
            value.append(unit.rawValue.utf8Span.span)
            value.append(", limit=")
            BudgetLimit.withText(standing.limit, of: unit) { value.append($0) }
            value.append(", remaining=")
            BudgetLimit.withText(standing.remaining, of: unit) { value.append($0) }
            guard let seconds else { return }
            value.append(", reset=")
            value.append(decimal: UInt64(seconds))
        }
        guard let names = names(unit, dialect) else { return }
        BudgetLimit.withText(standing.limit, of: unit) { fields.append(names.limit, $0) }
        BudgetLimit.withText(standing.remaining, of: unit) { fields.append(names.remaining, $0) }
        guard let seconds, let reset = standing.resetMilliseconds else { return }
        if dialect == .anthropic {
            fields.append(names.reset, ModelListing.timestamp((reset + 999) / 1_000))
        } else {
            fields.append(names.reset, bytesMax: 21) { value in
                value.append(decimal: UInt64(seconds))
                value.append(0x73)
            }
        }
    }

    private static let budget = FieldLabel("x-sluice-budget")

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
