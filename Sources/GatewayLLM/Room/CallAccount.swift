import GatewayModel
import GatewayPolicy
import GatewayState

/// What one call holds of its budgets and what its attempts have used, until both are settled against each other. One
/// for each admitted call; dropping it without `settle` charges the whole reservation.
final class CallAccount {
    private var reservation: Reservation?
    let tightest: BudgetFields.Standing?
    private(set) var usage = TokenUsage.zero
    private(set) var cost = Money.zero
    private(set) var isEstimated = false
    private(set) var isBilled = false
    /// What is reserved, all growth included.
    private(set) var held: BudgetAmounts

    init(_ reservation: consuming Reservation, held: BudgetAmounts) {
        tightest = reservation.tightest.map { BudgetFields.Standing($0) }
        self.reservation = consume reservation
        self.held = held
    }

    /// The least that more is asked for at once, so that a stream does not ask for each of its tokens.
    private static let tokensAhead = 256
    private static let tokensAheadMax = 4_096

    /// Makes what the call holds cover `seen`, of the attempt at hand, beside what earlier ones have used; why it
    /// cannot, if so. While there is room it takes a part of it for what is to come.
    func cover(_ seen: TokenUsage, price: PriceTable?, nowMilliseconds now: Int) -> BudgetRefusal? {
        // The reservation was made by the highest rates: tokens that fit are paid for.
        if !isBilled, seen.outputTotal <= held.outputTokens, seen.inputTotal <= held.inputTokens { return nil }
        let ahead = min(max(CallAccount.tokensAhead, seen.outputTotal / 4), CallAccount.tokensAheadMax)
        guard let wanted = lack(seen, ahead: ahead, price) else { return nil }
        guard grow(by: wanted, now) != nil, let least = lack(seen, ahead: 0, price) else { return nil }
        return grow(by: least, now)
    }

    /// What is missing to what is held, with so many tokens more; nil if nothing is.
    private func lack(_ seen: TokenUsage, ahead: Int, _ price: PriceTable?) -> BudgetAmounts? {
        let input = usage.inputTotal + seen.inputTotal - held.inputTokens
        let output = usage.outputTotal + seen.outputTotal - held.outputTokens
        var whole = cost - held.cost
        if let price { whole += price.cost(of: seen) }
        guard input > 0 || output > 0 || whole > .zero else { return nil }
        var more = seen
        more.output += ahead
        var most = cost - held.cost
        if let price { most += price.cost(of: more) }
        return BudgetAmounts(
            cost: most, inputTokens: input, outputTokens: output > 0 ? output + ahead : 0, requests: 0, concurrent: 0)
    }

    private func grow(by more: BudgetAmounts, _ now: Int) -> BudgetRefusal? {
        if let refusal = reservation?.grow(by: more, nowMilliseconds: now) { return refusal }
        held += more
        return nil
    }

    /// Adds what an attempt used, and what that costs at the rates of its target; nil where nobody counts it.
    func add(_ used: TokenUsage, cost more: Money?, isEstimated: Bool) {
        isBilled = true
        self.isEstimated = self.isEstimated || isEstimated
        usage += used
        if let more { cost += more }
    }

    /// Gives everything back: the call never reached a provider.
    func release(nowMilliseconds: Int) {
        guard let open = reservation.take() else { return }
        open.release(nowMilliseconds: nowMilliseconds)
    }

    /// Puts what was used in place of what was reserved, and leaves the row.
    func settle(lent row: inout UsageRow, nowMilliseconds: Int) {
        guard let open = reservation.take() else { return }
        open.settle(lent: &row, nowMilliseconds: nowMilliseconds)
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

    /// What clients are told, who keep count by it; the ledger is told that nobody counted.
    static func usage(inputTokens: Int, outputBytes: Int) -> TokenUsage {
        var usage = TokenUsage()
        usage.input = inputTokens
        usage.output = tokens(outputBytes)
        return usage
    }
}
