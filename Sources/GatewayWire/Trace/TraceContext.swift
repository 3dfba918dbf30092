/// W3C Trace Context: which trace a request belongs to, and which span called us.
package struct TraceContext: Sendable, Equatable {
    package var traceHigh: UInt64
    package var traceLow: UInt64
    /// The caller's span when read; our own when written.
    package var span: UInt64
    package var flags: UInt8

    package static let sampled: UInt8 = 1
    /// The length of `traceparent` in version 00.
    package static let bytesCount = 55

    package init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, flags: UInt8) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.flags = flags
    }

    package var isSampled: Bool { flags & TraceContext.sampled != 0 }

    /// Reads `traceparent`; nil when it is malformed, and the trace then starts anew (section 3.2.2.3). Versions after
    /// 00 are read as far as 00 goes.
    package init?(traceparent text: Span<UInt8>) {
        guard text.count >= TraceContext.bytesCount, text.count <= 512,
            text[2] == Byte.dash, text[35] == Byte.dash, text[52] == Byte.dash,
            let version = TraceContext.hex(text, 0, 2), version != 0xFF,
            let high = TraceContext.hex(text, 3, 16), let low = TraceContext.hex(text, 19, 16),
            let span = TraceContext.hex(text, 36, 16), let flags = TraceContext.hex(text, 53, 2)
        else { return nil }
        if text.count > TraceContext.bytesCount {
            guard version > 0, text[TraceContext.bytesCount] == Byte.dash else { return nil }
        }
        guard high | low != 0, span != 0 else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, flags: UInt8(truncatingIfNeeded: flags) & 3)
    }

    /// Writes `traceparent`, version 00.
    package func append(to out: inout [UInt8]) { out.write(bytesMax: TraceContext.bytesCount) { write(to: &$0) } }

    /// The same, `bytesCount` bytes.
    package func write(to out: inout ByteWriter) {
        out.append("00-")
        out.append(hex: traceHigh)
        out.append(hex: traceLow)
        out.append(Byte.dash)
        out.append(hex: span)
        out.append(Byte.dash)
        out.append(TraceContext.digit(flags &>> 4))
        out.append(TraceContext.digit(flags & 15))
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? Byte.zero &+ value : 0x57 &+ value }

    /// Lower-case hexadecimal only.
    private static func hex(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in start..<(start + count) {
            guard let digit = Byte.hexValue(text[index]), text[index] &- 0x41 >= 6 else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    /// A number as lower-case hexadecimal digits with leading zeros.
    package static func append(hex value: UInt64, digits: Int, to out: inout [UInt8]) {
        if digits == 16 { return out.write(bytesMax: 16) { $0.append(hex: value) } }
        for index in (0..<digits).reversed() {
            out.append(digit(UInt8(truncatingIfNeeded: value &>> UInt64(index &* 4)) & 15))
        }
    }
}

/// Whether a `tracestate` value may be passed on (section 3.3.1): at most 32 members `key=value` and 512 bytes. One
/// that may not is dropped; the trace itself goes on.
package enum TraceState {
    package static let bytesMax = 512
    package static let membersMax = 32

    package static func isValid(_ text: Span<UInt8>) -> Bool {
        guard text.count <= bytesMax else { return false }
        var elements = Token.List(0..<text.count)
        var count = 0
        while let element = elements.next(text) {
            if element.isEmpty { continue }
            count += 1
            guard count <= membersMax, isMember(text, element) else { return false }
        }
        return count > 0
    }

    private static func isMember(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        var tenant = -1
        while index < range.upperBound, text[index] != Byte.equals {
            let byte = text[index]
            if byte == Byte.at {
                guard tenant < 0 else { return false }
                tenant = index
            } else {
                let isLetter = byte &- 0x61 < 26
                let isOther =
                    Byte.isDigit(byte) || byte == 0x5F || byte == Byte.dash || byte == 0x2A || byte == Byte.slash
                let isFirst = index == range.lowerBound || index == tenant + 1 && tenant >= 0
                guard isLetter || isOther && (!isFirst || Byte.isDigit(byte) && index == range.lowerBound) else {
                    return false
                }
            }
            index += 1
        }
        let key = range.lowerBound..<index
        guard index < range.upperBound, !key.isEmpty, key.count <= 256 else { return false }
        if tenant >= 0 {
            let system = index - tenant - 1
            guard tenant - key.lowerBound <= 241, tenant > key.lowerBound, system > 0, system <= 14 else {
                return false
            }
        }
        let value = (index + 1)..<range.upperBound
        guard value.count > 0, value.count <= 256 else { return false }
        for position in value {
            let byte = text[position]
            guard byte >= 0x20, byte < 0x7F, byte != Byte.equals else { return false }
        }
        return true
    }
}
