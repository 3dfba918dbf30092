import GatewayModel
import GatewayPolicy
import GatewayState

/// What one call holds of its budgets and what its attempts have used, until both are settled against each other. One
/// for each admitted call; dropping it without `settle` charges the whole reservation.
final class CallAccount {
    private var reservation: Reservation?
    let tightest: BudgetStanding?
    private(set) var usage = TokenUsage.zero
    private(set) var cost = Money.zero
    private(set) var isEstimated = false
    private(set) var isBilled = false
    let reservedOutputTokens: Int

    init(_ reservation: consuming Reservation, reservedOutputTokens: Int) {
        tightest = reservation.tightest
        self.reservation = consume reservation
        self.reservedOutputTokens = reservedOutputTokens
    }

    /// Adds what an attempt used, at the rates of its target; without rates it costs nothing anyone counts.
    func add(_ used: TokenUsage, price: PriceTable?, isEstimated: Bool) {
        isBilled = true
        self.isEstimated = self.isEstimated || isEstimated
        usage += used
        if let price { cost += price.cost(of: used) }
    }

    /// Gives everything back: the call never reached a provider.
    func release(nowMilliseconds: Int) {
        guard let open = reservation.take() else { return }
        open.release(nowMilliseconds: nowMilliseconds)
    }

    /// Puts what was used in place of what was reserved, and leaves the row.
    func settle(_ row: UsageRow, nowMilliseconds: Int) {
        guard let open = reservation.take() else { return }
        open.settle(row, nowMilliseconds: nowMilliseconds)
    }
}

extension TokenUsage {
    static func += (left: inout TokenUsage, right: TokenUsage) {
        left.input += right.input
        left.cacheRead += right.cacheRead
        left.cacheWrite5m += right.cacheWrite5m
        left.cacheWrite1h += right.cacheWrite1h
        left.audioInput += right.audioInput
        left.output += right.output
        left.reasoning += right.reasoning
        left.audioOutput += right.audioOutput
    }
}

/// What is assumed where a provider did not say: about four bytes of text are a token.
enum Estimate {
    static func tokens(_ bytes: Int) -> Int { (max(0, bytes) + 3) / 4 }
}
