/// Finds aliases that could stand in a mapping's key. Yams hashes keys while it composes, so a key made of nested
/// aliases would cost exponential time before anything of ours sees it. The scan is lexical and errs on the side of
/// refusing; a text without an alias of one of its anchors is never refused.
enum AliasKeyScan {
    /// The line of the first suspicious key.
    static func firstSuspect(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        var anchors: Set<ArraySlice<UInt8>> = []
        var aliases: Set<ArraySlice<UInt8>> = []
        var suspect: Int?
        var line = 1
        for (index, byte) in bytes.enumerated() {
            let previous = index > 0 ? bytes[index - 1] : UInt8(ascii: "\n")
            let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
            switch byte {
            case UInt8(ascii: "&") where isSeparator(previous): anchors.insert(name(in: bytes, from: index + 1))
            case UInt8(ascii: "*") where isSeparator(previous): aliases.insert(name(in: bytes, from: index + 1))
            case UInt8(ascii: "]"), UInt8(ascii: "}"): if next == UInt8(ascii: ":") { suspect = suspect ?? line }
            case UInt8(ascii: "?"): if isSeparator(previous), isSpace(next) { suspect = suspect ?? line }
            case UInt8(ascii: ":"): if isSpace(previous), isSpace(next) { suspect = suspect ?? line }
            case UInt8(ascii: "\n"): line += 1
            default: break
            }
        }
        anchors.remove([])
        return anchors.isDisjoint(with: aliases) ? nil : suspect
    }

    /// Anchors are called by letters, digits, hyphens and underscores.
    private static func name(in bytes: [UInt8], from index: Int) -> ArraySlice<UInt8> {
        bytes[index...].prefix { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "_")
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
    private static func isSeparator(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") || byte == UInt8(ascii: ",")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":")
    }
}
