import GatewayWire

/// Builds one record after the other in a buffer that is used again. A record is its length and checksum, four
/// bytes each, least byte first, and its content; counts in it are LEB128, texts are a count of bytes and UTF-8.
struct RecordWriter {
    static let headBytes = 8
    /// A longer text is cut: nothing that names a caller is that long.
    static let textBytesMax = 4_096

    private(set) var bytes: [UInt8] = []
    private var start = 0

    init() { bytes.reserveCapacity(4_096) }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func begin(_ kind: JournalRecord.Kind) {
        start = bytes.count
        bytes.append(contentsOf: [0, 0, 0, 0, 0, 0, 0, 0])
        bytes.append(kind.rawValue)
    }

    /// Ends the record that `begin` began. The seed ties it to its segment.
    mutating func end(seed: UInt64) {
        let content = start + RecordWriter.headBytes
        let length = UInt32(bytes.count - content)
        let check = RecordWriter.checksum(bytes.span.extracting(content..<bytes.count), seed: seed)
        for index in 0..<4 {
            bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(index * 8))
            bytes[start + 4 + index] = UInt8(truncatingIfNeeded: check >> UInt32(index * 8))
        }
    }

    static func checksum(_ content: Span<UInt8>, seed: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: Hash64.of(content, seed: seed) >> 16)
    }

    mutating func add(_ byte: UInt8) { bytes.append(byte) }

    /// Negative numbers are written as 0: none of the counts can be one.
    mutating func add(_ value: Int) { add(UInt64(max(0, value))) }

    mutating func add(_ value: UInt64) {
        guard value >= 0x80 else { return bytes.append(UInt8(truncatingIfNeeded: value)) }
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func add(_ value: Int128) {
        guard value > Int128(UInt64.max) else { return add(UInt64(max(0, value))) }
        var rest = UInt128(value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func add(_ text: String) {
        // Half of a row's texts are empty.
        guard !text.isEmpty else { return bytes.append(0) }
        let utf8 = text.utf8Span.span
        guard utf8.count <= RecordWriter.textBytesMax else { return add(RecordWriter.cut(text)) }
        add(UInt64(utf8.count))
        HTTP1Serializer.append(utf8, to: &bytes)
    }

    private static func cut(_ text: String) -> String {
        var cut = ""
        for scalar in text.unicodeScalars {
            guard cut.utf8.count + 4 <= textBytesMax else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut
    }
}
