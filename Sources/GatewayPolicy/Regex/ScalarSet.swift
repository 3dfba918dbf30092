/// A set of Unicode scalars as sorted, disjoint ranges: what one position of a regular expression may be.
struct ScalarSet: Equatable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let scalarMax: UInt32 = 0x10FFFF

    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    static let any = ScalarSet([0...scalarMax])
    static let anyButNewline = ScalarSet([0...9, 11...scalarMax])
    static let digits = ScalarSet([0x30...0x39])
    static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = ScalarSet([9...10, 12...13, 0x20...0x20])

    /// The POSIX classes of ASCII, by the name between `[:` and `:]`.
    static func posix(_ name: String) -> ScalarSet? {
        switch name {
        case "alnum": ScalarSet([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
        case "alpha": ScalarSet([0x41...0x5A, 0x61...0x7A])
        case "ascii": ScalarSet([0...0x7F])
        case "blank": ScalarSet([9...9, 0x20...0x20])
        case "cntrl": ScalarSet([0...0x1F, 0x7F...0x7F])
        case "digit": digits
        case "graph": ScalarSet([0x21...0x7E])
        case "lower": ScalarSet([0x61...0x7A])
        case "print": ScalarSet([0x20...0x7E])
        case "punct": ScalarSet([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
        case "space": ScalarSet([9...13, 0x20...0x20])
        case "upper": ScalarSet([0x41...0x5A])
        case "word": word
        case "xdigit": ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
        default: nil
        }
    }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    var inverted: ScalarSet {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= ScalarSet.scalarMax { result.append(next...ScalarSet.scalarMax) }
        return ScalarSet(result)
    }

    /// With the other case of every ASCII letter; letters beyond ASCII are left alone, which is documented.
    var caseFolded: ScalarSet {
        var result = ranges
        for range in ranges {
            let upper = range.clamped(to: 0x41...0x5A)
            if range.overlaps(0x41...0x5A) { result.append((upper.lowerBound + 32)...(upper.upperBound + 32)) }
            let lower = range.clamped(to: 0x61...0x7A)
            if range.overlaps(0x61...0x7A) { result.append((lower.lowerBound - 32)...(lower.upperBound - 32)) }
        }
        return ScalarSet(result)
    }

    /// The set as sequences of byte ranges, one for each alternative of its UTF-8 encodings.
    var byteSequences: [[ClosedRange<UInt8>]] {
        var result: [[ClosedRange<UInt8>]] = []
        for range in ranges { ScalarSet.split(range, into: &result) }
        return result
    }

    /// Scalars of one encoded length each; surrogates are not scalars.
    private static let lengthBounds: [ClosedRange<UInt32>] = [
        0...0x7F, 0x80...0x7FF, 0x800...0xD7FF, 0xE000...0xFFFF, 0x10000...0x10FFFF,
    ]

    /// Splits a scalar range until all its encodings are the product of independent byte ranges.
    private static func split(_ range: ClosedRange<UInt32>, into result: inout [[ClosedRange<UInt8>]]) {
        for bounds in lengthBounds where range.overlaps(bounds) {
            splitAligned(range.clamped(to: bounds), into: &result)
        }
    }

    private static func splitAligned(_ range: ClosedRange<UInt32>, into result: inout [[ClosedRange<UInt8>]]) {
        let low = range.lowerBound
        let high = range.upperBound
        for shift: UInt32 in [6, 12, 18] where high > 0x7F {
            let mask: UInt32 = (1 << shift) - 1
            guard low & ~mask != high & ~mask else { continue }
            if low & mask != 0 {
                splitAligned(low...(low | mask), into: &result)
                return splitAligned(((low | mask) + 1)...high, into: &result)
            }
            if high & mask != mask {
                splitAligned(low...((high & ~mask) - 1), into: &result)
                return splitAligned((high & ~mask)...high, into: &result)
            }
        }
        result.append(zip(encode(low), encode(high)).map { $0...$1 })
    }

    private static func encode(_ scalar: UInt32) -> [UInt8] {
        func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8((scalar >> shift) & 0x3F) }
        switch scalar {
        case ...0x7F: return [UInt8(scalar)]
        case ...0x7FF: return [0xC0 | UInt8(scalar >> 6), tail(0)]
        case ...0xFFFF: return [0xE0 | UInt8(scalar >> 12), tail(6), tail(0)]
        default: return [0xF0 | UInt8(scalar >> 18), tail(12), tail(6), tail(0)]
        }
    }
}
