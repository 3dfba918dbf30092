import Synchronization

/// The states of one keyed rate limit, shared by all loops, in memory of a fixed size.
///
/// A key belongs to one set of 16 places and uses a place of it while its state says something; a state whose
/// arrival time has passed equals a new one, so its place can be taken without loss, and nothing needs sweeping.
/// If all 16 are in use by others, the newcomer shares one more state with every newcomer of the set. So an attack
/// with random keys neither grows the table nor resets the state of a key that has one; it can make new keys of a
/// crowded set be limited together, that is, too strictly; a key that then gets a place of its own starts there
/// with one whole burst, which is all the looseness there is.
///
/// Sharded locks rather than per-loop shares: a limit must hold over all loops, exactly, and the lock is held for
/// some twenty nanoseconds.
package final class RateLimitTable: Sendable {
    private struct Place {
        var key: UInt64 = 0
        var state = GCRA()
    }

    private final class Shard: Sendable {
        let places: Mutex<[Place]>
        init(_ count: Int) { places = Mutex([Place](repeating: Place(), count: count)) }
    }

    static let ways = 16
    private static let shardCount = 16
    /// The places of a set and the one newcomers share.
    private static let stride = ways + 1
    private let setsPerShard: Int
    private let shards: [Shard]

    /// Room for about `keysMax` keys at once, doubled so that crowded sets are rare.
    package init(keysMax: Int = 32_768) {
        let sets = max(1, (min(max(keysMax, 1), 1 << 24) * 2) / (RateLimitTable.ways * RateLimitTable.shardCount))
        setsPerShard = sets
        shards = (0..<RateLimitTable.shardCount).map { _ in Shard(sets * RateLimitTable.stride) }
    }

    /// Takes one request of that key.
    package func take(_ key: FactKey, rate: Rate, nowNanoseconds now: UInt64) -> GCRA.Decision {
        let start = setStart(key)
        return shard(key).places.withLock { places in
            let index = RateLimitTable.place(of: key.hash, in: &places, start, now)
            return places[index].state.take(rate, nowNanoseconds: now)
        }
    }

    /// Gives one request of that key back, if its state is still there.
    package func giveBack(_ key: FactKey, rate: Rate) {
        let start = setStart(key)
        shard(key).places.withLock { places in
            for index in start..<(start + RateLimitTable.ways) where places[index].key == key.hash {
                places[index].state.giveBack(rate)
                return
            }
        }
    }

    private func shard(_ key: FactKey) -> Shard { shards[Int(key.hash & 15)] }

    private func setStart(_ key: FactKey) -> Int {
        // The high bits by multiplication: independent of the four low bits that chose the shard.
        Int(key.hash.multipliedFullWidth(by: UInt64(setsPerShard)).high) * RateLimitTable.stride
    }

    private static func place(of key: UInt64, in places: inout [Place], _ start: Int, _ now: UInt64) -> Int {
        var free = -1
        for index in start..<(start + ways) {
            if places[index].key == key { return index }
            if free < 0, places[index].state.isExpired(nowNanoseconds: now) { free = index }
        }
        guard free >= 0 else { return start + ways }
        places[free] = Place(key: key)
        return free
    }
}
