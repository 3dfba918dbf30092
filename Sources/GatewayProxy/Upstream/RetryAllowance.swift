/// How many retries a backend may still be given: a share of the requests of the last seconds and a few a second
/// whatever the traffic, so that retries cannot bury a backend that is already failing.
///
/// Requests are counted elsewhere, by an atomic; only a retry comes here. Old earnings fade with age instead of
/// being kept in windows, so that nothing has to run between two retries.
struct RetryAllowance: Equatable {
    /// Earnings fade to a half within this time.
    static let fadeNanoseconds = 10_000_000_000.0

    private var earned = 0.0
    private var floor: Double?
    private var requestsSeen: UInt64
    private var last: UInt64

    init(now: UInt64, requests: UInt64 = 0) {
        last = now
        requestsSeen = requests
    }

    /// Takes one retry if there is one. `requests` is the number of requests ever made.
    mutating func spend(requests: UInt64, percent: Int, minPerSecond: Int, now: UInt64) -> Bool {
        let elapsed = Double(now > last ? now - last : 0)
        let fresh = Double(requests > requestsSeen ? requests - requestsSeen : 0)
        last = max(last, now)
        requestsSeen = max(requestsSeen, requests)
        earned = (earned + fresh * Double(max(percent, 0)) / 100) / (1 + elapsed / Self.fadeNanoseconds)
        let minimum = Double(max(minPerSecond, 0))
        floor = min((floor ?? minimum) + elapsed / 1e9 * minimum, minimum)
        if let rest = floor, rest >= 1 {
            floor = rest - 1
            return true
        }
        guard earned >= 1 else { return false }
        earned -= 1
        return true
    }
}
