/// A name as the key of a table. Strings hold `é` in one scalar and in two to be equal; servers, policies and issuers
/// do not, and what is kept for one of the two must not be found for the other.
package struct ExactName: Sendable, Hashable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: ExactName, right: ExactName) -> Bool { left.text.isExactly(right.text) }

    // Texts of equal bytes are equal strings too, so that they have one hash.
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension String {
    /// Whether it has the same bytes, and not merely the same meaning to Unicode.
    package func isExactly(_ other: String) -> Bool {
        // Equal texts of ASCII have equal bytes, and comparing them as texts is several times as fast.
        guard self == other else { return false }
        return utf8Span.isKnownASCII && other.utf8Span.isKnownASCII || utf8.elementsEqual(other.utf8)
    }

    /// The same name as a part of a key that is one text: no two names give one part, and none can hold what parts such
    /// parts. Nearly every name is its own.
    package var asKeyPart: String {
        func isOwn(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) && byte != 0x25 && byte != 0x2F }
        if utf8.allSatisfy(isOwn) { return self }
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in utf8 {
            if isOwn(byte) {
                out.append(byte)
            } else {
                out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
