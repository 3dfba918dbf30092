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
                fields.append(("anthropic-ratelimit-\(kind)-reset", UTCTime.text(seconds: (reset + 999) / 1_000)))
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
        case .usd, .concurrent: nil
        }
    }
}

/// RFC 3339.
enum UTCTime {
    static func text(seconds: Int) -> String {
        let days = Int((Double(seconds) / 86_400).rounded(.down))
        let rest = seconds - days * 86_400
        // Days since 0000-03-01, so that a leap day ends its year.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let day = shifted - era * 146_097
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let date = dayOfYear - (153 * month + 2) / 5 + 1
        let calendarMonth = month < 10 ? month + 3 : month - 9
        let calendarYear = year + era * 400 + (calendarMonth <= 2 ? 1 : 0)
        return "\(padded(calendarYear, 4))-\(padded(calendarMonth, 2))-\(padded(date, 2))T"
            + "\(padded(rest / 3_600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))Z"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
