/// Passive health: when failures in a row take an endpoint out, and for how long. Pure arithmetic over what the
/// endpoint's atomics say; `LiveBackend` applies it under its lock.
enum Ejection {
    /// An ejection is at most this many times as long as the first.
    static let growthMax = 10

    enum Decision: Equatable {
        case keep
        case eject(until: UInt64, count: Int)
    }

    /// Whether an endpoint that has just failed for the `failures`th time in a row is taken out.
    /// `ejected` of `total` endpoints are out already; `last` and `count` are of its own last ejection.
    static func decide(
        _ policy: OutlierPolicy, failures: Int, ejected: Int, total: Int, last: UInt64, count: Int, now: UInt64
    ) -> Decision {
        guard policy.consecutiveFailures > 0, failures >= policy.consecutiveFailures, last <= now else { return .keep }
        // Rounded down, so that below 100 percent the last endpoint always stays.
        guard (ejected + 1) * 100 <= policy.ejectionPercentMax * total else { return .keep }
        let next = min(remembered(policy, last: last, count: count, now: now) + 1, growthMax)
        return .eject(until: now &+ policy.ejectionNanoseconds &* UInt64(next), count: next)
    }

    /// How many ejections still count: each base time without a new one forgives one.
    static func remembered(_ policy: OutlierPolicy, last: UInt64, count: Int, now: UInt64) -> Int {
        guard now > last, policy.ejectionNanoseconds > 0 else { return count }
        let forgiven = (now - last) / policy.ejectionNanoseconds
        return forgiven >= UInt64(count) ? 0 : count - Int(forgiven)
    }

    /// Whether an answer with this status says that the endpoint is ill.
    static func isFailure(status: Int) -> Bool { status >= 500 && status != 501 }
}

extension UpstreamFailure {
    /// Whether it says something bad about the endpoint, rather than about our own bounds or a closing connection.
    var countsAgainstEndpoint: Bool {
        switch self {
        case .connectFailed, .connectTimedOut, .reset, .malformed, .attemptTimedOut, .firstByteTimedOut,
            .idleTimedOut:
            true
        case .unprocessed, .overloaded: false
        }
    }
}
