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

    private static let star: UInt8 = 0x2A

    package func matches(_ name: String) -> Bool {
        guard hasStar else { return description == name }
        // The last star that was passed, and where it began to match: the only place to go back to.
        var star: Int?
        var resume = 0
        var at = 0
        let name = Array(name.utf8)
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
        return bytes[at...].allSatisfy { $0 == NamePattern.star }
    }
}
