package import GatewayModel

/// What one scope value has spent and reserved under one policy, in every window of it.
///
/// Reservations belong to no window: while open they count in whichever window is at hand, and what a call took
/// is spent in the window in which it settles. So at every admission, in every window, spent + reserved ≤ limit.
package struct BudgetAccount: Sendable, Hashable {
    package private(set) var reserved: BudgetAmounts = .zero
    package private(set) var counters: [BudgetCounter] = []

    package init() {}

    /// An account as it was stored, nothing reserved.
    package init(counters: [BudgetCounter]) { self.counters = counters }

    /// Follows the policy's limits: counts of a unit and window that are still limited go on, under the limit as it is
    /// now.
    package mutating func follow(_ limits: [BudgetLimit], nowMilliseconds now: Int) {
        if counters.count == limits.count {
            var isSame = true
            for index in limits.indices
            where counters[index].unit != limits[index].unit || counters[index].window != limits[index].window
                || counters[index].max != limits[index].max
            {
                isSame = false
                break
            }
            if isSame { return }
        }
        counters = limits.map { limit in
            var counter =
                counters.first { $0.unit == limit.unit && $0.window == limit.window }
                ?? BudgetCounter(limit, nowMilliseconds: now)
            // What an earlier window owes is counted under the limit it had.
            counter.roll(nowMilliseconds: now)
            counter.max = limit.max
            return counter
        }
    }

    package mutating func roll(nowMilliseconds now: Int) {
        for index in counters.indices { counters[index].roll(nowMilliseconds: now) }
    }

    /// Whether every limit has room for a call, which nearly all calls find. `roll` first.
    package func hasRoom(for demand: BudgetAmounts) -> Bool {
        for index in counters.indices {
            let wanted = demand[counters[index].unit]
            if wanted > counters[index].max - counters[index].spent - reserved[counters[index].unit], wanted != 0 {
                return false
            }
        }
        return true
    }

    /// The limit with no room for a call; nil if all have. Of several the one that keeps the caller waiting longest.
    /// `roll` first.
    package func refusal(_ demand: BudgetAmounts, key: BudgetAccountKey, nowMilliseconds now: Int) -> BudgetRefusal? {
        var worst: BudgetRefusal?
        for counter in counters {
            let wanted = demand[counter.unit]
            guard wanted > counter.max - counter.spent - reserved[counter.unit] else { continue }
            // Nothing is asked of this unit: a free call is let through whatever others owe.
            if wanted == 0 { continue }
            let refusal = BudgetRefusal(
                standing: standing(counter, key: key), demand: wanted, debt: counter.debt,
                retryMilliseconds: retry(counter, wanted, now))
            if worst.map({ BudgetAccount.isLonger(refusal, than: $0) }) ?? true { worst = refusal }
        }
        return worst
    }

    private func retry(_ counter: BudgetCounter, _ wanted: Int128, _ now: Int) -> Int? {
        guard wanted <= counter.max else { return nil }
        // A place is free as soon as somebody finishes.
        if counter.unit == .concurrent { return now + 1_000 }
        // What is settled leaves no room, whatever comes of the rest.
        guard counter.spent + wanted <= counter.max else { return counter.admissionMilliseconds(for: wanted) }
        // What calls under way do not take comes back when they end: nobody knows when, nor how much it will be.
        return min(counter.resetMilliseconds ?? .max, now + BudgetAccount.heldMilliseconds)
    }

    /// When to ask again where room is only held, and may come back.
    private static let heldMilliseconds = 10_000

    package static func isLonger(_ one: BudgetRefusal, than other: BudgetRefusal) -> Bool {
        guard let end = other.retryMilliseconds else { return false }
        return one.retryMilliseconds.map { $0 > end } ?? true
    }

    /// Takes a call that `refusal` had nothing against.
    package mutating func reserve(_ demand: BudgetAmounts) { reserved += demand }

    /// Gives a reservation back as if the call had never been.
    package mutating func release(_ demand: BudgetAmounts) { reserved -= demand }

    /// Replaces a reservation by what the call took.
    package mutating func settle(_ demand: BudgetAmounts, actual: BudgetAmounts, nowMilliseconds now: Int) {
        reserved -= demand
        for index in counters.indices where counters[index].unit != .concurrent {
            counters[index].roll(nowMilliseconds: now)
            counters[index].spent += actual[counters[index].unit]
        }
    }

    /// Forgets what was spent and owed; what is under way stays reserved.
    package mutating func reset() { for index in counters.indices { counters[index].spent = 0 } }

    /// Whether the account says no more than a new one: then nobody needs it.
    package func isBlank(nowMilliseconds now: Int) -> Bool {
        guard reserved == .zero else { return false }
        return counters.allSatisfy { counter in
            var counter = counter
            counter.roll(nowMilliseconds: now)
            return counter.spent == 0
        }
    }

    /// The limit with the smallest share left; nil for an account without limits.
    package func tightest(key: BudgetAccountKey) -> BudgetStanding? {
        tightest.map { standing(counters[$0.index], key: key) }
    }

    /// Which of the counters that is, and the share it has left.
    package var tightest: (index: Int, share: Int128)? {
        var tightest: (index: Int, share: Int128)?
        for index in counters.indices {
            let left = max(0, counters[index].max - counters[index].spent - reserved[counters[index].unit])
            let share = BudgetStanding.share(left, of: counters[index].max)
            if tightest.map({ share < $0.share }) ?? true { tightest = (index, share) }
        }
        return tightest
    }

    package func standing(_ counter: BudgetCounter, key: BudgetAccountKey) -> BudgetStanding {
        BudgetStanding(
            account: key, unit: counter.unit, window: counter.window, limit: counter.max,
            remaining: max(0, counter.max - counter.spent - reserved[counter.unit]),
            resetMilliseconds: counter.resetMilliseconds)
    }
}
