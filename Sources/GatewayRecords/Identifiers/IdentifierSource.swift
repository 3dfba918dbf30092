/// Random ids for requests and spans: xoshiro256++ (Blackman and Vigna, 2019), seeded once from the system, so
/// that an id costs no system call. Ids are names, not secrets: nothing may be guarded by knowing one.
package struct IdentifierSource: RandomNumberGenerator, Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    package init() {
        var system = SystemRandomNumberGenerator()
        self.init(seed: (system.next(), system.next(), system.next(), system.next()))
    }

    /// A source with a known sequence, for tests.
    package init(seed: (UInt64, UInt64, UInt64, UInt64)) {
        // The all-zero state is the generator's one fixed point.
        let isZero = seed.0 | seed.1 | seed.2 | seed.3 == 0
        (s0, s1, s2, s3) = isZero ? (0x9e37_79b9_7f4a_7c15, 1, 2, 3) : seed
    }

    package mutating func next() -> UInt64 {
        let result = IdentifierSource.rotate(s0 &+ s3, 23) &+ s0
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = IdentifierSource.rotate(s3, 45)
        return result
    }

    /// 64 bits, never zero: a span id of zero is invalid (W3C Trace Context, 3.2.2.4).
    package mutating func nextIdentifier64() -> UInt64 {
        let value = next()
        return value == 0 ? 1 : value
    }

    /// 128 bits, never zero: a request id or a trace id (W3C Trace Context, 3.2.2.3).
    package mutating func nextIdentifier128() -> (UInt64, UInt64) { (next(), nextIdentifier64()) }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        (value << count) | (value >> (64 &- count))
    }
}
