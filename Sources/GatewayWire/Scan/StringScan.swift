extension Word {
    /// High bits where a byte is LF or CR. Exact up to and including the lowest one set.
    @inline(__always)
    static func lineEnds(_ word: UInt64) -> UInt64 {
        let feed = word ^ (ones &* 0x0A)
        let carriageReturn = word ^ (ones &* 0x0D)
        return ((feed &- ones) & ~feed | (carriageReturn &- ones) & ~carriageReturn) & highs
    }

    /// The four words from `offset`, for arithmetic on all of them at once.
    @inline(__always)
    static func loadFour(_ span: Span<UInt8>, _ offset: Int) -> SIMD4<UInt64> {
        // Safe: the load is bounds-checked, and every bit pattern is four integers. Lanes are little-endian words,
        // and only whether any bit is set is asked of them, so that the byte order of the machine does not matter.
        unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
    }

    /// High bits where a byte, none above 0x7F, is `first...last`.
    @inline(__always)
    static func isWithin(_ words: SIMD4<UInt64>, _ first: UInt64, _ last: UInt64) -> SIMD4<UInt64> {
        let fromFirst = words &+ SIMD4(repeating: ones &* (0x80 - first))
        return fromFirst & ~(words &+ SIMD4(repeating: ones &* (0x7F - last)))
    }

    @inline(__always)
    static func isAnySet(_ words: SIMD4<UInt64>) -> Bool {
        let half = words.lowHalf | words.highHalf
        return half[0] | half[1] != 0
    }
}

extension Vector {
    /// What ends a run of plain bytes in a JSON string: a control byte, `"`, `\`, or what is not ASCII, which is below
    /// zero where bytes have a sign.
    @inline(__always)
    static func stringStops(_ span: Span<UInt8>, _ offset: Int) -> SIMD2<UInt64> {
        hits(span, offset) {
            (SIMD16<Int8>(truncatingIfNeeded: $0) .< SIMD16(repeating: 0x20))
                .| ($0 .== SIMD16(repeating: Byte.quote)) .| ($0 .== SIMD16(repeating: Byte.backslash))
        }
    }

    /// A control byte, `"` or `\`.
    @inline(__always)
    static func stringEnds(_ span: Span<UInt8>, _ offset: Int) -> SIMD2<UInt64> {
        hits(span, offset) {
            ($0 .< SIMD16(repeating: 0x20)) .| ($0 .== SIMD16(repeating: Byte.quote))
                .| ($0 .== SIMD16(repeating: Byte.backslash))
        }
    }
}

extension Scan {
    /// The first byte from `start` that is not plain in a JSON string (see `Vector.stringStops`), or the end.
    @inline(__always)
    static func stringStop(_ input: Span<UInt8>, from start: Int) -> Int {
        // Most strings are short.
        if start &+ 16 <= input.count {
            let first = Vector.first(Vector.stringStops(input, start))
            return first < 16 ? start &+ first : stringStopFar(input, from: start &+ 16)
        }
        return stringStopFar(input, from: start)
    }

    @inline(never)
    private static func stringStopFar(_ input: Span<UInt8>, from start: Int) -> Int {
        var index = search(input, from: start) { Vector.stringStops($0, $1) }
        while index < input.count {
            let byte = input[index]
            if byte < 0x20 || byte == Byte.quote || byte == Byte.backslash || byte >= 0x80 { return index }
            index &+= 1
        }
        return index
    }

    /// The first byte from `start` that is a quote, a backslash or a control byte, or the end.
    @inline(__always)
    static func stringEnd(_ input: Span<UInt8>, from start: Int) -> Int {
        // Most strings are short.
        if start &+ 16 <= input.count {
            let first = Vector.first(Vector.stringEnds(input, start))
            return first < 16 ? start &+ first : stringEndFar(input, from: start &+ 16)
        }
        return stringEndFar(input, from: start)
    }

    @inline(never)
    private static func stringEndFar(_ input: Span<UInt8>, from start: Int) -> Int {
        var index = search(input, from: start) { Vector.stringEnds($0, $1) }
        while index < input.count {
            let byte = input[index]
            if byte < 0x20 || byte == Byte.quote || byte == Byte.backslash { return index }
            index &+= 1
        }
        return index
    }

    /// Goes on from `start` by 64 bytes and then by 16 at a time, to the first hit or to the last few bytes.
    @inline(__always)
    private static func search(
        _ input: Span<UInt8>, from start: Int, _ hits: (Span<UInt8>, Int) -> SIMD2<UInt64>
    ) -> Int {
        var index = start
        while index &+ 64 <= input.count {
            // One check of bounds for all four.
            let part = input.extracting(index..<(index &+ 64))
            let all = hits(part, 0) | hits(part, 16) | hits(part, 32) | hits(part, 48)
            if all[0] | all[1] != 0 { break }
            index &+= 64
        }
        while index &+ 16 <= input.count {
            let first = Vector.first(hits(input, index))
            index &+= first
            if first < 16 { break }
        }
        return index
    }

    /// The first LF or CR from `start`, or the end.
    @inline(__always)
    static func lineEnd(_ input: Span<UInt8>, from start: Int) -> Int {
        var index = start
        let count = input.count
        let ones = SIMD4<UInt64>(repeating: Word.ones)
        let highs = SIMD4<UInt64>(repeating: Word.highs)
        let feeds = ones &* 0x0A
        let returns = ones &* 0x0D
        while index &+ 32 <= count {
            let words = Word.loadFour(input, index)
            let feed = words ^ feeds
            let carriageReturn = words ^ returns
            let ends = (feed &- ones) & ~feed | (carriageReturn &- ones) & ~carriageReturn
            if Word.isAnySet(ends & highs) { break }
            index &+= 32
        }
        while index &+ 8 <= count {
            let ends = Word.lineEnds(Word.load(input, index))
            if ends != 0 { return index &+ ends.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < count, input[index] != Byte.lineFeed, input[index] != Byte.carriageReturn {
            index &+= 1
        }
        return index
    }

    /// Whether all bytes of the range are of a base64 alphabet (RFC 4648 sections 4 and 5), padding, or the
    /// backslash some writers put before a slash.
    static func isBase64(_ input: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        let highs = SIMD4<UInt64>(repeating: Word.highs)
        while index &+ 32 <= range.upperBound {
            let words = Word.loadFour(input, index)
            // Sums of seven-bit bytes carry into their own high bit and no further.
            let low = words & ~highs
            let letters = Word.isWithin(low | SIMD4(repeating: Word.ones &* 0x20), 0x61, 0x7A)
            let signs =
                Word.isWithin(low, 0x2B, 0x2B) | Word.isWithin(low, 0x3D, 0x3D)
                | Word.isWithin(low, 0x2D, 0x2D)
            let others = Word.isWithin(low, 0x5F, 0x5F) | Word.isWithin(low, 0x5C, 0x5C)
            let known = letters | Word.isWithin(low, 0x2F, 0x39) | signs | others
            if Word.isAnySet((~known | words) & highs) { return false }
            index &+= 32
        }
        while index < range.upperBound {
            guard Byte.isBase64(input[index]) else { return false }
            index &+= 1
        }
        return true
    }
}

extension Byte {
    @inline(__always)
    static func isBase64(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x2F < 11 || byte == 0x2B || byte == equals
            || byte == dash
            || byte == 0x5F || byte == backslash
    }
}
