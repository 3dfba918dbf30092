import GatewayRecords
import GatewayWire

/// Names a definition, or a call, by all that is in it: members in the order of their names, so that only what is said
/// counts and not how.
enum ToolDigest {
    /// Hexadecimal SHA-256 of a definition: name, title, description, both schemas, annotations, `_meta`, icons, and
    /// whatever else there is.
    static func of(_ definition: JSONTree) -> String {
        var bytes: [UInt8] = []
        // Most arguments have no more, and an array that grows is copied.
        bytes.reserveCapacity(2048)
        append(definition, to: &bytes)
        return of(bytes: bytes)
    }

    /// The same of exactly this call. `more`: what the server gets beside the arguments.
    static func ofCall(server: String, tool: String, arguments: JSONTree, more: [JSONTree] = []) -> String {
        var bytes: [UInt8] = []
        append(.array([.text(server), .text(tool), arguments] + more), to: &bytes)
        return of(bytes: bytes)
    }

    /// The same of bytes as they are.
    static func of(bytes: [UInt8]) -> String { TreeHash.of(bytes.span).hex }

    private static func append(_ tree: JSONTree, to out: inout [UInt8]) {
        switch tree {
        case .object(let object):
            var members = object.members.map { (name: $0.name.value, text: $0.name, value: $0.value) }
            members.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            out.append(0x7B)
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(0x2C) }
                append(member.text, member.name, to: &out)
                out.append(0x3A)
                append(member.value, to: &out)
            }
            out.append(0x7D)
        case .array(let elements):
            out.append(0x5B)
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(0x2C) }
                append(element, to: &out)
            }
            out.append(0x5D)
        case .string(let text): append(text, text.value, to: &out)
        default: tree.write(to: &out)
        }
    }

    private static func append(_ text: JSONText, _ value: String, to out: inout [UInt8]) {
        JSONWriter.append(string: value.utf8Span.span, to: &out)
        // Half a character of UTF-16 is none, and all halves are read as this one; a server may tell them apart.
        if !text.isPlain, value.utf8.contains(0xEF), value.unicodeScalars.contains("\u{FFFD}") {
            out.append(contentsOf: text.escaped.utf8)
        }
    }

    /// The members in which two definitions differ, for a refusal that says what has changed.
    static func changes(from old: JSONTree, to new: JSONTree) -> [String] {
        let (old, new) = (old.object ?? JSONObject(), new.object ?? JSONObject())
        let names = Set(old.members.map(\.name.value)).union(new.members.map(\.name.value))
        return names.filter { name in
            switch (old[name], new[name]) {
            case (nil, nil): false
            case (let one?, let other?): of(one) != of(other)
            default: true
            }
        }.sorted()
    }
}
