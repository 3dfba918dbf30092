/// A second attempt beside one that is slow, whichever answers first wins. Off unless it is asked for, because it
/// sends more load to a backend that may be slow for having too much.
package struct HedgePolicy: Sendable, Equatable {
    /// How long an attempt may be without an answer before another begins beside it; 0 for never.
    package var delayNanoseconds: UInt64
    /// Attempts under way at once, the first included.
    package var attemptsMax: Int
    /// Second attempts as a share of a backend's requests.
    package var percentMax: Int

    package init(delayNanoseconds: UInt64 = 0, attemptsMax: Int = 2, percentMax: Int = 5) {
        self.delayNanoseconds = delayNanoseconds
        self.attemptsMax = attemptsMax
        self.percentMax = percentMax
    }

    package static let off = HedgePolicy()

    /// What is known of a request that waits for its answer.
    struct Facts {
        /// Repeating it has the effect of one.
        var isIdempotent: Bool
        /// All of its body is at hand.
        var isReplayable: Bool
        /// Attempts under way.
        var underWay: Int
        /// When the latest of them began.
        var startedNanoseconds: UInt64
        /// Endpoints that could be asked.
        var endpointCount: Int
    }

    enum Decision: Equatable {
        case never
        case at(nanoseconds: UInt64)
        /// Now, if the retry budget has room.
        case now
    }

    /// When the next attempt begins beside those under way.
    func decide(_ facts: Facts, now: UInt64) -> Decision {
        guard delayNanoseconds > 0, facts.isIdempotent, facts.isReplayable, facts.underWay < attemptsMax,
            facts.underWay < facts.endpointCount
        else { return .never }
        let due = facts.startedNanoseconds &+ delayNanoseconds
        return due <= now ? .now : .at(nanoseconds: due)
    }
}
