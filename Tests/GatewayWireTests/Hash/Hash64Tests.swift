import Testing

@testable import GatewayWire

@Suite("The hash is stable and spreads")
struct Hash64Tests {
    @Test("a flipped bit flips about half of the hash")
    func avalanche() {
        for count in [1, 7, 8, 9, 16, 23] {
            let input = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let base = Hash64.of(input.span)
            var flipped = 0
            for bit in 0..<(count * 8) {
                var other = input
                other[bit / 8] ^= 1 << UInt8(bit % 8)
                flipped += (Hash64.of(other.span) ^ base).nonzeroBitCount
            }
            let mean = Double(flipped) / Double(count * 8)
            #expect(mean > 24 && mean < 40, "\(count) bytes: \(mean)")
        }
    }

    @Test("numbered names do not collide and fill buckets evenly")
    func spread() {
        var seen = Set<UInt64>()
        var buckets = [Int](repeating: 0, count: 64)
        for number in 0..<64_000 {
            let name = Array("10.0.0.1:80-\(number)".utf8)
            let value = Hash64.of(name.span)
            seen.insert(value)
            buckets[Int(value & 63)] += 1
        }
        #expect(seen.count == 64_000)
        #expect(buckets.allSatisfy { $0 > 800 && $0 < 1200 })
    }

    @Test("seed, length and zeros count")
    func differences() {
        func hash(_ zeros: Int, seed: UInt64 = 0) -> UInt64 {
            let input = [UInt8](repeating: 0, count: zeros)
            return Hash64.of(input.span, seed: seed)
        }
        let values: [UInt64] = [hash(0), hash(1), hash(2), hash(8), hash(16), hash(1, seed: 1)]
        #expect(Set(values).count == values.count)
    }
}
