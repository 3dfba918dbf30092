/// Reads the content of one record; anything that does not fit is nil, never a trap.
struct RecordReader {
    private let bytes: [UInt8]
    private(set) var index: Int
    private let end: Int

    /// The record's content is `range` of `bytes`.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        index = range.lowerBound
        end = range.upperBound
    }

    /// What has not been read.
    var rest: Range<Int> { index..<end }

    mutating func byte() -> UInt8? {
        guard index < end else { return nil }
        defer { index &+= 1 }
        return bytes[index]
    }

    mutating func wide() -> Int128? {
        // Nearly all numbers fit into half of that.
        let start = index
        if let count = count() { return Int128(count) }
        index = start
        var value: UInt128 = 0
        var shift: UInt128 = 0
        while let byte = byte() {
            guard shift < 126 else { return nil }
            value |= UInt128(byte & 0x7F) << shift
            if byte < 0x80 { return Int128(exactly: value) }
            shift += 7
        }
        return nil
    }

    mutating func count() -> Int? {
        guard index < end else { return nil }
        var byte = bytes[index]
        var value = UInt64(byte & 0x7F)
        var shift: UInt64 = 7
        index &+= 1
        while byte >= 0x80 {
            guard shift < 63, index < end else { return nil }
            byte = bytes[index]
            value |= UInt64(byte & 0x7F) &<< shift
            shift &+= 7
            index &+= 1
        }
        return Int(value)
    }

    /// Where a text lies.
    mutating func range() -> Range<Int>? {
        guard let count = count(), count <= RecordWriter.textBytesMax, count <= end - index else { return nil }
        defer { index += count }
        return index..<(index + count)
    }

    mutating func text() -> String? { range().flatMap { text($0) } }

    /// Nil for what is no UTF-8.
    func text(_ range: Range<Int>) -> String? {
        guard !range.isEmpty else { return "" }
        guard let text = try? UTF8Span(validating: bytes.span.extracting(range)) else { return nil }
        return String(copying: text)
    }
}
