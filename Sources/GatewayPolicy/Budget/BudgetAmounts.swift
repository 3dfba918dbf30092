package import GatewayModel

/// What a call takes of every unit: an estimate when it is admitted, the truth when it is settled.
package struct BudgetAmounts: Sendable, Hashable {
    package var cost: Money
    package var inputTokens: Int
    package var outputTokens: Int
    package var requests: Int
    package var concurrent: Int
    /// Of calls of tools.
    package var bytes: Int

    /// More tokens or money than any call takes. Beyond, sums could overflow; an estimate that large is refused by
    /// every limit anyway.
    package static let tokensMax = 1_000_000_000_000
    package static let costMax = Money(picodollars: 1_000_000_000_000_000_000_000_000)

    package static let zero = BudgetAmounts(cost: .zero, inputTokens: 0, outputTokens: 0, requests: 0, concurrent: 0)

    /// One call under way. Amounts are brought into 0 … `tokensMax`, 0 … `costMax`.
    package init(
        cost: Money, inputTokens: Int, outputTokens: Int, requests: Int = 1, concurrent: Int = 1, bytes: Int = 0
    ) {
        self.cost = min(max(cost, .zero), BudgetAmounts.costMax)
        self.inputTokens = BudgetAmounts.clamped(inputTokens)
        self.outputTokens = BudgetAmounts.clamped(outputTokens)
        self.requests = BudgetAmounts.clamped(requests)
        self.concurrent = BudgetAmounts.clamped(concurrent)
        self.bytes = BudgetAmounts.clamped(bytes)
    }

    /// What a finished call took; it is no longer under way.
    package init(_ usage: TokenUsage, cost: Money, bytes: Int = 0) {
        self.init(
            cost: cost, inputTokens: usage.inputTotal, outputTokens: usage.outputTotal, requests: 1, concurrent: 0,
            bytes: bytes)
    }

    private static func clamped(_ count: Int) -> Int { min(max(count, 0), tokensMax) }

    package subscript(unit: BudgetUnit) -> Int128 {
        switch unit {
        case .usd: cost.picodollars
        case .tokens: Int128(inputTokens) + Int128(outputTokens)
        case .inputTokens: Int128(inputTokens)
        case .outputTokens: Int128(outputTokens)
        case .requests: Int128(requests)
        case .concurrent: Int128(concurrent)
        case .bytes: Int128(bytes)
        }
    }

    package static func += (left: inout BudgetAmounts, right: BudgetAmounts) {
        left.cost += right.cost
        left.inputTokens += right.inputTokens
        left.outputTokens += right.outputTokens
        left.requests += right.requests
        left.concurrent += right.concurrent
        left.bytes += right.bytes
    }

    package static func -= (left: inout BudgetAmounts, right: BudgetAmounts) {
        left.cost -= right.cost
        left.inputTokens -= right.inputTokens
        left.outputTokens -= right.outputTokens
        left.requests -= right.requests
        left.concurrent -= right.concurrent
        left.bytes -= right.bytes
    }
}
