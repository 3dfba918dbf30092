/// Finds aliases that could stand in a mapping's key. Yams hashes keys while it composes, so a key made of nested
/// aliases would cost exponential time before anything of ours sees it. The scan is lexical and errs on the side of
/// refusing; a text without both an anchor and an alias is never refused.
enum AliasKeyScan {
    /// The line of the first suspicious key.
    static func firstSuspect(_ text: String) -> Int? {
        var previous: UInt8 = UInt8(ascii: "\n")
        var hasAnchor = false
        var hasAlias = false
        var suspect: Int?
        var line = 1
        var bytes = text.utf8.makeIterator()
        var current = bytes.next()
        while let byte = current {
            let next = bytes.next()
            let startsToken = isSeparator(previous)
            if byte == UInt8(ascii: "&"), startsToken, let next, isNameByte(next) { hasAnchor = true }
            if byte == UInt8(ascii: "*"), startsToken, let next, isNameByte(next) { hasAlias = true }
            if suspect == nil {
                let closesKey = (byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}"))
                let beforeColon = next == UInt8(ascii: ":") && closesKey
                let questionKey = byte == UInt8(ascii: "?") && startsToken && (next.map(isSpace) ?? false)
                let spacedColon =
                    byte == UInt8(ascii: ":") && isSpace(previous) && (next.map { isSpace($0) || $0 == 0x0A } ?? true)
                if beforeColon || questionKey || spacedColon { suspect = line }
            }
            if byte == UInt8(ascii: "\n") { line += 1 }
            previous = byte
            current = next
        }
        return hasAnchor && hasAlias ? suspect : nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
    private static func isSeparator(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") || byte == UInt8(ascii: ",")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":")
    }
    private static func isNameByte(_ byte: UInt8) -> Bool { byte > 0x20 && byte != UInt8(ascii: ",") }
}
