/// Writes JSON text (RFC 8259) straight into a byte buffer: no tree, no allocation besides the buffer's own growth.
/// The caller writes structure (`{`, `,`) as literal bytes or with `Object`; this writes the values.
package enum JSONWriter {
    /// A quoted string. Bytes that are not UTF-8 become U+FFFD, so that the output is always valid JSON.
    package static func append(string bytes: Span<UInt8>, to out: inout [UInt8]) {
        out.append(Byte.quote)
        append(escaped: bytes, to: &out)
        out.append(Byte.quote)
    }

    /// A quoted string known to need no escape.
    package static func append(plain text: StaticString, to out: inout [UInt8]) {
        out.append(Byte.quote)
        HTTP1Serializer.append(text, to: &out)
        out.append(Byte.quote)
    }

    /// Literal JSON text: punctuation and keys.
    @inline(__always)
    package static func append(literal text: StaticString, to out: inout [UInt8]) {
        HTTP1Serializer.append(text, to: &out)
    }

    package static func append(_ value: UInt64, to out: inout [UInt8]) {
        HTTP1Serializer.append(decimal: value, to: &out)
    }

    package static func append(_ value: Int64, to out: inout [UInt8]) {
        if value < 0 { out.append(Byte.dash) }
        HTTP1Serializer.append(decimal: value.magnitude, to: &out)
    }

    package static func append(_ value: Bool, to out: inout [UInt8]) {
        append(literal: value ? "true" : "false", to: &out)
    }

    package static func appendNull(to out: inout [UInt8]) { append(literal: "null", to: &out) }

    /// `value` with its last `decimals` digits behind the point: `(1234, 3)` is `1.234`. Microseconds as
    /// milliseconds, money in minor units, without floating point.
    package static func append(fixed value: Int64, decimals: Int, to out: inout [UInt8]) {
        if value < 0 { out.append(Byte.dash) }
        var scale: UInt64 = 1
        for _ in 0..<min(decimals, 18) { scale *= 10 }
        HTTP1Serializer.append(decimal: value.magnitude / scale, to: &out)
        guard scale > 1 else { return }
        out.append(Byte.dot)
        var rest = value.magnitude % scale
        while scale > 1 {
            scale /= 10
            out.append(Byte.zero + UInt8(truncatingIfNeeded: rest / scale))
            rest %= scale
        }
    }

    // MARK: Escaping

    /// The inside of a string, without quotes.
    package static func append(escaped bytes: Span<UInt8>, to out: inout [UInt8]) {
        var index = 0
        var start = 0
        while true {
            index = Scan.stringStop(bytes, from: index)
            guard index < bytes.count else { break }
            let byte = bytes[index]
            if byte >= 0x80 {
                let length = UTF8Scan.sequence(bytes, index)
                if length > 0 {
                    index &+= length
                    continue
                }
            }
            if index > start { HTTP1Serializer.append(bytes.extracting(start..<index), to: &out) }
            appendEscape(byte, to: &out)
            index &+= 1
            start = index
        }
        if index > start { HTTP1Serializer.append(bytes.extracting(start..<index), to: &out) }
    }

    private static func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
        switch byte {
        case Byte.quote: append(literal: "\\\"", to: &out)
        case Byte.backslash: append(literal: "\\\\", to: &out)
        case Byte.lineFeed: append(literal: "\\n", to: &out)
        case Byte.carriageReturn: append(literal: "\\r", to: &out)
        case Byte.tab: append(literal: "\\t", to: &out)
        case 0x08: append(literal: "\\b", to: &out)
        case 0x0C: append(literal: "\\f", to: &out)
        case 0x80...: append(literal: "\u{FFFD}", to: &out)
        default:
            append(literal: "\\u00", to: &out)
            TraceContext.append(hex: UInt64(byte), digits: 2, to: &out)
        }
    }
}
