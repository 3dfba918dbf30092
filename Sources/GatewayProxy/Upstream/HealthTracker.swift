/// What the results of one endpoint's checks amount to: a change of mind needs several results in a row.
package struct HealthTracker: Equatable {
    package private(set) var isHealthy = true
    private var isSettled = false
    private var streak = 0

    package init() {}

    /// Adds a result; returns whether the endpoint's health has changed. The very first result counts at once: until
    /// then nothing is known, and a start should not wait for thresholds.
    package mutating func record(_ isGood: Bool, healthyThreshold: Int, unhealthyThreshold: Int) -> Bool {
        guard isSettled else {
            isSettled = true
            let changed = isGood != isHealthy
            isHealthy = isGood
            return changed
        }
        guard isGood != isHealthy else {
            streak = 0
            return false
        }
        streak += 1
        guard streak >= max(1, isGood ? healthyThreshold : unhealthyThreshold) else { return false }
        streak = 0
        isHealthy = isGood
        return true
    }
}
