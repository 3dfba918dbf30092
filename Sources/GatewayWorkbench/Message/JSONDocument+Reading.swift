extension JSONDocument {
    /// nil when the bytes are not one JSON text (RFC 8259) of bounded depth.
    package init?(json bytes: [UInt8]) {
        var reader = JSONDocumentReader(bytes)
        guard let value = reader.document() else { return nil }
        self = value
    }

    package init?(json text: String) { self.init(json: Array(text.utf8)) }
}

/// Reads by recursive descent; the workbench's own reading, so that the gateway's is checked.
private struct JSONDocumentReader {
    private static let depthMax = 200

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() -> JSONDocument? {
        guard let value = value() else { return nil }
        skipSpace()
        // Not `? value : nil`: that nil would be JSON's null.
        guard index == bytes.count else { return nil }
        return value
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    private mutating func word(_ text: StaticString, _ value: JSONDocument) -> JSONDocument? {
        let expected = Array("\(text)".utf8)
        guard bytes[index...].starts(with: expected) else { return nil }
        index += expected.count
        return value
    }

    private mutating func value() -> JSONDocument? {
        skipSpace()
        switch next {
        case 0x7B: return nested { $0.object() }
        case 0x5B: return nested { $0.array() }
        case 0x22: return string().map(JSONDocument.string)
        case 0x74: return word("true", .bool(true))
        case 0x66: return word("false", .bool(false))
        case 0x6E: return word("null", .null)
        default: return number()
        }
    }

    private mutating func nested(_ read: (inout JSONDocumentReader) -> JSONDocument?) -> JSONDocument? {
        guard depth < Self.depthMax else { return nil }
        depth += 1
        defer { depth -= 1 }
        index += 1
        return read(&self)
    }

    private mutating func object() -> JSONDocument? {
        var members: [JSONDocument.Member] = []
        skipSpace()
        if take(0x7D) { return .object([]) }
        while true {
            skipSpace()
            guard next == 0x22, let name = string() else { return nil }
            skipSpace()
            guard take(0x3A), let value = value() else { return nil }
            members.append(JSONDocument.Member(name: name, value: value))
            skipSpace()
            if take(0x7D) { return .object(members) }
            guard take(0x2C) else { return nil }
        }
    }

    private mutating func array() -> JSONDocument? {
        var items: [JSONDocument] = []
        skipSpace()
        if take(0x5D) { return .array([]) }
        while true {
            guard let value = value() else { return nil }
            items.append(value)
            skipSpace()
            if take(0x5D) { return .array(items) }
            guard take(0x2C) else { return nil }
        }
    }

    private mutating func number() -> JSONDocument? {
        let start = index
        while let byte = next, (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte) {
            index += 1
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        guard let first = text.utf8.first, first == 0x2D || (0x30...0x39).contains(first), Double(text) != nil,
            text.utf8.last.map({ (0x30...0x39).contains($0) }) == true
        else { return nil }
        return .number(text)
    }

    private mutating func string() -> String? {
        index += 1
        var out: [UInt8] = []
        var run = index
        while let byte = next {
            switch byte {
            case 0x22:
                out += bytes[run..<index]
                index += 1
                return String(validating: out, as: UTF8.self)
            case 0x5C:
                out += bytes[run..<index]
                index += 1
                guard escape(&out) else { return nil }
                run = index
            case 0..<0x20: return nil
            default: index += 1
            }
        }
        return nil
    }

    private mutating func escape(_ out: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        index += 1
        switch byte {
        case 0x22, 0x5C, 0x2F: out.append(byte)
        case 0x62: out.append(0x08)
        case 0x66: out.append(0x0C)
        case 0x6E: out.append(0x0A)
        case 0x72: out.append(0x0D)
        case 0x74: out.append(0x09)
        case 0x75:
            guard let unit = hexUnit() else { return false }
            var scalar = UInt32(unit)
            if (0xD800..<0xDC00).contains(unit), bytes[index...].starts(with: [0x5C, 0x75]) {
                index += 2
                guard let low = hexUnit(), (0xDC00..<0xE000).contains(low) else { return false }
                scalar = 0x10000 + (scalar - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            }
            out += String(Character(Unicode.Scalar(scalar) ?? "\u{FFFD}")).utf8
        default: return false
        }
        return true
    }

    private mutating func hexUnit() -> UInt16? {
        guard index + 4 <= bytes.count else { return nil }
        var unit: UInt16 = 0
        for byte in bytes[index..<index + 4] {
            guard let digit = hexValue(byte) else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        index += 4
        return unit
    }
}
