/// A name in which `*` stands for any characters, none included: `gpt-5-*`. Case counts; nothing else is special.
package struct NamePattern: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    private let bytes: [UInt8]
    private let hasStar: Bool

    package init(_ text: String) {
        description = text
        bytes = Array(text.utf8)
        hasStar = bytes.contains(NamePattern.star)
    }

    /// Whether it fits one name only.
    package var isExact: Bool { !hasStar }

    /// How much of it is not a star: of two patterns that fit, the one that says more is meant.
    package var literalCount: Int { bytes.count { $0 != NamePattern.star } }

    private static let star: UInt8 = 0x2A

    package func matches(_ name: String) -> Bool {
        // Byte by byte: two spellings of one letter are two names.
        hasStar ? matches(name.utf8Span.span) : isEqual(name.utf8Span.span)
    }

    private func isEqual(_ name: Span<UInt8>) -> Bool {
        guard name.count == bytes.count else { return false }
        for index in bytes.indices where bytes[index] != name[index] { return false }
        return true
    }

    /// The same for a name as it came. Allocates nothing.
    package func matches(_ name: Span<UInt8>) -> Bool {
        // The last star that was passed, and where it began to match: the only place to go back to.
        var star: Int?
        var resume = 0
        var at = 0
        var index = 0
        while index < name.count {
            if at < bytes.count, bytes[at] == NamePattern.star {
                star = at
                at += 1
                resume = index
            } else if at < bytes.count, bytes[at] == name[index] {
                at += 1
                index += 1
            } else if let last = star {
                at = last + 1
                resume += 1
                index = resume
            } else {
                return false
            }
        }
        while at < bytes.count, bytes[at] == NamePattern.star { at += 1 }
        return at == bytes.count
    }
}
