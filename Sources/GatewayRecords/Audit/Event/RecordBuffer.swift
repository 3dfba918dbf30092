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

    /// Takes back what was written behind a place.
    func removeAll(from place: Int) {
        precondition(place >= 0 && place <= count)
        count = place
    }

    /// What has been written there, for the duration of a call.
    func withBytes<Result>(_ range: Range<Int>, _ body: (Span<UInt8>) -> Result) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        let bytes = unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
        return unsafe bytes.withMemoryRebound(to: UInt8.self) { unsafe body($0.span) }
    }

    var bytes: [UInt8] { withBytes(0..<count) { span in unsafe span.withUnsafeBufferPointer { unsafe Array($0) } } }

    /// A number of four bytes, least byte first, over what was written there.
    func set(_ value: UInt32, at place: Int) {
        precondition(place >= 0 && place + 4 <= count)
        unsafe base.storeBytes(of: value.littleEndian, toByteOffset: place, as: UInt32.self)
    }

    /// 16 hexadecimal digits over what was written there.
    func set(hex value: UInt64, at place: Int) {
        precondition(place >= 0 && place + 16 <= count)
        put(hex: value, at: place)
    }

    /// Puts a name and its value before what was written behind a place.
    func insert(_ name: StaticString, _ value: Span<UInt8>, at place: Int) {
        precondition(place >= 0 && place <= count)
        let more = name.utf8CodeUnitCount &+ value.count
        ensure(more)
        unsafe (base + (place &+ more)).copyMemory(from: base + place, byteCount: count &- place)
        unsafe RecordBuffer.copy(name.utf8Start, to: base + place, name.utf8CodeUnitCount)
        unsafe value.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe (base + (place &+ name.utf8CodeUnitCount)).copyMemory(from: start, byteCount: bytes.count)
        }
        count &+= more
    }

    /// Bytes over what was written there.
    func set(_ bytes: Span<UInt8>, at place: Int) {
        precondition(place >= 0 && place + bytes.count <= count)
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe (base + place).copyMemory(from: start, byteCount: bytes.count)
        }
    }

    // MARK: Pieces

    @inline(__always)
    func append(_ byte: UInt8) {
        ensure(1)
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    /// So many bytes that are set later, or mean nothing.
    func appendZeros(_ size: Int) {
        ensure(size)
        _ = unsafe (base + count).initializeMemory(as: UInt8.self, repeating: 0, count: size)
        count &+= size
    }

    func append(_ span: Span<UInt8>) {
        ensure(span.count)
        unsafe span.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + count).copyMemory(from: start, byteCount: source.count)
        }
        count &+= span.count
    }

    /// The lowest bytes of a word, 8 at most.
    @inline(__always)
    func append(_ size: Int, of word: UInt64) {
        ensure(8)
        unsafe base.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= min(8, max(0, size))
    }

    /// `,"name":`, the comma when asked for. Inlined, all of it are a few words that the compiler knows.
    @inline(__always)
    func append(key name: StaticString, comma: Bool) {
        let size = name.utf8CodeUnitCount
        ensure(size &+ 4)
        // Whether or not it stays, a byte is cheaper than a branch.
        unsafe base.storeBytes(of: UInt16(0x222C).littleEndian, toByteOffset: count, as: UInt16.self)
        let place = count &+ (comma ? 2 : 1)
        unsafe base.storeBytes(of: 0x22, toByteOffset: place &- 1, as: UInt8.self)
        unsafe RecordBuffer.copy(name.utf8Start, to: base + place, size)
        unsafe base.storeBytes(
            of: UInt16(0x3A22).littleEndian, toByteOffset: place &+ size, as: UInt16.self)
        count = place &+ size &+ 2
    }

    @inline(__always)
    func append(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        ensure(size)
        unsafe RecordBuffer.copy(text.utf8Start, to: base + count, size)
        count &+= size
    }

    /// Names are short: two words that overlap are all of most.
    @inline(__always)
    private static func copy(_ from: UnsafeRawPointer, to place: UnsafeMutableRawPointer, _ size: Int) {
        if size >= 8, size <= 16 {
            let (first, last) = unsafe (
                from.loadUnaligned(as: UInt64.self), (from + (size &- 8)).loadUnaligned(as: UInt64.self)
            )
            unsafe place.storeBytes(of: first, as: UInt64.self)
            unsafe (place + (size &- 8)).storeBytes(of: last, as: UInt64.self)
        } else if size >= 4, size < 8 {
            let (first, last) = unsafe (
                from.loadUnaligned(as: UInt32.self), (from + (size &- 4)).loadUnaligned(as: UInt32.self)
            )
            unsafe place.storeBytes(of: first, as: UInt32.self)
            unsafe (place + (size &- 4)).storeBytes(of: last, as: UInt32.self)
        } else {
            unsafe place.copyMemory(from: from, byteCount: size)
        }
    }

    /// A text in quotes. A Swift string is UTF-8, so only control characters, quotes and backslashes need a look.
    func append(quoted text: Span<UInt8>) {
        ensure(text.count &+ 2)
        put(0x22)
        let isPlain = unsafe text.withUnsafeBytes { bytes in
            unsafe bytes.baseAddress.map { unsafe RecordBuffer.copyPlain($0, to: base + count, bytes.count) } ?? true
        }
        if isPlain { count &+= text.count } else { append(escaped: text) }
        put(0x22)
    }

    /// Copies a text as long as nothing in it needs an escape; false if something does. The words are looked at before
    /// they are written: read again at another place they would have to wait for that.
    @inline(__always)
    private static func copyPlain(_ from: UnsafeRawPointer, to place: UnsafeMutableRawPointer, _ size: Int) -> Bool {
        if size >= 8 {
            var index = 0
            while index < size {
                // The last word ends where the text ends, and may repeat something.
                index = min(index, size &- 8)
                let word = unsafe from.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                guard isPlain(word) else { return false }
                unsafe place.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
                index &+= 8
            }
        } else if size >= 4 {
            let (first, last) = unsafe (
                from.loadUnaligned(as: UInt32.self), (from + (size &- 4)).loadUnaligned(as: UInt32.self)
            )
            guard isPlain(UInt64(first) | UInt64(last) &<< 32) else { return false }
            unsafe place.storeBytes(of: first, as: UInt32.self)
            unsafe (place + (size &- 4)).storeBytes(of: last, as: UInt32.self)
        } else {
            for index in 0..<size {
                let byte = unsafe from.load(fromByteOffset: index, as: UInt8.self)
                guard isPlain(UInt64(byte) | spaces &<< 8) else { return false }
                unsafe place.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
        }
        return true
    }

    /// The same of any text; leaves room for a quote.
    @inline(never)
    private func append(escaped text: Span<UInt8>) {
        // The longest escape is six bytes.
        ensure(text.count * 6 + 1)
        var rest = text
        while !rest.isEmpty {
            let part = rest.extracting(first: 8)
            let isPlain = unsafe part.withUnsafeBytes { bytes in
                unsafe bytes.baseAddress.map { unsafe RecordBuffer.copyPlain($0, to: base + count, bytes.count) }
            }
            if isPlain == true {
                count &+= part.count
            } else {
                for index in part.indices { putEscaped(part[index]) }
            }
            rest = rest.extracting(droppingFirst: 8)
        }
    }

    func append(decimal value: Int) {
        // The longest has a sign and 19 digits.
        ensure(20)
        if value < 0 { put(0x2D) }
        var rest = value.magnitude
        guard rest >= 10 else { return put(0x30 &+ UInt8(truncatingIfNeeded: rest)) }
        let digits = RecordBuffer.digits(rest)
        var place = count &+ digits
        count = place
        while rest >= 10 {
            let pair = UInt16(truncatingIfNeeded: rest % 100)
            rest /= 100
            // The tens, and in the next byte the ones.
            let tens = (pair &* 103) &>> 10
            let both = 0x3030 &+ tens &+ (pair &- tens &* 10) &<< 8
            place &-= 2
            unsafe base.storeBytes(of: both.littleEndian, toByteOffset: place, as: UInt16.self)
        }
        if digits & 1 == 1 {
            let first = 0x30 &+ UInt8(truncatingIfNeeded: rest)
            unsafe base.storeBytes(of: first, toByteOffset: place &- 1, as: UInt8.self)
        }
    }

    /// How many digits a number has: by its bits, which tell it but for one.
    @inline(__always)
    private static func digits(_ value: UInt) -> Int {
        let bits = UInt.bitWidth &- value.leadingZeroBitCount
        let least = (bits &* 1_233) &>> 12
        return least &+ (value >= powers[least] ? 1 : 0)
    }

    /// Of ten, as many as a word has room for.
    private static let powers: InlineArray<20, UInt> = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
        100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
        10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
    ]

    /// 16 hexadecimal digits.
    func append(hex value: UInt64) {
        ensure(16)
        put(hex: value, at: count)
        count &+= 16
    }

    // MARK: Inside

    private func put(hex value: UInt64, at place: Int) {
        let high = Hexadecimal.digits(UInt32(truncatingIfNeeded: value &>> 32))
        let low = Hexadecimal.digits(UInt32(truncatingIfNeeded: value))
        unsafe base.storeBytes(of: high.littleEndian, toByteOffset: place, as: UInt64.self)
        unsafe base.storeBytes(of: low.littleEndian, toByteOffset: place &+ 8, as: UInt64.self)
    }

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

    private static let spaces: UInt64 = 0x2020_2020_2020_2020

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
