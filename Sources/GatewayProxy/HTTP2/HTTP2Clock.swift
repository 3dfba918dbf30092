import GatewayModel

/// What an HTTP/2 connection waits for, and since when. It decides; the connection acts. All times are nanoseconds of
/// the worker's clock, 0 for "not waiting".
struct HTTP2Clock {
    enum Verdict {
        case fine
        /// The peer has not said SETTINGS.
        case silent
        /// A header block has begun and does not end.
        case slowHead
        /// There has been no stream for long.
        case idle
        /// The socket has not taken a byte for long.
        case blocked
    }

    let bodyIdleNanoseconds: UInt64
    private let headNanoseconds: UInt64
    private let idleNanoseconds: UInt64
    private var startedAt: UInt64 = 0
    private var idleSince: UInt64 = 0
    private var headersBeganAt: UInt64 = 0
    private var blockedSince: UInt64 = 0
    private var isPeerKnown = false

    init(limits: Limits, idleMilliseconds: Int) {
        bodyIdleNanoseconds = UInt64(limits.bodyIdleTimeoutMilliseconds) &* 1_000_000
        headNanoseconds = UInt64(limits.headTimeoutMilliseconds) &* 1_000_000
        idleNanoseconds = UInt64(idleMilliseconds) &* 1_000_000
    }

    var isWithinHead: Bool { headersBeganAt > 0 }

    mutating func start(now: UInt64) {
        startedAt = now
        idleSince = now
    }
    mutating func peerSpoke() { isPeerKnown = true }
    mutating func headBegan(now: UInt64) { headersBeganAt = now }
    mutating func headEnded() { headersBeganAt = 0 }
    mutating func becameIdle(now: UInt64) { idleSince = now }
    mutating func becameBlocked(now: UInt64) { if blockedSince == 0 { blockedSince = now } }
    mutating func becameWritable() { blockedSince = 0 }

    /// What has waited too long, if anything has.
    func verdict(now: UInt64, isIdle: Bool) -> Verdict {
        if blockedSince > 0, now >= blockedSince &+ bodyIdleNanoseconds { return .blocked }
        if !isPeerKnown, now >= startedAt &+ headNanoseconds { return .silent }
        if headersBeganAt > 0, now >= headersBeganAt &+ headNanoseconds { return .slowHead }
        if isIdle, now >= idleSince &+ idleNanoseconds { return .idle }
        return .fine
    }

    /// When to look again: streams are looked at four times in the time they may take.
    func nextInspection(now: UInt64, isIdle: Bool) -> UInt64 {
        var next = isIdle ? idleSince &+ idleNanoseconds : now &+ bodyIdleNanoseconds / 4
        if !isPeerKnown { next = min(next, startedAt &+ headNanoseconds) }
        if headersBeganAt > 0 { next = min(next, headersBeganAt &+ headNanoseconds) }
        if blockedSince > 0 { next = min(next, blockedSince &+ bodyIdleNanoseconds) }
        return max(next, now &+ TimerWheel.tickNanoseconds)
    }
}
