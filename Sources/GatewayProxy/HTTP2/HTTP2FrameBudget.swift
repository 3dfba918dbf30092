import GatewayModel

/// What a peer may cost us beyond its requests: frames that make work and carry none. Each kind has a rate with a
/// burst of one second; the first frame beyond it ends the connection with ENHANCE_YOUR_CALM.
struct HTTP2FrameBudget {
    /// A rate as one number: the time at which everything spent so far would have been allowed evenly.
    struct Rate {
        private let costNanoseconds: UInt64
        private let burstNanoseconds: UInt64 = 1_000_000_000
        private var spentUntil: UInt64 = 0

        init(perSecond: Int) { costNanoseconds = 1_000_000_000 / UInt64(max(perSecond, 1)) }

        /// Whether one more is within the rate.
        mutating func spend(now: UInt64) -> Bool {
            let spent = max(spentUntil, now) &+ costNanoseconds
            guard spent <= now &+ burstNanoseconds else { return false }
            spentUntil = spent
            return true
        }
    }

    private var resets: Rate
    /// A backend may refuse what it cannot serve; only a client's resets are work done in vain.
    private let countsResets: Bool
    private var controls: Rate
    /// WINDOW_UPDATE frames that answer DATA of ours, and are therefore no burden.
    private var expectedWindowUpdates = 0

    init(limits: Limits, countsResets: Bool) {
        self.countsResets = countsResets
        resets = Rate(perSecond: limits.resetsPerSecondMax)
        controls = Rate(perSecond: limits.controlFramesPerSecondMax)
    }

    /// A stream was reset by the peer, or by us for the peer's fault.
    mutating func spendReset(now: UInt64) -> Bool { !countsResets || resets.spend(now: now) }

    /// We sent a DATA frame: the peer owes up to two WINDOW_UPDATEs for it, the stream's and the connection's.
    mutating func sentData() { expectedWindowUpdates = min(expectedWindowUpdates + 2, 4096) }

    /// Whether a frame with this header is within bounds. Frames that are work in themselves (HEADERS, DATA with
    /// bytes) are bounded by streams and windows and pass.
    mutating func admit(type: UInt8, flags: UInt8, length: Int, now: UInt64) -> Bool {
        switch type {
        case HTTP2FrameType.data:
            if length > 0 || flags & HTTP2Flag.endStream != 0 { return true }
        case HTTP2FrameType.headers: return true
        case HTTP2FrameType.reset: return spendReset(now: now)
        case HTTP2FrameType.windowUpdate:
            if expectedWindowUpdates > 0 {
                expectedWindowUpdates -= 1
                return true
            }
        default: break
        }
        return controls.spend(now: now)
    }
}
