/// Bounds retries to a share of requests, so that a failing upstream is not buried under them: each request earns
/// a part of a retry, and a few a second are allowed whatever the traffic.
package struct RetryBudget: Sendable, Equatable {
    package struct Settings: Sendable, Equatable {
        /// Retries per hundred requests.
        package var percent: Int
        package var retriesPerSecondMin: Int
        /// How many seconds of earnings can be saved up.
        package var secondsMax: Int

        package init(percent: Int = 20, retriesPerSecondMin: Int = 3, secondsMax: Int = 10) {
            self.percent = min(max(percent, 0), 1_000)
            self.retriesPerSecondMin = min(max(retriesPerSecondMin, 0), 100_000)
            self.secondsMax = min(max(secondsMax, 1), 600)
        }
    }

    package let settings: Settings
    /// Earned by requests in the current and the last windows, in hundredths of a retry.
    private var earned: [Int]
    private var second: UInt64
    /// The share that needs no traffic, in hundredths of a retry, and up to when it was earned.
    private var floor: Int
    private var floorNanoseconds: UInt64

    package init(_ settings: Settings = Settings(), nowNanoseconds: UInt64) {
        self.settings = settings
        earned = [Int](repeating: 0, count: settings.secondsMax)
        second = nowNanoseconds / 1_000_000_000
        floor = settings.retriesPerSecondMin * 100
        floorNanoseconds = nowNanoseconds
    }

    /// Counts a first attempt.
    package mutating func request(nowNanoseconds: UInt64) {
        advance(nowNanoseconds)
        earned[Int(second % UInt64(earned.count))] += settings.percent
    }

    /// Takes one retry if the budget holds one.
    package mutating func takeRetry(nowNanoseconds: UInt64) -> Bool {
        advance(nowNanoseconds)
        if floor >= 100 {
            floor -= 100
            return true
        }
        guard earned.reduce(0, +) >= 100 else { return false }
        // Oldest first: what is about to expire is spent before what lasts.
        var rest = 100
        for age in stride(from: earned.count - 1, through: 0, by: -1) where rest > 0 {
            let index = Int((second + UInt64(earned.count) - UInt64(age)) % UInt64(earned.count))
            let part = min(rest, earned[index])
            earned[index] -= part
            rest -= part
        }
        return true
    }

    private mutating func advance(_ now: UInt64) {
        let current = now / 1_000_000_000
        if current > second {
            let steps = min(current - second, UInt64(earned.count))
            for step in 0..<steps { earned[Int((current - step) % UInt64(earned.count))] = 0 }
            second = current
        }
        guard settings.retriesPerSecondMin > 0, now > floorNanoseconds else { return }
        let perSecond = UInt64(settings.retriesPerSecondMin) * 100
        let gained = min(now - floorNanoseconds, 10_000_000_000) * perSecond / 1_000_000_000
        guard gained > 0 else { return }
        floor = min(floor + Int(gained), settings.retriesPerSecondMin * 100)
        // The time of the part that was not whole stays earned.
        floorNanoseconds =
            floor == settings.retriesPerSecondMin * 100
            ? now : floorNanoseconds + gained * 1_000_000_000 / perSecond
    }
}
