/// Writes bytes into memory whose size was worked out before. What does not fit is a mistake of that sum and traps.
///
/// Safe although it holds a pointer: every write checks `limit` first, and the value lives inside the closure that
/// lends the memory.
@safe
package struct ByteWriter {
    private let base: UnsafeMutableRawPointer
    private let limit: Int
    package private(set) var count = 0

    package init(base: UnsafeMutableRawPointer, limit: Int) {
        unsafe self.base = unsafe base
        self.limit = limit
    }

    /// Makes sure of room for `more` bytes and returns where they go.
    @inline(__always)
    private mutating func reserve(_ more: Int) -> UnsafeMutableRawPointer {
        precondition(more <= limit &- count)
        let place = unsafe base + count
        count &+= more
        return unsafe place
    }

    @inline(__always)
    package mutating func append(_ byte: UInt8) { unsafe reserve(1).storeBytes(of: byte, as: UInt8.self) }

    /// CR LF.
    @inline(__always)
    mutating func appendLineEnd() {
        unsafe reserve(2).storeBytes(of: (0x0A0D as UInt16).littleEndian, as: UInt16.self)
    }

    /// Eight bytes, the lowest first.
    @inline(__always)
    mutating func append(word: UInt64) { unsafe reserve(8).storeBytes(of: word.littleEndian, as: UInt64.self) }

    @inline(__always)
    package mutating func append(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        unsafe reserve(size).copyMemory(from: text.utf8Start, byteCount: size)
    }

    @inline(__always)
    package mutating func append(_ bytes: Span<UInt8>) {
        let size = bytes.count
        let place = unsafe reserve(size)
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { unsafe place.copyMemory(from: start, byteCount: size) }
        }
    }

    @inline(__always)
    mutating func append(_ bytes: Span<UInt8>, _ slice: Slice) { append(bytes.extracting(slice.range)) }

    /// Sixteen lower-case hexadecimal digits.
    package mutating func append(hex value: UInt64) {
        append(word: Hexadecimal.digits(UInt32(truncatingIfNeeded: value &>> 32)))
        append(word: Hexadecimal.digits(UInt32(truncatingIfNeeded: value)))
    }

    /// A plain decimal number, at most 20 digits.
    package mutating func append(decimal value: UInt64) {
        var digits = 1
        var rest = value / 10
        while rest > 0 {
            digits &+= 1
            rest /= 10
        }
        var place = unsafe reserve(digits) + digits
        rest = value
        for _ in 0..<digits {
            unsafe place -= 1
            unsafe place.storeBytes(of: Byte.zero &+ UInt8(truncatingIfNeeded: rest % 10), as: UInt8.self)
            rest /= 10
        }
    }
}

extension [UInt8] {
    /// Appends what `body` writes, `bytesMax` bytes at most, straight into the array's memory.
    @inline(__always)
    package mutating func write(bytesMax: Int, _ body: (inout ByteWriter) -> Void) {
        // An empty array has no memory of its own.
        guard bytesMax > 0 else { return }
        append(addingCapacity: bytesMax) { room in
            // Safe: the writer checks every write against the memory's end, and does not outlive the closure.
            unsafe room.withUnsafeMutableBufferPointer { memory, count in
                guard let base = memory.baseAddress else { return }
                var writer = unsafe ByteWriter(base: UnsafeMutableRawPointer(base), limit: memory.count)
                body(&writer)
                count = writer.count
            }
        }
    }
}

/// Numbers as hexadecimal text, eight digits at a time.
package enum Hexadecimal {
    /// Words as a text, 16 digits each.
    package static func text<let count: Int>(_ words: InlineArray<count, UInt64>) -> String {
        // Safe: all of the bytes are written, each of which is a digit.
        unsafe String(unsafeUninitializedCapacity: count * 16) { text in
            let bytes = UnsafeMutableRawBufferPointer(text)
            for index in words.indices {
                let high = digits(UInt32(truncatingIfNeeded: words[index] &>> 32))
                let low = digits(UInt32(truncatingIfNeeded: words[index]))
                unsafe bytes.storeBytes(of: high.littleEndian, toByteOffset: index * 16, as: UInt64.self)
                unsafe bytes.storeBytes(of: low.littleEndian, toByteOffset: index * 16 + 8, as: UInt64.self)
            }
            return count * 16
        }
    }

    /// The eight lower-case digits of a number, the first digit in the lowest byte.
    @inlinable
    package static func digits(_ value: UInt32) -> UInt64 {
        // Spread the nibbles over the bytes of a word, then make letters of those above 9.
        var word = UInt64(value.byteSwapped)
        word = (word | word &<< 16) & 0x0000_FFFF_0000_FFFF
        word = (word | word &<< 8) & 0x00FF_00FF_00FF_00FF
        // The higher nibble is the earlier digit.
        word = (word &>> 4 | word &<< 8) & 0x0F0F_0F0F_0F0F_0F0F
        let above = (word &+ 0x0606_0606_0606_0606) &>> 4 & 0x0101_0101_0101_0101
        return word &+ 0x3030_3030_3030_3030 &+ above &* 39
    }
}
