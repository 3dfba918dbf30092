/// Eight bytes at a time: the arithmetic behind the scanners. Byte 0 is the lowest.
enum Word {
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

/// Forward searches in bytes.
enum Scan {
    /// The first byte in `start..<end` that is a control byte other than HTAB, or `end`.
    @inline(__always)
    static func control(_ input: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while true {
            while index &+ 8 <= end {
                let hits = Word.controls(Word.load(input, index))
                if hits != 0 {
                    index &+= hits.trailingZeroBitCount &>> 3
                    break
                }
                index &+= 8
            }
            while index < end, !isControl(input[index]) { index &+= 1 }
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

    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
}
