import Crypto
import GatewayModel
import NIOCore
import Synchronization

/// Answers of models that may be given again to the very same request (`cache` of a catalogue's model). Each belongs to
/// one caller, or to one tenant where the catalogue says so; a request of anyone else never finds it. Bounded in bytes:
/// what was used least lately goes first.
final class ReplyCache: Sendable {
    static let bytesMax = 64 * 1024 * 1024

    struct Key: Hashable, Sendable { fileprivate let digest: [UInt8] }

    /// A whole answer as its client got it.
    struct Entry: Sendable {
        var type: [UInt8]
        var body: ByteBuffer
        var untilNanoseconds: UInt64
    }

    private let state = Mutex(State())

    /// What is kept.
    var bytes: Int { state.withLock { $0.bytes } }

    /// Everything an answer may depend on: who asks, of what, by which API, and every byte of the body.
    static func key(
        _ principal: Principal, scope: ModelCache.Scope, model: String, path: [UInt8], body: ByteBuffer,
        also parts: [[UInt8]]
    ) -> Key {
        var hash = SHA256()
        func add(_ bytes: [UInt8]) {
            hash.update(data: Array(String(bytes.count).utf8) + [0])
            hash.update(data: bytes)
        }
        add(Array((principal.tenant ?? "").utf8))
        add(Array(scope.rawValue.utf8))
        if scope == .principal {
            for part in [principal.user, principal.agent, principal.team, principal.credentialID] {
                add(Array((part ?? "").utf8))
            }
        }
        add(Array(model.utf8))
        add(path)
        for part in parts { add(part) }
        hash.update(data: Array(body.readableBytesView))
        return Key(digest: Array(hash.finalize()))
    }

    func find(_ key: Key, now: UInt64) -> Entry? { state.withLock { $0.find(key, now: now) } }
    func keep(_ entry: Entry, for key: Key) { state.withLock { $0.keep(entry, for: key) } }
}

extension ReplyCache {
    /// Entries by key, and each use of one in order. Only the last use of an entry counts: earlier ones are passed over
    /// when their turn comes, so that a use, and the end of an entry, is one step on average.
    private struct State {
        private var entries: [Key: (entry: Entry, turn: UInt64)] = [:]
        private(set) var bytes = 0
        /// The oldest is at `first`; their turns follow each other.
        private var uses: [Key] = []
        private var first = 0
        private var firstTurn: UInt64 = 0

        mutating func find(_ key: Key, now: UInt64) -> Entry? {
            guard let found = entries[key] else { return nil }
            guard found.entry.untilNanoseconds > now else {
                drop(key)
                return nil
            }
            use(key)
            return found.entry
        }

        mutating func keep(_ entry: Entry, for key: Key) {
            drop(key)
            entries[key] = (entry, 0)
            bytes += entry.byteCount
            use(key)
            while bytes > ReplyCache.bytesMax, first < uses.count {
                let key = uses[first]
                if entries[key]?.turn == firstTurn { drop(key) }
                first += 1
                firstTurn += 1
            }
        }

        private mutating func drop(_ key: Key) {
            guard let dropped = entries.removeValue(forKey: key) else { return }
            bytes -= dropped.entry.byteCount
        }

        private mutating func use(_ key: Key) {
            if uses.count >= 1_024, uses.count >= entries.count * 4 { compact() }
            entries[key]?.turn = firstTurn + UInt64(uses.count - first)
            uses.append(key)
        }

        /// Takes out the uses that do not count any more: three of four at least.
        private mutating func compact() {
            var turn = firstTurn
            var kept: [Key] = []
            for key in uses[first...] {
                if entries[key]?.turn == turn {
                    entries[key]?.turn = firstTurn + UInt64(kept.count)
                    kept.append(key)
                }
                turn += 1
            }
            uses = kept
            first = 0
        }
    }
}

extension ReplyCache.Entry {
    /// What it takes up, about.
    fileprivate var byteCount: Int { body.readableBytes + type.count + 256 }
}
