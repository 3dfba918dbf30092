/// Strings and bytes between quotes: single or triple, raw or with escapes.
extension CELLexer {
    mutating func literal(isRaw: Bool, isBytes: Bool) throws(CELError) -> CELToken.Kind {
        let start = position
        let quote = source[position]
        let isTriple = peek(1) == quote && peek(2) == quote
        position += isTriple ? 3 : 1
        var content: [UInt8] = []
        while true {
            guard let byte = peek(), isTriple || (byte != 0x0A && byte != 0x0D) else {
                throw error("the string has no closing quote", at: start)
            }
            if byte == quote, !isTriple || (peek(1) == quote && peek(2) == quote) { break }
            position += 1
            if byte == UInt8(ascii: "\\"), !isRaw {
                try escape(isBytes: isBytes, into: &content)
            } else {
                content.append(byte)
            }
        }
        position += isTriple ? 3 : 1
        if isBytes { return .bytes(content) }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw error("the string is not valid UTF-8", at: start)
        }
        return .string(text)
    }

    private static let simple: [UInt8: UInt8] = [
        UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
        UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 0x5C,
        UInt8(ascii: "?"): 0x3F, UInt8(ascii: "\""): 0x22, UInt8(ascii: "'"): 0x27, UInt8(ascii: "`"): 0x60,
    ]

    /// What follows a backslash. In bytes, `\x` and octal escapes are bytes; in strings they are scalars.
    private mutating func escape(isBytes: Bool, into content: inout [UInt8]) throws(CELError) {
        let start = position - 1
        guard let byte = peek() else { throw error("the string has no closing quote", at: start) }
        position += 1
        if let plain = CELLexer.simple[byte] {
            content.append(plain)
            return
        }
        let value: UInt32
        switch byte {
        case UInt8(ascii: "x"), UInt8(ascii: "X"): value = try digits(2, radix: 16, from: start)
        case UInt8(ascii: "u") where !isBytes: value = try digits(4, radix: 16, from: start)
        case UInt8(ascii: "U") where !isBytes: value = try digits(8, radix: 16, from: start)
        case UInt8(ascii: "0")...UInt8(ascii: "3"):
            position -= 1
            value = try digits(3, radix: 8, from: start)
        default:
            let known =
                isBytes ? "\\a \\b \\f \\n \\r \\t \\v \\\\ \\\" \\' \\xHH \\OOO" : "\\n \\t \\\\ \\\" \\' \\uHHHH"
            throw error("unknown escape in the string", hint: "known are \(known) and others", at: start)
        }
        if isBytes {
            content.append(UInt8(truncatingIfNeeded: value))
        } else if let scalar = Unicode.Scalar(value) {
            content.append(contentsOf: String(Character(scalar)).utf8)
        } else {
            throw error("the escape is not a Unicode scalar", at: start)
        }
    }

    private mutating func digits(_ count: Int, radix: UInt32, from start: Int) throws(CELError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let byte = peek(), let digit = CELLexer.hexadecimalValue(byte), digit < radix,
                !value.multipliedReportingOverflow(by: radix).overflow
            else { throw error("the escape needs \(count) digits", at: start) }
            value = value * radix + digit
            position += 1
        }
        return value
    }
}
