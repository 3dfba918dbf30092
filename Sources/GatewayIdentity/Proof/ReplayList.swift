import Synchronization

/// Ids that have been used: each once, for as long as a proof with it could still be accepted. Bounded: when it is full
/// nothing more is accepted until the oldest have gone, because forgetting one would let it in again.
package final class ReplayList: Sendable {
    private struct Shard {
        var recent: Set<TokenDigest> = []
        var older: Set<TokenDigest> = []
        var turnedSeconds = Int.min
    }

    private final class SharedShard: Sendable { let state = Mutex(Shard()) }

    private static let shardCount = 8
    private static let windowSeconds = ProofRules.ageSecondsMax + ProofRules.skewSecondsMax + 1
    package static let entriesMax = 400_000
    private static let halfMax = entriesMax / shardCount / 2
    private let shards = (0..<ReplayList.shardCount).map { _ in SharedShard() }

    package init() {}

    /// Whether the id is new; it is then used.
    package func take(_ id: [UInt8], nowSeconds: Int) -> Bool {
        let digest = TokenDigest(id)
        return shards[Int(digest.words.2 % UInt64(ReplayList.shardCount))].state.withLock { shard in
            let age = nowSeconds.subtractingReportingOverflow(shard.turnedSeconds).partialValue
            if age >= ReplayList.windowSeconds || age < -ReplayList.windowSeconds || shard.turnedSeconds == .min {
                // Nothing of the last window but one can be accepted any more; nor what a clock set back has left in
                // the future.
                let isLong = age >= 2 * ReplayList.windowSeconds
                shard.older = isLong ? [] : shard.recent
                shard.recent = []
                shard.turnedSeconds = nowSeconds
            }
            guard !shard.recent.contains(digest), !shard.older.contains(digest),
                shard.recent.count < ReplayList.halfMax
            else { return false }
            shard.recent.insert(digest)
            return true
        }
    }
}
