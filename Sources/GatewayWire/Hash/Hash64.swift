/// A fast 64-bit hash of bytes for consistent hashing, sharding and sampling: the same on every machine and in every
/// version, unlike Swift's `Hasher`. Not for secrets, and not where an attacker gains by collisions.
///
/// Eight bytes at a time are folded in by a 64×64→128-bit multiplication whose halves are xored, as wyhash does; the
/// length is part of the hash. Values are pinned by a test, since they decide which backend a session lives on.
package struct Hash64: Sendable {
    private static let first: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let second: UInt64 = 0xC2B2_AE3D_27D4_EB4F

    private var state: UInt64
    private var length: UInt64 = 0

    package init(seed: UInt64 = 0) { state = seed ^ Hash64.first }

    package mutating func add(_ bytes: Span<UInt8>) {
        var index = 0
        while index &+ 8 <= bytes.count {
            state = Hash64.fold(state ^ Word.load(bytes, index), Hash64.second)
            index &+= 8
        }
        if index < bytes.count {
            let rest = bytes.count &- index
            let word = Word.load(bytes, index, count: rest)
            state = Hash64.fold(state ^ word ^ UInt64(rest) &<< 56, Hash64.second &+ 2)
        }
        length &+= UInt64(bytes.count)
    }

    package mutating func add(_ value: UInt64) {
        state = Hash64.fold(state ^ value, Hash64.second)
        length &+= 8
    }

    package var value: UInt64 { Hash64.fold(state ^ length, Hash64.first ^ length &* Hash64.second) }

    package static func of(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
        var hash = Hash64(seed: seed)
        hash.add(bytes)
        return hash.value
    }

    @inline(__always)
    private static func fold(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let product = (one ^ first).multipliedFullWidth(by: other | 1)
        // The operand is added back so that a zero factor does not wipe out what came before.
        return product.high ^ product.low ^ one &<< 29 ^ one &>> 35
    }
}
