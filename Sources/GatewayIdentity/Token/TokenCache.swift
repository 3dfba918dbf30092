package import GatewayModel
import Synchronization

/// Tokens that have been checked, by their hash, until they expire: a signature is checked once and not for each
/// request. Bounded; when it is full the half that was not used lately is forgotten.
package final class TokenCache: Sendable {
    package struct Entry: Sendable {
        package var principal: Principal
        /// Before it the token is not good: a wall clock may be set back.
        package var startsSeconds: Int
        package var expiresSeconds: Int
        /// `RevocationList.version` when it was last found to be in order.
        package var revocationVersion: UInt64

        package init(
            principal: Principal, startsSeconds: Int = 0, expiresSeconds: Int, revocationVersion: UInt64
        ) {
            self.principal = principal
            self.startsSeconds = startsSeconds
            self.expiresSeconds = expiresSeconds
            self.revocationVersion = revocationVersion
        }
    }

    private struct Shard {
        var recent: [TokenDigest: Entry] = [:]
        var older: [TokenDigest: Entry] = [:]
    }

    private static let shardCount = 8
    package static let entriesMax = 32_768
    /// Of each of the two halves of a shard.
    private static let halfMax = entriesMax / shardCount / 2

    private let shards: [SharedShard]
    /// How often everything was forgotten.
    private let clearings = Atomic<UInt64>(0)

    private final class SharedShard: Sendable {
        let state = Mutex(Shard())
    }

    package init() { shards = (0..<TokenCache.shardCount).map { _ in SharedShard() } }

    package func find(_ digest: TokenDigest, nowSeconds: Int) -> Entry? {
        shard(digest).state.withLock { shard in
            var found = shard.recent[digest]
            if found == nil, let entry = shard.older.removeValue(forKey: digest) {
                TokenCache.insert(entry, digest, &shard)
                found = entry
            }
            guard let entry = found else { return nil }
            guard nowSeconds < entry.expiresSeconds else {
                shard.recent[digest] = nil
                return nil
            }
            return nowSeconds < entry.startsSeconds ? nil : entry
        }
    }

    /// What `insert` is given: asked before a token is looked at.
    package var epoch: UInt64 { clearings.load(ordering: .acquiring) }

    /// Keeps what was found in `epoch`. What was found with keys that are gone by now comes too late: asked within the
    /// lock, after which `removeAll` would find the entry.
    package func insert(_ entry: Entry, for digest: TokenDigest, epoch: UInt64) {
        shard(digest).state.withLock { shard in
            if clearings.load(ordering: .acquiring) == epoch { TokenCache.insert(entry, digest, &shard) }
        }
    }

    package func remove(_ digest: TokenDigest) {
        shard(digest).state.withLock { shard in
            shard.recent[digest] = nil
            shard.older[digest] = nil
        }
    }

    /// The issuer's keys have changed: whatever one of the old ones signed is checked again.
    package func removeAll() {
        clearings.add(1, ordering: .releasing)
        for shard in shards { shard.state.withLock { $0 = Shard() } }
    }

    package var count: Int { shards.reduce(0) { $0 + $1.state.withLock { $0.recent.count + $0.older.count } } }

    private func shard(_ digest: TokenDigest) -> SharedShard {
        shards[Int(digest.words.2 % UInt64(TokenCache.shardCount))]
    }

    private static func insert(_ entry: Entry, _ digest: TokenDigest, _ shard: inout Shard) {
        if shard.recent.count >= halfMax {
            shard.older = shard.recent
            shard.recent = [:]
        }
        shard.recent[digest] = entry
    }
}
