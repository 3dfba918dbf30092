import Synchronization

/// Requests in flight per key, over all loops. A key's entry exists while a permit does, so memory is bounded by
/// the requests in flight.
package final class ConcurrencyLimiter: Sendable {
    private final class Shard: Sendable {
        let counts = Mutex<[FactKey: Int]>([:])
    }

    private let shards = (0..<16).map { _ in Shard() }

    package init() {}

    /// A permit, or nil when `countMax` permits of this key are out.
    package func acquire(_ key: FactKey, countMax: Int) -> ConcurrencyPermit? {
        let isTaken = shard(key).counts.withLock { counts in
            let count = counts[key, default: 0]
            guard count < countMax else { return false }
            counts[key] = count + 1
            return true
        }
        return isTaken ? ConcurrencyPermit(limiter: self, key: key) : nil
    }

    /// Permits of this key that are out.
    package func count(_ key: FactKey) -> Int { shard(key).counts.withLock { $0[key] ?? 0 } }

    fileprivate func release(_ key: FactKey) {
        shard(key).counts.withLock { counts in
            guard let count = counts[key] else { return }
            counts[key] = count > 1 ? count - 1 : nil
        }
    }

    private func shard(_ key: FactKey) -> Shard { shards[Int(key.hash & 15)] }
}

/// One request's place under a concurrency limit: given back exactly once, when it is released or goes out of
/// scope.
package struct ConcurrencyPermit: ~Copyable, Sendable {
    private let limiter: ConcurrencyLimiter
    private let key: FactKey

    fileprivate init(limiter: ConcurrencyLimiter, key: FactKey) {
        self.limiter = limiter
        self.key = key
    }

    /// Gives the place back now.
    package consuming func release() {}

    deinit { limiter.release(key) }
}
