/// The text of a JSON string that has been checked: `range` is what lies between its quotes.
package enum JSONString {
    /// The text as UTF-8. A lone surrogate, which has none, becomes U+FFFD.
    package static func decoded(_ input: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var out: [UInt8] = []
        append(decoded: input, range, to: &out)
        return out
    }

    /// Appends the text as UTF-8, at most about `bytesMax` of it, cut at a character.
    package static func append(
        decoded input: Span<UInt8>, _ range: Range<Int>, bytesMax: Int = .max, to out: inout [UInt8]
    ) {
        // Most have no escape.
        let text = input.extracting(range)
        if range.count <= bytesMax, !Scan.contains(Byte.backslash, text) {
            return HTTP1Serializer.append(text, to: &out)
        }
        var index = range.lowerBound
        var start = index
        let limit = bytesMax
        var taken = 0
        while index < range.upperBound, taken < limit {
            let byte = input[index]
            guard byte == Byte.backslash else {
                let length = byte < 0x80 ? 1 : UTF8Scan.sequence(input, index)
                index += max(1, length)
                taken += max(1, length)
                continue
            }
            if index > start { HTTP1Serializer.append(input.extracting(start..<index), to: &out) }
            let before = out.count
            index = appendEscape(input, index, range.upperBound, to: &out)
            taken += out.count - before
            start = index
        }
        index = min(index, range.upperBound)
        if index > start { HTTP1Serializer.append(input.extracting(start..<index), to: &out) }
    }

    /// Whether the text is `text`, which needs no escape.
    package static func isEqual(
        _ input: Span<UInt8>, _ range: Range<Int>, _ hasEscape: Bool, _ text: StaticString
    ) -> Bool {
        if !hasEscape { return Token.isExactly(input, range, text) }
        // An escape is longer than what it stands for.
        guard range.count > text.utf8CodeUnitCount, range.count <= text.utf8CodeUnitCount * 6 else { return false }
        let decoded = decoded(input, range)
        return Token.isExactly(decoded.span, 0..<decoded.count, text)
    }

    /// Appends what the escape at `index` stands for; where it ends.
    private static func appendEscape(_ input: Span<UInt8>, _ index: Int, _ end: Int, to out: inout [UInt8]) -> Int {
        guard index + 1 < end else { return end }
        switch input[index + 1] {
        case 0x62: out.append(0x08)
        case 0x66: out.append(0x0C)
        case 0x6E: out.append(Byte.lineFeed)
        case 0x72: out.append(Byte.carriageReturn)
        case 0x74: out.append(Byte.tab)
        case 0x75:
            guard var scalar = unit(input, index, end) else { return end }
            var next = index + 6
            if 0xD800..<0xDC00 ~= scalar, let low = unit(input, next, end), 0xDC00..<0xE000 ~= low {
                scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
                next += 6
            }
            append(Unicode.Scalar(scalar) ?? "\u{FFFD}", to: &out)
            return next
        default: out.append(input[index + 1])
        }
        return index + 2
    }

    /// The code unit of the `\uXXXX` at `index`, if there is one.
    private static func unit(_ input: Span<UInt8>, _ index: Int, _ end: Int) -> UInt32? {
        guard index + 6 <= end, input[index] == Byte.backslash, input[index + 1] == 0x75 else { return nil }
        var value: UInt32 = 0
        for position in (index + 2)..<(index + 6) {
            guard let digit = Byte.hexValue(input[position]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private static func append(_ scalar: Unicode.Scalar, to out: inout [UInt8]) {
        for byte in Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter { out.append(byte) }
    }
}

/// Reading what an outline found.
extension JSONOutline {
    /// The bytes between the quotes of a string member, and whether they hold escapes.
    @inline(__always)
    package func text(_ name: StaticString, in input: Span<UInt8>) -> (range: Range<Int>, hasEscape: Bool)? {
        guard let member = member(name, in: input), member.kind.isString else { return nil }
        return (member.text, member.kind == .escapedString)
    }

    /// A string member's text; nil without one, or with another kind of value.
    package func string(_ name: StaticString, in input: Span<UInt8>, bytesMax: Int = .max) -> String? {
        guard let member = member(name, in: input), member.kind.isString else { return nil }
        let text = input.extracting(member.text)
        if member.kind == .string, text.count <= bytesMax, let plain = try? UTF8Span(validating: text) {
            return String(copying: plain)
        }
        var out: [UInt8] = []
        JSONString.append(decoded: input, member.text, bytesMax: bytesMax, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether a member is this text, which needs no escape.
    package func isText(_ name: StaticString, _ text: StaticString, in input: Span<UInt8>) -> Bool {
        guard let member = member(name, in: input), member.kind.isString else { return false }
        return JSONString.isEqual(input, member.text, member.kind == .escapedString, text)
    }

    /// A number member that is written as an integer and fits; nil otherwise.
    @inline(__always)
    package func integer(_ name: StaticString, in input: Span<UInt8>) -> Int? {
        guard let member = member(name, in: input), member.kind == .number else { return nil }
        return JSONOutline.integer(input, member.value)
    }

    /// A member that is `true` or `false`.
    @inline(__always)
    package func bool(_ name: StaticString, in input: Span<UInt8>) -> Bool? {
        switch member(name, in: input)?.kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// The integer a number's bytes write, if they write one.
    package static func integer(_ input: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var index = range.lowerBound
        let isNegative = index < range.upperBound && input[index] == Byte.dash
        if isNegative { index += 1 }
        guard index < range.upperBound else { return nil }
        var value = 0
        while index < range.upperBound {
            guard Byte.isDigit(input[index]) else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.subtractingReportingOverflow(Int(input[index] - Byte.zero))
            guard !overflows, !overflowsToo else { return nil }
            value = sum
            index += 1
        }
        // Summed up as a negative number, since there is one more of them.
        guard !isNegative else { return value }
        return value == .min ? nil : -value
    }
}

extension JSONOutline.Member {
    /// Of a string: what lies between its quotes.
    package var text: Range<Int> {
        kind.isString ? (value.lowerBound + 1)..<(value.upperBound - 1) : value
    }
}
