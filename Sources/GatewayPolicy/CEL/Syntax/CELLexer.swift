/// Splits the text of an expression into words.
struct CELLexer {
    let source: [UInt8]
    var position = 0

    static func tokens(of source: [UInt8]) throws(CELError) -> [CELToken] {
        var lexer = CELLexer(source: source)
        var tokens: [CELToken] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    func error(_ message: String, hint: String? = nil, at offset: Int? = nil) -> CELError {
        CELError(.syntax, message, hint: hint, at: offset ?? position, in: source)
    }

    func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < source.count ? source[position + ahead] : nil
    }

    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard let next = peek(), UInt32(next) == byte.value else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = peek() {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0C, 0x0D: position += 1
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
                while let byte = peek(), byte != 0x0A { position += 1 }
            default: return
            }
        }
    }

    private mutating func next() throws(CELError) -> CELToken {
        skipBlanks()
        let start = position
        guard let byte = peek() else { return CELToken(kind: .end, offset: start) }
        let kind: CELToken.Kind
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): kind = try number()
        case UInt8(ascii: ".") where peek(1).map(CELLexer.isDigit) ?? false: kind = try number()
        case UInt8(ascii: "\""), UInt8(ascii: "'"): kind = try literal(isRaw: false, isBytes: false)
        case UInt8(ascii: "`"): kind = try quotedName()
        case _ where CELLexer.isLetter(byte): kind = try word()
        default: kind = try symbol()
        }
        return CELToken(kind: kind, offset: start)
    }

    static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

    static func isLetter(_ byte: UInt8) -> Bool {
        0x41...0x5A ~= byte || 0x61...0x7A ~= byte || byte == UInt8(ascii: "_")
    }

    private func text(from start: Int) -> String { String(decoding: source[start..<position], as: UTF8.self) }

    // MARK: Names and symbols

    /// A name, or the prefix of a string: `r`, `b` or both, in either case.
    private mutating func word() throws(CELError) -> CELToken.Kind {
        var (isRaw, isBytes) = (false, false)
        for ahead in 0..<3 {
            switch peek(ahead) {
            case UInt8(ascii: "r"), UInt8(ascii: "R"):
                if isRaw { break }
                isRaw = true
                continue
            case UInt8(ascii: "b"), UInt8(ascii: "B"):
                if isBytes { break }
                isBytes = true
                continue
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                position += ahead
                return try literal(isRaw: isRaw, isBytes: isBytes)
            default: break
            }
            break
        }
        let start = position
        while let byte = peek(), CELLexer.isLetter(byte) || CELLexer.isDigit(byte) { position += 1 }
        return .name(text(from: start))
    }

    private mutating func quotedName() throws(CELError) -> CELToken.Kind {
        position += 1
        let start = position
        while let byte = peek(), byte != UInt8(ascii: "`") {
            let isAllowed =
                CELLexer.isLetter(byte) || CELLexer.isDigit(byte) || byte == 0x20
                || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "/")].contains(byte)
            if !isAllowed { throw error("a quoted name holds letters, digits, _ . - / and spaces only") }
            position += 1
        }
        guard peek() != nil else { throw error("the quoted name has no closing `", at: start - 1) }
        if position == start { throw error("the quoted name is empty") }
        let name = text(from: start)
        position += 1
        return .quotedName(name)
    }

    private static let pairs = ["&&", "||", "==", "!=", "<=", ">="]
    private static let hints: [UInt8: String] = [
        UInt8(ascii: "="): "equality is written ==", UInt8(ascii: "&"): "and is written &&",
        UInt8(ascii: "|"): "or is written ||",
    ]

    private mutating func symbol() throws(CELError) -> CELToken.Kind {
        if let first = peek(), let second = peek(1) {
            let pair = String(decoding: [first, second], as: UTF8.self)
            if CELLexer.pairs.contains(pair) {
                position += 2
                return .symbol(pair)
            }
        }
        let byte = source[position]
        if "?:!<>+-*/%()[]{}.,".utf8.contains(byte) {
            position += 1
            return .symbol(String(UnicodeScalar(byte)))
        }
        let shown = String(String(decoding: source[position...].prefix(4), as: UTF8.self).unicodeScalars.prefix(1))
        throw error("unexpected character \(shown)", hint: CELLexer.hints[byte])
    }

    // MARK: Numbers

    private mutating func digits() { while let byte = peek(), CELLexer.isDigit(byte) { position += 1 } }

    private mutating func takeUnsignedMark() -> Bool { take("u") || take("U") }

    private mutating func number() throws(CELError) -> CELToken.Kind {
        let start = position
        if peek() == UInt8(ascii: "0"), peek(1) == UInt8(ascii: "x") || peek(1) == UInt8(ascii: "X") {
            return try hexadecimal()
        }
        digits()
        var isDouble = false
        if peek() == UInt8(ascii: "."), peek(1).map(CELLexer.isDigit) ?? false {
            isDouble = true
            position += 1
            digits()
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            let hasSign = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-")
            if peek(hasSign ? 2 : 1).map(CELLexer.isDigit) ?? false {
                isDouble = true
                position += hasSign ? 2 : 1
                digits()
            }
        }
        let written = text(from: start)
        if isDouble {
            let padded = written.hasPrefix(".") ? "0" + written : written
            guard let value = Double(padded) else { throw error("bad number \(written)", at: start) }
            return .double(value)
        }
        let isUnsigned = takeUnsignedMark()
        try checkEnd(of: written, from: start)
        guard let value = UInt64(written) else { throw error("the number is out of range: \(written)", at: start) }
        return isUnsigned ? .uint(value) : .int(value)
    }

    private mutating func hexadecimal() throws(CELError) -> CELToken.Kind {
        let start = position
        position += 2
        let digitsStart = position
        while let byte = peek(), CELLexer.hexadecimalValue(byte) != nil { position += 1 }
        guard position > digitsStart else { throw error("0x needs digits after it", at: start) }
        let written = text(from: digitsStart)
        let isUnsigned = takeUnsignedMark()
        try checkEnd(of: written, from: start)
        guard let value = UInt64(written, radix: 16) else {
            throw error("the number is out of range: 0x\(written)", at: start)
        }
        return isUnsigned ? .uint(value) : .int(value)
    }

    /// `12abc` is neither a number nor a name.
    private func checkEnd(of number: String, from start: Int) throws(CELError) {
        guard let byte = peek(), CELLexer.isLetter(byte) || CELLexer.isDigit(byte) else { return }
        throw error("a number is followed by a letter: \(number)\(UnicodeScalar(byte))", at: start)
    }

    static func hexadecimalValue(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46: UInt32(byte - 0x41 + 10)
        case 0x61...0x66: UInt32(byte - 0x61 + 10)
        default: nil
        }
    }
}
