import GatewayWire

/// Builds one record after the other in memory that is used again. A record is its length and checksum, four bytes
/// each, least byte first, and its content; counts in it are LEB128, texts are a count of bytes and UTF-8.
///
/// Every call writes two records of some hundred values, which an array would check one by one whether it is shared.
/// Safe although it holds a pointer, to send too: `room` comes before every write, nothing reads behind `count`, and
/// the memory goes with its only owner, of which no copy can be made.
@safe
struct RecordWriter: ~Copyable, @unchecked Sendable {
    static let headBytes = 8
    /// A longer text is cut: nothing that names a caller is that long.
    static let textBytesMax = 4_096
    /// The bytes of a long number.
    private static let numberBytesMax = 19

    private var memory: UnsafeMutableRawPointer
    private var capacity = 4_096
    private(set) var count = 0
    private var start = 0

    init() { unsafe memory = .allocate(byteCount: capacity, alignment: 8) }

    deinit { unsafe memory.deallocate() }

    mutating func removeAll() { count = 0 }

    /// The records so far, whole ones and the one at hand.
    func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        let bytes = unsafe UnsafeBufferPointer(start: memory.assumingMemoryBound(to: UInt8.self), count: count)
        return unsafe body(bytes.span)
    }

    var bytes: [UInt8] { withBytes { unsafe $0.withUnsafeBufferPointer { unsafe Array($0) } } }

    mutating func begin(_ kind: JournalRecord.Kind) {
        start = count
        room(RecordWriter.headBytes + 1)
        count &+= RecordWriter.headBytes
        put(kind.rawValue)
    }

    /// Ends the record that `begin` began. The seed ties it to its segment.
    mutating func end(seed: UInt64) {
        let content = start + RecordWriter.headBytes
        let length = UInt32(count - content)
        let check = withBytes { RecordWriter.checksum($0.extracting(content..<count), seed: seed) }
        unsafe memory.storeBytes(of: length.littleEndian, toByteOffset: start, as: UInt32.self)
        unsafe memory.storeBytes(of: check.littleEndian, toByteOffset: start + 4, as: UInt32.self)
    }

    static func checksum(_ content: Span<UInt8>, seed: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: Hash64.of(content, seed: seed) >> 16)
    }

    mutating func add(_ byte: UInt8) {
        room(1)
        put(byte)
    }

    /// Negative numbers are written as 0: none of the counts can be one.
    mutating func add(_ value: Int) { add(UInt64(max(0, value))) }

    @inline(__always)
    mutating func add(_ value: UInt64) {
        room(RecordWriter.numberBytesMax)
        // Most numbers are small.
        if value < 0x80 { put(UInt8(truncatingIfNeeded: value)) } else { addLong(value) }
    }

    /// Where there is room.
    @inline(never)
    private mutating func addLong(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    mutating func add(_ value: Int128) {
        guard value > Int128(UInt64.max) else { return add(UInt64(max(0, value))) }
        room(RecordWriter.numberBytesMax)
        var rest = UInt128(value)
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    mutating func add(_ text: String) {
        // Half of a row's texts are empty.
        guard !text.isEmpty else { return add(UInt8(0)) }
        guard text.utf8.count <= RecordWriter.textBytesMax else { return add(RecordWriter.cut(text)) }
        // Where it lies: a span of a text is asked for by calls into the library.
        let isAdded: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { unsafe add(utf8: $0.span) }
        if isAdded == nil { add(utf8: text.utf8Span.span) }
    }

    private mutating func add(utf8: Span<UInt8>) {
        room(RecordWriter.numberBytesMax + utf8.count)
        add(UInt64(utf8.count))
        unsafe utf8.withUnsafeBytes { bytes in
            guard let text = bytes.baseAddress else { return }
            unsafe memory.advanced(by: count).copyMemory(from: text, byteCount: bytes.count)
        }
        count &+= utf8.count
    }

    private static func cut(_ text: String) -> String {
        var cut = ""
        for scalar in text.unicodeScalars {
            guard cut.utf8.count + 4 <= textBytesMax else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut
    }

    // MARK: Memory

    /// Only where there is room.
    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        unsafe memory.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    /// Makes room for so many bytes.
    @inline(__always)
    private mutating func room(_ more: Int) {
        if capacity &- count < more { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        unsafe larger.copyMemory(from: memory, byteCount: count)
        unsafe memory.deallocate()
        unsafe memory = larger
    }
}
