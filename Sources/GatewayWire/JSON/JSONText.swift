/// The inside of a JSON string exactly as it was written, escapes and all: what is only passed on is neither unescaped
/// nor escaped again, so that signatures, base64 and lone surrogates (`\ud800`) come out as they went in.
package struct JSONText: Sendable, Hashable {
    /// What stands between the quotes; always valid there.
    package let escaped: String

    /// `value`, escaped where it must be.
    package init(_ value: String) {
        guard value.utf8.contains(where: { $0 < 0x20 || $0 == Byte.quote || $0 == Byte.backslash }) else {
            escaped = value
            return
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.utf8.count + 16)
        JSONWriter.append(escaped: value.utf8Span.span, to: &bytes)
        escaped = String(decoding: bytes, as: UTF8.self)
    }

    /// Text that is already the inside of a JSON string.
    init(asWritten escaped: String) { self.escaped = escaped }

    /// The `escaped` of texts, one after the other.
    package init(pieces: String) { escaped = pieces }

    package static let empty = JSONText("")

    package var isEmpty: Bool { escaped.isEmpty }

    /// Bytes as written: what holding it costs.
    package var byteCount: Int { escaped.utf8.count }

    /// Whether it is written without escapes, so that `escaped` is also its value.
    package var isPlain: Bool { !Scan.contains(Byte.backslash, escaped.utf8Span.span) }

    /// The string it means. A lone surrogate, which no string can hold, becomes U+FFFD.
    package var value: String { isPlain ? escaped : String(decoding: unescaped(), as: UTF8.self) }

    /// Whether it means exactly `name`, byte for byte (no Unicode equivalence).
    package func isExactly(_ name: String) -> Bool { isExactly(name.utf8Span.span) }

    func isExactly(_ name: Span<UInt8>) -> Bool {
        // An escape is longer than what it stands for.
        guard escaped.utf8.count >= name.count else { return false }
        let text = escaped.utf8Span.span
        // Bytes, since `==` of strings takes U+212B for A with a ring above. Most names differ in the first.
        if name.count > 0, text[0] != name[0], text[0] != Byte.backslash { return false }
        if text.count == name.count { return Word.equals(text, name) && isPlain }
        return !isPlain && Word.equals(unescaped().span, name)
    }

    /// The same of a name in the code.
    func isExactly(_ name: StaticString) -> Bool {
        // Safe: the text is static.
        name.withUTF8Buffer { unsafe isExactly($0.span) }
    }

    /// `self` followed by `other`. Halves of a surrogate pair that meet become one character.
    package static func + (left: JSONText, right: JSONText) -> JSONText {
        JSONText(asWritten: left.escaped + right.escaped)
    }

    package static func == (left: JSONText, right: JSONText) -> Bool {
        if Word.equals(left.escaped.utf8Span.span, right.escaped.utf8Span.span) { return true }
        if left.isPlain, right.isPlain { return false }
        return left.unescaped() == right.unescaped()
    }

    package func hash(into hasher: inout Hasher) {
        if isPlain {
            for byte in escaped.utf8 { hasher.combine(byte) }
        } else {
            for byte in unescaped() { hasher.combine(byte) }
        }
    }

    private func unescaped() -> [UInt8] {
        let input = escaped.utf8Span.span
        return JSONString.decoded(input, 0..<input.count)
    }
}

extension JSONText: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self.init(value) }
}
