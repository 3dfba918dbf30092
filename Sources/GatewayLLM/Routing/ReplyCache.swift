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

    private struct State {
        var entries: [Key: (entry: Entry, turn: UInt64)] = [:]
        var bytes = 0
        var turn: UInt64 = 0
    }

    private let state = Mutex(State())

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

    func find(_ key: Key, now: UInt64) -> Entry? {
        state.withLock { state in
            guard let found = state.entries[key] else { return nil }
            guard found.entry.untilNanoseconds > now else {
                state.bytes -= found.entry.body.readableBytes
                state.entries[key] = nil
                return nil
            }
            state.turn += 1
            state.entries[key]?.turn = state.turn
            return found.entry
        }
    }

    func keep(_ entry: Entry, for key: Key) {
        state.withLock { state in
            state.turn += 1
            if let old = state.entries.updateValue((entry, state.turn), forKey: key) {
                state.bytes -= old.entry.body.readableBytes
            }
            state.bytes += entry.body.readableBytes
            while state.bytes > ReplyCache.bytesMax,
                let oldest = state.entries.min(by: { $0.value.turn < $1.value.turn })
            {
                state.bytes -= oldest.value.entry.body.readableBytes
                state.entries[oldest.key] = nil
            }
        }
    }
}
