import GatewayWire
import NIOCore
import Synchronization

/// An answer that is kept. Immutable, so that all loops may send it at once; its body is shared, not copied.
final class StoredResponse: Sendable {
    /// Listener, route and rule: two rules may answer one URL differently, by a header for instance.
    let scope: [UInt8]
    /// Request fields it depends on, and their values in the request it answered.
    let varies: [[UInt8]]
    let values: [[UInt8]]
    let head: ResponseHead
    /// Of the backend that answered.
    let edits: HeaderEdits
    let body: ByteBuffer
    let verdict: CacheVerdict
    /// On the loops' clock.
    let storedNanoseconds: UInt64

    init(
        scope: [UInt8], varies: [[UInt8]], values: [[UInt8]], head: ResponseHead, edits: HeaderEdits, body: ByteBuffer,
        verdict: CacheVerdict, storedNanoseconds: UInt64
    ) {
        self.scope = scope
        self.varies = varies
        self.values = values
        self.head = head
        self.edits = edits
        self.body = body
        self.verdict = verdict
        self.storedNanoseconds = storedNanoseconds
    }

    func ageSeconds(now: UInt64) -> Int {
        verdict.ageSeconds + Int((now > storedNanoseconds ? now - storedNanoseconds : 0) / 1_000_000_000)
    }

    /// Seconds for which it may still be shown; below 1 it is stale.
    func freshSeconds(now: UInt64) -> Int { verdict.lifetimeSeconds - ageSeconds(now: now) }

    /// What it takes up, about.
    var byteCount: Int {
        body.readableBytes + head.fields.bytes.count + head.fields.count * 24
            + values.reduce(0) { $0 + $1.count + 64 } + scope.count + 256
    }

    /// Whether `other` would answer the same requests.
    func isSameVariant(as other: StoredResponse) -> Bool {
        scope == other.scope && varies == other.varies && values == other.values
            && verdict.isShared == other.verdict.isShared
    }
}

/// The answers one policy keeps, for all loops: bounded in bytes, the least recently used go first. It outlives
/// reloads as long as the policy stays the same.
package final class ResponseStore: Sendable {
    /// Answers to one URL at most.
    static let variantsMax = 32

    private final class Shard: Sendable {
        let contents: Mutex<Contents>
        init(bytesMax: Int) { contents = Mutex(Contents(bytesMax: bytesMax)) }
    }

    private let shards: [Shard]
    package let bytesMax: Int
    package let entryBytesMax: Int
    /// Bytes being gathered for answers that are not whole yet.
    private let gathering = Atomic<Int>(0)

    package init(bytesMax: Int, entryBytesMax: Int) {
        self.bytesMax = bytesMax
        self.entryBytesMax = entryBytesMax
        // As many as keep the largest entry a small part of its shard.
        var count = 16
        while count > 1, bytesMax / count < entryBytesMax * 4 { count /= 2 }
        shards = (0..<count).map { _ in Shard(bytesMax: bytesMax / count) }
    }

    private func shard(_ key: [UInt8]) -> Shard { shards[Int(Hash64.of(key.span) & UInt64(shards.count - 1))] }

    /// The latest answer to this URL that `isRight`.
    func find(_ key: [UInt8], where isRight: (StoredResponse) -> Bool) -> StoredResponse? {
        shard(key).contents.withLock { $0.find(key, where: isRight) }
    }

    func insert(_ response: StoredResponse, for key: [UInt8]) {
        shard(key).contents.withLock { $0.insert(response, for: key) }
    }

    /// Forgets all answers to a URL.
    func remove(_ key: [UInt8]) { shard(key).contents.withLock { $0.remove(key) } }

    package var count: Int { shards.reduce(0) { $0 + $1.contents.withLock { $0.count } } }
    package var byteCount: Int { shards.reduce(0) { $0 + $1.contents.withLock { $0.byteCount } } }

    /// Room for so many more bytes of an answer under way; give them back by `release`.
    func reserve(_ count: Int) -> Bool {
        if gathering.add(count, ordering: .relaxed).newValue <= bytesMax { return true }
        release(count)
        return false
    }

    func release(_ count: Int) { gathering.subtract(count, ordering: .relaxed) }

    var gatheringBytes: Int { gathering.load(ordering: .relaxed) }
}

extension ResponseStore {
    /// A shard: slots in a doubly linked list from the most to the least recently used.
    private struct Contents {
        private struct Slot {
            var key: [UInt8]
            var response: StoredResponse
            var newer = -1
            var older = -1
        }

        let bytesMax: Int
        private(set) var byteCount = 0
        private var slots: [Slot?] = []
        private var free: [Int] = []
        private var byKey: [[UInt8]: [Int]] = [:]
        private var newest = -1
        private var oldest = -1

        init(bytesMax: Int) { self.bytesMax = bytesMax }

        var count: Int { slots.count - free.count }

        mutating func find(_ key: [UInt8], where isRight: (StoredResponse) -> Bool) -> StoredResponse? {
            guard let indices = byKey[key] else { return nil }
            for index in indices.reversed() {
                guard let response = slots[index]?.response, isRight(response) else { continue }
                unlink(index)
                link(index)
                return response
            }
            return nil
        }

        mutating func insert(_ response: StoredResponse, for key: [UInt8]) {
            let bytes = response.byteCount + key.count
            guard bytes <= bytesMax else { return }
            for index in byKey[key] ?? [] where slots[index]?.response.isSameVariant(as: response) ?? false {
                drop(index)
            }
            if let indices = byKey[key], indices.count >= ResponseStore.variantsMax { drop(indices[0]) }
            while byteCount + bytes > bytesMax, oldest >= 0 { drop(oldest) }
            let slot = Slot(key: key, response: response)
            let index: Int
            if let reused = free.popLast() {
                index = reused
                slots[index] = slot
            } else {
                index = slots.count
                slots.append(slot)
            }
            byteCount += bytes
            byKey[key, default: []].append(index)
            link(index)
        }

        mutating func remove(_ key: [UInt8]) {
            for index in byKey[key] ?? [] { drop(index) }
        }

        private mutating func drop(_ index: Int) {
            unlink(index)
            guard let slot = slots[index] else { return }
            slots[index] = nil
            free.append(index)
            byteCount -= slot.response.byteCount + slot.key.count
            byKey[slot.key]?.removeAll { $0 == index }
            if byKey[slot.key]?.isEmpty ?? false { byKey[slot.key] = nil }
        }

        private mutating func link(_ index: Int) {
            slots[index]?.newer = -1
            slots[index]?.older = newest
            if newest >= 0 { slots[newest]?.newer = index }
            newest = index
            if oldest < 0 { oldest = index }
        }

        private mutating func unlink(_ index: Int) {
            guard let slot = slots[index] else { return }
            if slot.newer >= 0 { slots[slot.newer]?.older = slot.older } else { newest = slot.older }
            if slot.older >= 0 { slots[slot.older]?.newer = slot.newer } else { oldest = slot.newer }
        }
    }
}
