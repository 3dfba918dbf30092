/// A fast generator for choices that need no secrecy: balancing, jitter, sampling. One per loop (wyrand's step).
package struct LoopRandom {
    private var state: UInt64

    package init() { state = SystemRandomNumberGenerator.seed() }
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0xA076_1D64_78BD_642F
        let product = state.multipliedFullWidth(by: state ^ 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }

    /// A number in `0..<bound`; `bound` must not be 0.
    package mutating func next(below bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }
}

extension SystemRandomNumberGenerator {
    fileprivate static func seed() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
