/// Eight bytes at a time: the arithmetic behind the scanners. Byte 0 is the lowest.
package enum Word {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The eight bytes from `offset`.
    @inline(__always)
    static func load(_ span: Span<UInt8>, _ offset: Int) -> UInt64 {
        // Safe: the load is bounds-checked, and every bit pattern is an integer.
        UInt64(littleEndian: unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The bytes `offset..<offset+count` with zeros above; `count` is 1...8.
    @inline(__always)
    static func load(_ span: Span<UInt8>, _ offset: Int, count: Int) -> UInt64 {
        if offset &+ 8 <= span.count { return load(span, offset) & mask(count) }
        var word: UInt64 = 0
        var index = count &- 1
        while index >= 0 {
            word = word &<< 8 | UInt64(span[offset &+ index])
            index &-= 1
        }
        return word
    }

    /// The low `count` bytes set; `count` is 1...8.
    @inline(__always)
    static func mask(_ count: Int) -> UInt64 { UInt64.max &>> UInt64(truncatingIfNeeded: (8 &- count) &* 8) }

    /// Whether a slice is exactly these bytes; an empty text equals nothing.
    @inline(__always)
    package static func equals(_ span: Span<UInt8>, _ slice: Slice, _ text: Span<UInt8>) -> Bool {
        let count = text.count
        guard count > 0, Int(slice.count) == count else { return false }
        let start = Int(slice.start)
        guard count >= 8 else { return load(span, start, count: count) == load(text, 0, count: count) }
        var offset = 0
        while offset &+ 8 < count {
            guard load(span, start &+ offset) == load(text, offset) else { return false }
            offset &+= 8
        }
        return load(span, start &+ count &- 8) == load(text, count &- 8)
    }

    /// Whether two texts are the same bytes.
    package static func equals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        let count = left.count
        guard count == right.count else { return false }
        var offset = 0
        while offset &+ 8 <= count {
            guard load(left, offset) == load(right, offset) else { return false }
            offset &+= 8
        }
        let rest = count &- offset
        return rest == 0 || load(left, offset, count: rest) == load(right, offset, count: rest)
    }

    /// Whether all of a slice is ASCII.
    @inline(__always)
    static func isASCII(_ span: Span<UInt8>, _ slice: Range<Int>) -> Bool { any(span, slice) { $0 & highs } == 0 }

    /// Whether all of a slice is ASCII without capital letters.
    @inline(__always)
    static func isSmallASCII(_ span: Span<UInt8>, _ slice: Range<Int>) -> Bool {
        any(span, slice) { upperCaseBits($0) | $0 & highs } == 0
    }

    /// Whether a lower-case field name has an underscore. Of its letters, digits and signs only `_` and `^` have the
    /// bit of 64 without that of 32, and `^` may be taken for one.
    @inline(__always)
    static func hasUnderscore(_ span: Span<UInt8>, _ slice: Range<Int>) -> Bool {
        any(span, slice) { $0 & ~($0 &<< 1) & (ones &* 0x40) } != 0
    }

    /// What some bits of all words of a slice come to.
    @inline(__always)
    private static func any(_ span: Span<UInt8>, _ slice: Range<Int>, _ bits: (UInt64) -> UInt64) -> UInt64 {
        var all: UInt64 = 0
        var index = slice.lowerBound
        while index &+ 8 <= slice.upperBound {
            all |= bits(load(span, index))
            index &+= 8
        }
        if index < slice.upperBound { all |= bits(load(span, index, count: slice.upperBound &- index)) }
        return all
    }

    /// High bits where a byte is below 0x20 or is 0x7F. Exact up to and including the lowest one set.
    @inline(__always)
    static func controls(_ word: UInt64) -> UInt64 {
        let delete = word ^ (ones &* 0x7F)
        return ((word &- ones &* 0x20) & ~word | (delete &- ones) & ~delete) & highs
    }

    /// High bits where a byte is at most 0x20 or is 0x7F. Exact up to and including the lowest one set.
    @inline(__always)
    static func controlsAndSpace(_ word: UInt64) -> UInt64 {
        let delete = word ^ (ones &* 0x7F)
        return ((word &- ones &* 0x21) & ~word | (delete &- ones) & ~delete) & highs
    }

    /// High bits where a byte is LF. Exact up to and including the lowest one set.
    @inline(__always)
    static func lineFeeds(_ word: UInt64) -> UInt64 {
        let feed = word ^ (ones &* 0x0A)
        return (feed &- ones) & ~feed & highs
    }

    /// High bits where a byte ends a field name: at most 0x20, `:` or 0x7F. Exact up to and including the lowest.
    @inline(__always)
    static func nameEnds(_ word: UInt64) -> UInt64 {
        let colon = word ^ (ones &* 0x3A)
        return controlsAndSpace(word) | (colon &- ones) & ~colon & highs
    }

    /// ASCII letters lower-cased, everything else as it is.
    @inline(__always)
    static func lowercased(_ word: UInt64) -> UInt64 { word | upperCaseBits(word) }

    /// Bit 5 where a byte is an upper-case letter.
    @inline(__always)
    static func upperCaseBits(_ word: UInt64) -> UInt64 {
        let low = word & ~highs
        let fromA = low &+ ones &* (0x80 - 0x41)
        let pastZ = low &+ ones &* (0x80 - 0x5B)
        return (fromA & ~pastZ & ~word & highs) &>> 2
    }
}

/// Sixteen bytes at a time, for what is mostly long: field values and names.
enum Vector {
    /// Which of the bytes from `offset` hit: all ones where one does, the first byte lowest.
    @inline(__always)
    static func hits(
        _ span: Span<UInt8>, _ offset: Int, _ test: (SIMD16<UInt8>) -> SIMDMask<SIMD16<Int8>>
    ) -> SIMD2<UInt64> {
        // Safe: the load is bounds-checked, every bit pattern is a vector, and a mask has its vector's size.
        let bytes = unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
        return unsafe unsafeBitCast(test(bytes), to: SIMD2<UInt64>.self)
    }

    /// Control bytes.
    @inline(__always)
    static func controls(_ span: Span<UInt8>, _ offset: Int) -> SIMD2<UInt64> {
        hits(span, offset) { ($0 .< SIMD16(repeating: 0x20)) .| ($0 .== SIMD16(repeating: 0x7F)) }
    }

    /// What ends a field name: at most 0x20, `:` or 0x7F.
    @inline(__always)
    static func nameEnds(_ span: Span<UInt8>, _ offset: Int) -> SIMD2<UInt64> {
        hits(span, offset) {
            ($0 .<= SIMD16(repeating: 0x20)) .| ($0 .== SIMD16(repeating: 0x3A)) .| ($0 .== SIMD16(repeating: 0x7F))
        }
    }

    /// The position of the first hit; 16 when there is none.
    @inline(__always)
    static func first(_ hits: SIMD2<UInt64>) -> Int {
        hits[0] != 0 ? hits[0].trailingZeroBitCount &>> 3 : 8 &+ hits[1].trailingZeroBitCount &>> 3
    }
}

/// Forward searches in bytes.
enum Scan {
    /// The first byte in `start..<end` that is a control byte other than HTAB, or `end`.
    @inline(__always)
    static func control(_ input: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while true {
            search: do {
                while index &+ 16 <= end {
                    let first = Vector.first(Vector.controls(input, index))
                    index &+= first
                    if first < 16 { break search }
                }
                while index &+ 8 <= end {
                    let hits = Word.controls(Word.load(input, index))
                    if hits != 0 {
                        index &+= hits.trailingZeroBitCount &>> 3
                        break search
                    }
                    index &+= 8
                }
                while index < end, !isControl(input[index]) { index &+= 1 }
            }
            if index < end, input[index] == Byte.tab {
                index &+= 1
                continue
            }
            return index
        }
    }

    /// The first byte in `start..<end` that ends a field name, or `end`.
    @inline(__always)
    static func nameEnd(_ input: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 16 <= end {
            let first = Vector.first(Vector.nameEnds(input, index))
            index &+= first
            if first < 16 { return index }
        }
        while index &+ 8 <= end {
            let hits = Word.nameEnds(Word.load(input, index))
            if hits != 0 { return index &+ hits.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < end, input[index] > 0x20, input[index] != 0x7F, input[index] != Byte.colon { index &+= 1 }
        return index
    }

    /// The first byte in `start..<end` that is SP or a control byte, or `end`.
    @inline(__always)
    static func controlOrSpace(_ input: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 8 <= end {
            let hits = Word.controlsAndSpace(Word.load(input, index))
            if hits != 0 { return index &+ hits.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < end, input[index] > 0x20, input[index] != 0x7F { index &+= 1 }
        return index
    }

    /// The first LF in `start..<end`, or `end`.
    static func lineFeed(_ input: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 8 <= end {
            let hits = Word.lineFeeds(Word.load(input, index))
            if hits != 0 { return index &+ hits.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < end, input[index] != Byte.lineFeed { index &+= 1 }
        return index
    }

    /// Whether one of the bytes is this one.
    static func contains(_ byte: UInt8, _ input: Span<UInt8>) -> Bool {
        var index = 0
        let wanted = Word.ones &* UInt64(byte)
        let (four, ones) = (SIMD4(repeating: wanted), SIMD4(repeating: Word.ones))
        while index &+ 32 <= input.count {
            let words = Word.loadFour(input, index) ^ four
            if Word.isAnySet((words &- ones) & ~words & SIMD4(repeating: Word.highs)) { return true }
            index &+= 32
        }
        while index &+ 8 <= input.count {
            let word = Word.load(input, index) ^ wanted
            if (word &- Word.ones) & ~word & Word.highs != 0 { return true }
            index &+= 8
        }
        while index < input.count {
            if input[index] == byte { return true }
            index &+= 1
        }
        return false
    }

    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
}
