import GatewayWire

/// Finds in a tool's definition what a person does not see and a model obeys: invisible characters, comments, commands
/// to the model, names that look like others. It cannot find everything; what it finds is shown to nobody before a
/// person has approved it.
enum HiddenText {
    /// Why a definition is suspicious; nil when nothing was found.
    static func suspicion(_ definition: JSONTree) -> String? {
        if let name = definition["name"]?.string?.value, name.utf8.contains(where: { $0 >= 0x80 }) {
            return "its name has letters that look like others"
        }
        if let name = definition["name"]?.string?.value, isPadded(name) {
            return "its name has spaces that nobody sees"
        }
        return inspect(definition, "", depth: 0)
    }

    /// Whether a text has what its reader does not see.
    static func isHiding(_ text: String) -> Bool { hasInvisible(text) || text.contains("<!--") }

    /// At its ends a space is not seen, and whatever else separates lines and columns is seen nowhere.
    private static func isPadded(_ name: String) -> Bool {
        name.utf8.first == 0x20 || name.utf8.last == 0x20 || name.utf8.contains { $0 < 0x20 || $0 == 0x7F }
    }

    private static let depthMax = 64

    private static func inspect(_ tree: JSONTree, _ place: String, depth: Int) -> String? {
        guard depth < depthMax else { return "it is nested too deeply" }
        switch tree {
        case .string(let text): return inspect(text.value).map { "\($0) in \(place.isEmpty ? "it" : place)" }
        case .array(let elements):
            for element in elements {
                if let found = inspect(element, place, depth: depth + 1) { return found }
            }
        case .object(let object):
            for member in object.members {
                let name = member.name.value
                if let found = inspect(name) { return "\(found) in a name" }
                let inner = place.isEmpty ? name : "\(place).\(name)"
                if let found = inspect(member.value, inner, depth: depth + 1) { return found }
            }
        default: break
        }
        return nil
    }

    private static let phrases = [
        "ignore previous", "ignore all previous", "ignore the above", "disregard previous", "disregard all",
        "do not tell the user", "don't tell the user", "do not mention", "don't mention", "without telling the user",
        "hide this from the user", "not visible to the user", "keep this secret", "<important>", "<system>",
        "system prompt", "before using this tool", "before calling this tool", "instead of calling",
    ]

    private static func inspect(_ text: String) -> String? {
        if hasInvisible(text) { return "invisible characters" }
        if text.contains("<!--") { return "a comment" }
        let lower = text.lowercased()
        if phrases.contains(where: { lower.contains($0) }) { return "an instruction to the model" }
        return nil
    }

    private static func hasInvisible(_ text: String) -> Bool {
        // Most definitions are ASCII.
        guard text.utf8.contains(where: { $0 >= 0x80 || $0 < 0x20 || $0 == 0x7F }) else { return false }
        let scalars = Array(text.unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            let before = index > 0 ? scalars[index - 1] : nil
            let after = index + 1 < scalars.count ? scalars[index + 1] : nil
            switch scalar.value {
            case 0x200C, 0x200D:
                guard let before, let after, isJoined(before, after, isJoiner: scalar.value == 0x200D) else {
                    return true
                }
            case 0xFE0E, 0xFE0F:
                // Text or picture: of what can be either, and once.
                guard let before, before.properties.isEmoji else { return true }
            default: if isInvisible(scalar) { return true }
            }
        }
        return false
    }

    /// Whether a joiner has something to join: letters of scripts that need them, or parts of one emoji.
    private static func isJoined(_ before: Unicode.Scalar, _ after: Unicode.Scalar, isJoiner: Bool) -> Bool {
        if needsJoiners(before) && needsJoiners(after) { return true }
        guard isJoiner, after.properties.isEmoji, !after.isASCII else { return false }
        let isPart = before.properties.isEmoji && !before.isASCII || before.properties.isEmojiModifier
        return isPart || before.value == 0xFE0F
    }

    /// Arabic and its kin, the scripts of India and their neighbours, Mongolian.
    private static func needsJoiners(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0620...0x07FF, 0x08A0...0x08FF, 0x0900...0x0DFF, 0x0F40...0x0FBC, 0x1000...0x109F, 0x1780...0x17B3,
            0x17B6...0x17D3, 0x1820...0x18AA, 0x1B05...0x1B44, 0xFB50...0xFDFF, 0xFE70...0xFEFC:
            true
        default: false
        }
    }

    /// Tags, marks of direction, fillers, and what has no width.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xE0000...0xE0FFF, 0x202A...0x202E, 0x2066...0x206F, 0x200B, 0x200E, 0x200F, 0x2060...0x2065, 0xFEFF,
            0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B...0x180F, 0x2800, 0x3164, 0xFE00...0xFE0D,
            0xFFA0, 0xFFF0...0xFFFB, 0x1D173...0x1D17A:
            true
        case 0x00...0x08, 0x0B, 0x0C, 0x0E...0x1F, 0x7F...0x9F: true
        default: false
        }
    }
}
