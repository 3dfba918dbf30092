import GatewayWire

/// Writes one line of JSON into memory set aside for it. Past the end nothing is written and `overflowed` is set,
/// so that a caller drops the line as a whole instead of cutting it.
///
/// Safe although it holds a pointer: every write checks `limit` first, and the value lives inside the closure that
/// lends the memory (`LogBlock.appendLine`).
@safe
struct LineWriter {
    private let base: UnsafeMutablePointer<UInt8>
    private let limit: Int
    private(set) var count = 0
    private(set) var overflowed = false

    init(base: UnsafeMutablePointer<UInt8>, limit: Int) {
        unsafe self.base = unsafe base
        self.limit = limit
    }

    @inline(__always)
    private mutating func reserve(_ more: Int) -> Bool {
        if count &+ more <= limit { return true }
        overflowed = true
        return false
    }

    /// Text that is JSON already.
    @inline(__always)
    mutating func raw(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        guard reserve(size) else { return }
        unsafe (base + count).update(from: text.utf8Start, count: size)
        count &+= size
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        guard reserve(1) else { return }
        unsafe base[count] = value
        count &+= 1
    }

    /// Bytes that need no escaping.
    mutating func raw(_ bytes: Span<UInt8>) {
        guard reserve(bytes.count) else { return }
        for index in bytes.indices { unsafe base[count &+ index] = bytes[index] }
        count &+= bytes.count
    }

    mutating func number(_ value: UInt64) {
        guard reserve(20) else { return }
        var digits = 1
        var bound: UInt64 = 10
        while value >= bound, digits < 20 {
            digits &+= 1
            let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
            if overflow { break }
            bound = next
        }
        var rest = value
        var position = count &+ digits
        while position > count {
            position &-= 1
            unsafe base[position] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        count &+= digits
    }

    mutating func number(_ value: Int) { number(UInt64(max(0, value))) }

    /// Decimal digits with leading zeros.
    mutating func padded(_ value: UInt64, digits: Int) {
        guard reserve(digits) else { return }
        var rest = value
        var position = count &+ digits
        while position > count {
            position &-= 1
            unsafe base[position] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        count &+= digits
    }

    /// 16 lower-case hexadecimal digits.
    mutating func hex(_ value: UInt64) {
        guard reserve(16) else { return }
        let place = unsafe UnsafeMutableRawPointer(base + count)
        let high = Hexadecimal.digits(UInt32(truncatingIfNeeded: value &>> 32)).littleEndian
        let low = Hexadecimal.digits(UInt32(truncatingIfNeeded: value)).littleEndian
        unsafe place.storeBytes(of: high, as: UInt64.self)
        unsafe place.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
        count &+= 16
    }

    /// A string's content, escaped, without the quotes; at most `bytesMax` bytes of it.
    mutating func escaped(_ text: String, bytesMax: Int = 256) {
        escaped(text.utf8Span.span, bytesMax: bytesMax)
    }

    /// Escapes bytes of any kind: what is not UTF-8 becomes U+FFFD, so that a line is always JSON.
    mutating func escaped(_ source: Span<UInt8>, bytesMax: Int = 256) {
        var size = min(source.count, bytesMax)
        // A cut must not split a character: step back over its continuation bytes.
        if size < source.count {
            while size > 0, source[size] & 0xC0 == 0x80 { size &-= 1 }
        }
        guard reserve(size &* 6) else { return }
        var index = 0
        // The last eight bytes of a text of plain bytes may be written twice.
        if size >= 8 {
            while index &+ 8 <= size, copyPlain(source, index, to: index) { index &+= 8 }
            if index &+ 8 > size, copyPlain(source, size &- 8, to: size &- 8) {
                count &+= size
                return
            }
            count &+= index
        }
        while index < size {
            // Eight plain bytes at once; the range was checked by the loop's condition.
            while index &+ 8 <= size {
                let word = unsafe source.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
                guard LineWriter.isPlain(word) else { break }
                unsafe UnsafeMutableRawPointer(base + count).storeBytes(of: word, as: UInt64.self)
                count &+= 8
                index &+= 8
            }
            guard index < size else { break }
            let value = source[index]
            if value >= 0x20, value < 0x80, value != 0x22, value != 0x5C {
                unsafe base[count] = value
                count &+= 1
                index &+= 1
            } else {
                index &+= special(source, index, size)
            }
        }
    }

    /// Copies eight bytes of a text that begins at `count` if all are plain. The range was checked, and there is room.
    @inline(__always)
    private func copyPlain(_ source: Span<UInt8>, _ index: Int, to offset: Int) -> Bool {
        let word = unsafe source.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
        guard LineWriter.isPlain(word) else { return false }
        unsafe UnsafeMutableRawPointer(base + count).storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        return true
    }

    /// Whether all eight bytes are ASCII from space on, and neither a quote nor a backslash. A zero byte is found by
    /// the borrow of subtracting one; a wrong alarm only takes the slow way.
    @inline(__always)
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let quotes = (word ^ (ones &* 0x22)) &- ones
        let slashes = (word ^ (ones &* 0x5C)) &- ones
        let controls = word &- (ones &* 0x20)
        return (word | quotes | slashes | controls) & highs == 0
    }

    /// Writes the unusual byte at `index` and returns how many bytes of the source it took. Room is reserved.
    private mutating func special(_ source: Span<UInt8>, _ index: Int, _ size: Int) -> Int {
        let value = source[index]
        if value < 0x80 {
            unsafe base[count] = 0x5C
            count &+= 1
            if value == 0x22 || value == 0x5C {
                unsafe base[count] = value
                count &+= 1
            } else {
                unsafe (base + count).update(from: ("u00" as StaticString).utf8Start, count: 3)
                let low = value & 15
                unsafe base[count &+ 3] = 0x30 &+ (value >> 4)
                unsafe base[count &+ 4] = low < 10 ? 0x30 &+ low : 0x57 &+ low
                count &+= 5
            }
            return 1
        }
        let length = LineWriter.sequenceLength(source, index, size)
        guard length > 0 else {
            unsafe (base + count).update(from: ("\u{FFFD}" as StaticString).utf8Start, count: 3)
            count &+= 3
            return 1
        }
        for step in 0..<length { unsafe base[count &+ step] = source[index &+ step] }
        count &+= length
        return length
    }

    /// The length of the well-formed UTF-8 sequence (Unicode 16, table 3-7) at `index`, 0 if there is none.
    private static func sequenceLength(_ source: Span<UInt8>, _ index: Int, _ size: Int) -> Int {
        let lead = source[index]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, lead <= 0xF4, index + length <= size else { return 0 }
        let second = source[index + 1]
        let lowest: UInt8 = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80
        let highest: UInt8 = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF
        guard second >= lowest, second <= highest else { return 0 }
        for step in 2..<max(2, length) where source[index + step] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
