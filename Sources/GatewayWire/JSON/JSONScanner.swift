/// Why bytes are not one JSON text.
package enum JSONScanError: Error, Sendable, CaseIterable {
    case unexpectedEnd, unexpectedByte, badLiteral, badNumber, badString, badEscape, badUTF8, tooDeep, trailingBytes
}

/// A strict check of RFC 8259 without building anything: one value, UTF-8, no byte-order mark, no extensions.
/// Escaped lone surrogates are let through, as the RFC's grammar does.
package struct JSONScanner {
    package static let depthMax = 512

    private var index = 0
    private var depth = 0
    /// One bit a level: set for objects.
    private var kinds = InlineArray<8, UInt64>(repeating: 0)

    private init() {}

    package static func validate(_ input: Span<UInt8>, depthMax: Int = 128) throws(JSONScanError) {
        var scanner = JSONScanner()
        try scanner.scan(input, min(depthMax, JSONScanner.depthMax))
    }

    private enum Expecting { case value, valueOrEnd, key, keyOrEnd, commaOrEnd }

    private mutating func scan(_ input: Span<UInt8>, _ depthMax: Int) throws(JSONScanError) {
        var expecting = Expecting.value
        while true {
            skipSpace(input)
            guard index < input.count else {
                if expecting == .commaOrEnd, depth == 0 { return }
                throw .unexpectedEnd
            }
            if depth == 0, expecting == .commaOrEnd { throw .trailingBytes }
            let byte = input[index]
            switch expecting {
            case .value, .valueOrEnd:
                if byte == Byte.closeBracket, expecting == .valueOrEnd {
                    close()
                    expecting = .commaOrEnd
                } else {
                    expecting = try value(input, byte, depthMax)
                }
            case .key, .keyOrEnd:
                if byte == 0x7D, expecting == .keyOrEnd {
                    close()
                    expecting = .commaOrEnd
                } else {
                    guard byte == Byte.quote else { throw .unexpectedByte }
                    try string(input)
                    skipSpace(input)
                    guard index < input.count else { throw .unexpectedEnd }
                    guard input[index] == Byte.colon else { throw .unexpectedByte }
                    index += 1
                    expecting = .value
                }
            case .commaOrEnd:
                if byte == Byte.comma {
                    index += 1
                    expecting = isObject ? .key : .value
                } else {
                    guard byte == (isObject ? 0x7D : Byte.closeBracket) else { throw .unexpectedByte }
                    close()
                }
            }
        }
    }

    private mutating func value(
        _ input: Span<UInt8>, _ byte: UInt8, _ depthMax: Int
    ) throws(JSONScanError) -> Expecting {
        switch byte {
        case 0x7B, Byte.openBracket:
            guard depth < depthMax else { throw .tooDeep }
            let bit: UInt64 = 1 << UInt64(depth & 63)
            if byte == 0x7B { kinds[depth >> 6] |= bit } else { kinds[depth >> 6] &= ~bit }
            depth += 1
            index += 1
            return byte == 0x7B ? .keyOrEnd : .valueOrEnd
        case Byte.quote: try string(input)
        case 0x74: try literal(input, "true")
        case 0x66: try literal(input, "false")
        case 0x6E: try literal(input, "null")
        case Byte.dash, 0x30...0x39: try number(input)
        default: throw .unexpectedByte
        }
        return .commaOrEnd
    }

    private var isObject: Bool { kinds[(depth - 1) >> 6] >> UInt64((depth - 1) & 63) & 1 != 0 }

    private mutating func close() {
        depth -= 1
        index += 1
    }

    private mutating func skipSpace(_ input: Span<UInt8>) {
        while index < input.count {
            let byte = input[index]
            guard byte == Byte.space || byte == Byte.lineFeed || byte == Byte.carriageReturn || byte == Byte.tab else {
                return
            }
            index += 1
        }
    }

    private mutating func literal(_ input: Span<UInt8>, _ text: StaticString) throws(JSONScanError) {
        let end = index + text.utf8CodeUnitCount
        guard end <= input.count, Token.isExactly(input, index..<end, text) else { throw .badLiteral }
        index = end
    }

    private mutating func digits(_ input: Span<UInt8>) throws(JSONScanError) {
        let start = index
        while index < input.count, Byte.isDigit(input[index]) { index += 1 }
        guard index > start else { throw .badNumber }
    }

    private mutating func number(_ input: Span<UInt8>) throws(JSONScanError) {
        if input[index] == Byte.dash { index += 1 }
        guard index < input.count else { throw .badNumber }
        if input[index] == Byte.zero { index += 1 } else { try digits(input) }
        if index < input.count, input[index] == Byte.dot {
            index += 1
            try digits(input)
        }
        if index < input.count, input[index] | 0x20 == 0x65 {
            index += 1
            if index < input.count, input[index] == 0x2B || input[index] == Byte.dash { index += 1 }
            try digits(input)
        }
    }

    private mutating func string(_ input: Span<UInt8>) throws(JSONScanError) {
        index += 1
        while index < input.count {
            let byte = input[index]
            switch byte {
            case Byte.quote:
                index += 1
                return
            case Byte.backslash: try escape(input)
            case 0..<0x20: throw .badString
            case 0x20..<0x80: index += 1
            default:
                let length = UTF8Scan.sequence(input, index)
                guard length > 0 else { throw .badUTF8 }
                index += length
            }
        }
        throw .unexpectedEnd
    }

    private mutating func escape(_ input: Span<UInt8>) throws(JSONScanError) {
        guard index + 1 < input.count else { throw .unexpectedEnd }
        switch input[index + 1] {
        case Byte.quote, Byte.backslash, Byte.slash, 0x62, 0x66, 0x6E, 0x72, 0x74: index += 2
        case 0x75:
            guard index + 5 < input.count else { throw .unexpectedEnd }
            for position in (index + 2)..<(index + 6) where Byte.hexValue(input[position]) == nil { throw .badEscape }
            index += 6
        default: throw .badEscape
        }
    }
}
