/// Brings an endpoint that is new or well again up to its full weight over a window, so that cold caches and pools
/// are not hit by a full share at once.
package struct SlowStart: Sendable, Equatable {
    package var windowMilliseconds: Int
    /// The share it begins with.
    package var percentMin: Int

    /// A window of 0 turns the ramp off.
    package init(windowMilliseconds: Int, percentMin: Int = 10) {
        self.windowMilliseconds = max(0, windowMilliseconds)
        self.percentMin = min(max(percentMin, 1), 100)
    }

    /// The weight at this instant: linear from `percentMin` to all of it, never 0 for a weight that is not.
    package func weight(_ full: Int, sinceNanoseconds: UInt64, nowNanoseconds: UInt64) -> Int {
        let window = UInt64(windowMilliseconds) * 1_000_000
        let age = nowNanoseconds > sinceNanoseconds ? nowNanoseconds - sinceNanoseconds : 0
        guard full > 0, age < window else { return max(0, full) }
        // In thousandths, so that the ramp is smooth and integers do.
        let lowest = UInt64(percentMin) * 10
        let permille = lowest + (1_000 - lowest) * (age / 1_000) / max(1, window / 1_000)
        return max(1, full * Int(permille) / 1_000)
    }
}
