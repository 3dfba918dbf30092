/// So many requests per period, and how many of them may come at once.
package struct Rate: Sendable, Equatable, Hashable {
    package let requests: UInt32
    package let periodNanoseconds: UInt64
    package let burst: UInt32
    /// The exact time one request takes up: whole nanoseconds, and a rest in `requests`-ths of one.
    let interval: UInt64
    let intervalRest: UInt32
    /// The time `burst - 1` requests take up, in the same two parts.
    let tolerance: UInt64
    let toleranceRest: UInt32

    /// Nil for a rate of nothing, or a period beyond a year (the arithmetic stays exact below that).
    package init?(requests: UInt32, periodNanoseconds: UInt64, burst: UInt32? = nil) {
        let burst = burst ?? requests
        guard requests > 0, burst > 0, periodNanoseconds > 0, periodNanoseconds <= 366 * 86_400 * 1_000_000_000 else {
            return nil
        }
        self.requests = requests
        self.periodNanoseconds = periodNanoseconds
        self.burst = burst
        interval = periodNanoseconds / UInt64(requests)
        intervalRest = UInt32(periodNanoseconds % UInt64(requests))
        let (high, low) = periodNanoseconds.multipliedFullWidth(by: UInt64(burst - 1))
        guard high < UInt64(requests) else { return nil }
        let (quotient, rest) = UInt64(requests).dividingFullWidth((high, low))
        guard quotient <= UInt64.max / 4 else { return nil }
        tolerance = quotient
        toleranceRest = UInt32(rest)
    }
}

/// The generic cell rate algorithm (ITU-T I.371, the virtual scheduling form) as a value: one instant, the
/// theoretical arrival time of the next request. Exact: no rounding adds up, also for three requests a second.
package struct GCRA: Sendable, Equatable {
    /// What a request is told.
    package struct Decision: Sendable, Equatable {
        package var isAllowed: Bool
        /// Requests that would be allowed at this instant after this one.
        package var remaining: UInt32
        /// When a refused request would be allowed; 0 if allowed.
        package var retryAfterNanoseconds: UInt64
        /// When the whole burst is available again.
        package var resetNanoseconds: UInt64
    }

    /// The theoretical arrival time and its fraction of a nanosecond, in `rate.requests`-ths.
    var arrival: UInt64
    var arrivalRest: UInt32

    package init() {
        arrival = 0
        arrivalRest = 0
    }

    /// Whether the state says nothing more than a new one would.
    package func isExpired(nowNanoseconds now: UInt64) -> Bool { arrival < now || (arrival == now && arrivalRest == 0) }

    /// Takes one request if the rate allows it; a refused request takes nothing.
    package mutating func take(_ rate: Rate, nowNanoseconds now: UInt64) -> Decision {
        var (start, rest) = isExpired(nowNanoseconds: now) ? (now, 0) : (arrival, arrivalRest)
        // A state written under another rate may hold a rest that is too large for this one.
        rest = min(rest, rate.requests - 1)
        let (limit, limitRest) = GCRA.sum(now, 0, rate.tolerance, rate.toleranceRest, rate.requests)
        if start > limit || (start == limit && rest > limitRest) {
            // Rounded up: whoever waits that long is let in.
            let wait = start - limit + (rest > limitRest ? 1 : 0)
            return Decision(
                isAllowed: false, remaining: 0, retryAfterNanoseconds: wait, resetNanoseconds: start - now)
        }
        (start, rest) = GCRA.sum(start, rest, rate.interval, rate.intervalRest, rate.requests)
        (arrival, arrivalRest) = (start, rest)
        return Decision(
            isAllowed: true, remaining: GCRA.remaining(start, rest, limit, limitRest, rate),
            retryAfterNanoseconds: 0, resetNanoseconds: start - now)
    }

    /// Gives one request back, for work that was refused further on.
    package mutating func giveBack(_ rate: Rate) {
        let borrow: UInt64 = arrivalRest < rate.intervalRest ? 1 : 0
        guard arrival >= rate.interval &+ borrow else {
            self = GCRA()
            return
        }
        arrivalRest = arrivalRest &+ (borrow == 1 ? rate.requests : 0) &- rate.intervalRest
        arrival -= rate.interval &+ borrow
    }

    private static func sum(
        _ one: UInt64, _ oneRest: UInt32, _ other: UInt64, _ otherRest: UInt32, _ parts: UInt32
    ) -> (UInt64, UInt32) {
        let rest = UInt64(oneRest) + UInt64(otherRest)
        let carry: UInt64 = rest >= UInt64(parts) ? 1 : 0
        return (one &+ other &+ carry, UInt32(rest - carry * UInt64(parts)))
    }

    private static func remaining(
        _ start: UInt64, _ rest: UInt32, _ limit: UInt64, _ limitRest: UInt32, _ rate: Rate
    ) -> UInt32 {
        guard start < limit || (start == limit && rest <= limitRest) else { return 0 }
        // In `requests`-ths of a nanosecond everything is whole; 128 bits hold it.
        let parts = UInt128(rate.requests)
        let room = UInt128(limit - start) * parts + UInt128(limitRest) - UInt128(rest)
        return UInt32(clamping: room / UInt128(rate.periodNanoseconds) + 1)
    }
}
