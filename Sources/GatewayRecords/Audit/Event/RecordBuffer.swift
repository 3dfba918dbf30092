import GatewayWire

/// Bytes that grow in place: a record is some two hundred small pieces, and an array would ask for each one whether it
/// is its only owner and has room.
///
/// Safe although it holds a pointer: every piece makes sure of room for its longest form first, and nobody else gets
/// the memory but by a span.
@safe
final class RecordBuffer {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 16_384) {
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        self.capacity = capacity
    }

    deinit { unsafe base.deallocate() }

    func removeAll() { count = 0 }

    /// What has been written, for the duration of a call.
    func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(start: base, count: count)
        return unsafe bytes.withMemoryRebound(to: UInt8.self) { unsafe body($0.span) }
    }

    func copy(_ range: Range<Int>, to out: inout [UInt8]) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        unsafe out.append(contentsOf: UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    // MARK: Pieces

    @inline(__always)
    func append(_ byte: UInt8) {
        ensure(1)
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    /// `,"name":`, the comma when asked for.
    func append(key name: StaticString, comma: Bool) {
        let size = name.utf8CodeUnitCount
        ensure(size + 4)
        if comma { put(0x2C) }
        put(0x22)
        unsafe (base + count).copyMemory(from: name.utf8Start, byteCount: size)
        count &+= size
        put(0x22)
        put(0x3A)
    }

    func append(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        ensure(size)
        unsafe (base + count).copyMemory(from: text.utf8Start, byteCount: size)
        count &+= size
    }

    /// A text in quotes. A Swift string is UTF-8, so only control characters, quotes and backslashes need a look.
    func append(quoted text: Span<UInt8>) {
        // The longest escape is six bytes, and whole words are stored before it is known how much of them stays.
        ensure(text.count * 6 + 10)
        put(0x22)
        unsafe text.withUnsafeBytes { source in
            var index = 0
            while index &+ 8 <= source.count {
                let word = unsafe source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if RecordBuffer.isPlain(word) {
                    unsafe base.storeBytes(of: word, toByteOffset: count, as: UInt64.self)
                    count &+= 8
                } else {
                    for offset in index..<(index &+ 8) { putEscaped(unsafe source[offset]) }
                }
                index &+= 8
            }
            while index < source.count {
                putEscaped(unsafe source[index])
                index &+= 1
            }
        }
        put(0x22)
    }

    func append(decimal value: Int) {
        var digits = 1
        var rest = value.magnitude / 10
        while rest > 0 {
            digits &+= 1
            rest /= 10
        }
        ensure(digits + 1)
        if value < 0 { put(0x2D) }
        rest = value.magnitude
        var place = count &+ digits
        count = place
        for _ in 0..<digits {
            place &-= 1
            unsafe base.storeBytes(
                of: 0x30 &+ UInt8(truncatingIfNeeded: rest % 10), toByteOffset: place, as: UInt8.self)
            rest /= 10
        }
    }

    /// 16 hexadecimal digits.
    func append(hex value: UInt64) {
        ensure(16)
        let high = Hexadecimal.digits(UInt32(truncatingIfNeeded: value &>> 32))
        let low = Hexadecimal.digits(UInt32(truncatingIfNeeded: value))
        unsafe base.storeBytes(of: high.littleEndian, toByteOffset: count, as: UInt64.self)
        unsafe base.storeBytes(of: low.littleEndian, toByteOffset: count &+ 8, as: UInt64.self)
        count &+= 16
    }

    // MARK: Inside

    /// Into room that is known to be there.
    @inline(__always)
    private func put(_ byte: UInt8) {
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    private func putEscaped(_ byte: UInt8) {
        switch byte {
        case 0x20...0x21, 0x23...0x5B, 0x5D...: put(byte)
        case 0x22, 0x5C: putEscape(byte)
        case 0x08: putEscape(0x62)
        case 0x09: putEscape(0x74)
        case 0x0A: putEscape(0x6E)
        case 0x0C: putEscape(0x66)
        case 0x0D: putEscape(0x72)
        default:
            putEscape(0x75)
            put(0x30)
            put(0x30)
            put(0x30 &+ byte &>> 4)
            put(byte & 15 < 10 ? 0x30 &+ byte & 15 : 0x57 &+ byte & 15)
        }
    }

    private func putEscape(_ letter: UInt8) {
        put(0x5C)
        put(letter)
    }

    /// No byte below a space, no quote, no backslash.
    @inline(__always)
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ ones &* 0x22
        let backslash = word ^ ones &* 0x5C
        let found = (word &- ones &* 0x20) & ~word | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash
        return found & (ones &* 0x80) == 0
    }

    @inline(__always)
    private func ensure(_ more: Int) {
        if more > capacity &- count { grow(more) }
    }

    @inline(never)
    private func grow(_ more: Int) {
        let larger = max(capacity * 2, count + more)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        unsafe memory.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = memory
        capacity = larger
    }
}
