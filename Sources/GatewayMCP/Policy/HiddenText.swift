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
        return inspect(definition, "", depth: 0)
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
        for scalar in text.unicodeScalars where isInvisible(scalar) { return "invisible characters" }
        if text.contains("<!--") { return "a comment" }
        let lower = text.lowercased()
        if phrases.contains(where: { lower.contains($0) }) { return "an instruction to the model" }
        return nil
    }

    /// Tags, marks of direction, and what has no width. Joiners between letters of scripts that need them stay.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xE0000...0xE007F, 0x202A...0x202E, 0x2066...0x2069, 0x200B, 0x200E, 0x200F, 0x2060...0x2064, 0xFEFF,
            0x00AD, 0x180E, 0xFFF9...0xFFFB, 0xE0100...0xE01EF:
            true
        case 0x00...0x08, 0x0B, 0x0C, 0x0E...0x1F, 0x7F...0x9F: true
        default: false
        }
    }
}
