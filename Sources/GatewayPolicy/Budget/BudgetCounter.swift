package import GatewayModel

/// One limit's count: what was spent in the window at hand. All windows of one scope value share one account, which
/// also knows what is reserved.
package struct BudgetCounter: Sendable, Hashable {
    package let unit: BudgetUnit
    package let window: BudgetWindow
    /// The limit when the counter was last asked; what is over it when a window ends is debt.
    package var max: Int128
    /// The window that `spent` belongs to.
    package var index: Int
    /// Spent in this window, with the debt of those before it. Over `max` by what calls took beyond their reservation.
    package var spent: Int128

    package init(unit: BudgetUnit, window: BudgetWindow, max: Int128, index: Int, spent: Int128) {
        self.unit = unit
        self.window = window
        self.max = max
        self.index = index
        self.spent = spent
    }

    /// No limit and no sum is larger.
    package static let amountMax: Int128 = 1_000_000_000_000_000_000_000_000_000_000

    /// One that was kept in a file; nil for numbers that no counter has, with which sums could overflow.
    package init?(unit: BudgetUnit, window: BudgetWindow, kept max: Int128, index: Int, spent: Int128) {
        let amounts = 0...BudgetCounter.amountMax
        guard amounts.contains(max), amounts.contains(spent), (0...1 << 40).contains(index) else { return nil }
        self.init(unit: unit, window: window, max: max, index: index, spent: spent)
    }

    package init(_ limit: BudgetLimit, nowMilliseconds now: Int) {
        self.init(
            unit: limit.unit, window: limit.window, max: limit.max, index: limit.window.index(atMilliseconds: now),
            spent: 0)
    }

    /// Spent beyond the limit: the next windows pay it off before anything is admitted.
    package var debt: Int128 { Swift.max(0, spent - max) }

    /// Goes on to the window of an instant. Each window that ended takes its limit off what was spent; the rest is debt
    /// and stays. A clock that went back by less than two windows changes nothing, since loops see slightly different
    /// times. One that went back further was set: counting goes on in the window it shows, forgiving nothing.
    package mutating func roll(nowMilliseconds now: Int) {
        let current = window.index(atMilliseconds: now)
        guard current != index, window != .total else { return }
        guard current > index else {
            if current < index - 1 { index = current }
            return
        }
        spent = spent(after: current - index)
        index = current
    }

    /// What is left to pay after so many whole windows without a call.
    private func spent(after windows: Int) -> Int128 {
        guard spent > max else { return 0 }
        let (allowance, overflow) = max.multipliedReportingOverflow(by: Int128(windows))
        return overflow ? 0 : Swift.max(0, spent - allowance)
    }

    /// When the window at hand ends; nil if it never does.
    package var resetMilliseconds: Int? { window.startMilliseconds(of: index + 1) }

    /// When a call of that size would be admitted if nothing else happened: nil if it never would.
    func admissionMilliseconds(for demand: Int128) -> Int? {
        guard let reset = resetMilliseconds, demand <= max, max > 0 else { return nil }
        // After n more windows the debt is spent − n·max: the first n with room for the demand.
        let excess = spent + demand - max
        let windows = excess <= max ? 1 : (excess + max - 1) / max
        guard windows < 1_000_000 else { return nil }
        return reset + (Int(windows) - 1) * window.seconds * 1_000
    }
}
