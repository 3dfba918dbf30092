/// Reads the content of one record; anything that does not fit is nil, never a trap.
struct RecordReader {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    mutating func byte() -> UInt8? { bytes.popFirst() }

    mutating func wide() -> Int128? {
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
        guard let value = wide() else { return nil }
        return Int(exactly: value)
    }

    mutating func text() -> String? {
        guard let count = count(), count <= RecordWriter.textBytesMax, count <= bytes.count else { return nil }
        defer { bytes.removeFirst(count) }
        if count == 0 { return "" }
        guard let text = try? UTF8Span(validating: bytes.span.extracting(first: count)) else { return nil }
        return String(copying: text)
    }
}
