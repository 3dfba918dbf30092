import GatewayModel

/// Strict JSON (RFC 8259) to trees with places. Several values may follow each other, as in JSON lines.
struct JSONReader {
    private let bytes: [UInt8]
    private let file: String
    private let limits: Limits
    private var index = 0
    private var line = 1
    private var lineStart = 0
    private var counted = (index: 0, column: 1)

    private init(_ bytes: [UInt8], file: String, limits: Limits) {
        self.bytes = bytes
        self.file = file
        self.limits = limits
    }

    static func documents(_ bytes: [UInt8], file: String, limits: Limits) throws(Diagnostic) -> [ConfigNode] {
        var reader = JSONReader(bytes, file: file, limits: limits)
        var documents: [ConfigNode] = []
        reader.skipSpace()
        while reader.index < bytes.count {
            let node = try reader.value(depth: 0)
            if node.value != .null { documents.append(node) }
            reader.skipSpace()
        }
        return documents
    }

    /// Columns are counted on from the last place asked for: a document may be one long line.
    private var here: SourcePosition {
        mutating get {
            let end = min(index, bytes.count)
            if counted.index < lineStart || counted.index > end { counted = (lineStart, 1) }
            for place in counted.index..<end where bytes[place] & 0xC0 != 0x80 { counted.column += 1 }
            counted.index = end
            return SourcePosition(file: file, line: line, column: counted.column)
        }
    }

    private mutating func problem(_ message: String, hint: String? = nil) -> Diagnostic {
        Diagnostic(.syntax, at: here, message, hint: hint)
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x0A:
                line += 1
                lineStart = index + 1
            case 0x20, 0x09, 0x0D: break
            default: return
            }
            index += 1
        }
    }

    private mutating func value(depth: Int) throws(Diagnostic) -> ConfigNode {
        skipSpace()
        let at = here
        guard index < bytes.count else { throw problem("unexpected end of JSON") }
        if depth >= limits.configurationDepthMax, [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(bytes[index]) {
            throw Diagnostic(
                .tooLarge, at: at, "nested deeper than \(limits.configurationDepthMax) levels", hint: "flatten it")
        }
        switch bytes[index] {
        case UInt8(ascii: "{"): return ConfigNode(.mapping(try object(depth: depth)), at: at)
        case UInt8(ascii: "["): return ConfigNode(.sequence(try array(depth: depth)), at: at)
        case UInt8(ascii: "\""): return ConfigNode(.string(try string()), at: at)
        case UInt8(ascii: "t"): return try word("true", .bool(true), at: at)
        case UInt8(ascii: "f"): return try word("false", .bool(false), at: at)
        case UInt8(ascii: "n"): return try word("null", .null, at: at)
        default: return ConfigNode(.number(try number()), at: at)
        }
    }

    private mutating func word(
        _ text: String, _ value: ConfigNode.Value, at: SourcePosition
    ) throws(Diagnostic) -> ConfigNode {
        guard bytes[index...].starts(with: text.utf8) else { throw problem("unexpected character in JSON") }
        index += text.utf8.count
        return ConfigNode(value, at: at)
    }

    private mutating func object(depth: Int) throws(Diagnostic) -> [ConfigNode.Field] {
        index += 1
        var fields: [ConfigNode.Field] = []
        var seen: [String: SourcePosition] = [:]
        skipSpace()
        if take("}") { return fields }
        while true {
            skipSpace()
            let keyAt = here
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                throw problem("expected a key in JSON", hint: "write it in double quotes, and no comma before }")
            }
            let key = try string()
            if let first = seen.updateValue(keyAt, forKey: key) {
                throw Diagnostic(
                    .duplicateKey, at: keyAt, "duplicate key \"\(key)\"",
                    hint: "it stands at line \(first.line) already; remove one")
            }
            skipSpace()
            guard take(":") else { throw problem("expected \":\" in JSON") }
            fields.append(ConfigNode.Field(key: key, keyPosition: keyAt, value: try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return fields }
            guard take(",") else { throw problem("expected \",\" or \"}\" in JSON") }
        }
    }

    private mutating func array(depth: Int) throws(Diagnostic) -> [ConfigNode] {
        index += 1
        var elements: [ConfigNode] = []
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw problem("expected \",\" or \"]\" in JSON") }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func number() throws(Diagnostic) -> String {
        let start = index
        func digits(_ from: Int) -> Int { bytes[from...].prefix { (0x30...0x39).contains($0) }.count }
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        let whole = digits(index)
        guard whole > 0 else { throw problem("unexpected character in JSON") }
        if whole > 1, bytes[index] == UInt8(ascii: "0") { throw problem("number with a leading zero in JSON") }
        index += whole
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            let count = digits(index + 1)
            guard count > 0 else { throw problem("number without digits after the point in JSON") }
            index += 1 + count
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            let count = index < bytes.count ? digits(index) : 0
            guard count > 0 else { throw problem("number without exponent digits in JSON") }
            index += count
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func string() throws(Diagnostic) -> String {
        index += 1
        var result: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"): result += Array(String(try escape()).utf8)
            case 0..<0x20: throw problem("control character in a JSON string", hint: "escape it")
            default:
                result.append(byte)
                index += 1
            }
        }
        throw problem("unterminated JSON string")
    }

    private mutating func escape() throws(Diagnostic) -> Unicode.Scalar {
        index += 1
        guard index < bytes.count else { throw problem("unterminated JSON string") }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let high = try hexadecimal()
            if (0xD800...0xDBFF).contains(high), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                let low = try hexadecimal()
                guard (0xDC00...0xDFFF).contains(low) else { throw problem("lone surrogate in a JSON string") }
                guard let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) else {
                    throw problem("lone surrogate in a JSON string")
                }
                return scalar
            }
            guard let scalar = Unicode.Scalar(high) else { throw problem("lone surrogate in a JSON string") }
            return scalar
        default: throw problem("unknown escape in a JSON string")
        }
    }

    private mutating func hexadecimal() throws(Diagnostic) -> UInt32 {
        guard index + 4 <= bytes.count else { throw problem("unterminated JSON string") }
        let digits = bytes[index..<(index + 4)]
        guard digits.allSatisfy({ ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x66 || (0x30...0x39).contains($0) }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw problem("unknown escape in a JSON string") }
        index += 4
        return value
    }
}
