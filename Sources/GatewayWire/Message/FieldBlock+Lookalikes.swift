/// Names that a backend may take for one: CGI writes `-` as `_` (RFC 3875 section 4.1.18), and WSGI, Rack and PHP took
/// that over, so that `x_user` arrives where `x-user` does.
extension FieldBlock {
    /// Whether there is a name that may look like another. Most heads have none, and are not looked at any further.
    package var hasUnderscoredName: Bool {
        let store = bytes.span
        for index in entries.indices where entries[index].known == .other {
            if Word.hasUnderscore(store, entries[index].name.range) { return true }
        }
        return false
    }

    /// Removes the fields whose names differ from this lower-case one by `_` for `-` (or the other way round) only;
    /// returns whether there was one.
    @discardableResult
    package mutating func removeLookalikes(of name: [UInt8]) -> Bool {
        let before = entries.count
        let store = bytes
        entries.removeAll { FieldBlock.looksLike(store, $0.name, name) }
        return entries.count != before
    }

    private static func looksLike(_ bytes: [UInt8], _ slice: Slice, _ name: [UInt8]) -> Bool {
        guard Int(slice.count) == name.count else { return false }
        let start = Int(slice.start)
        var isSame = true
        for index in name.indices where bytes[start + index] != name[index] {
            guard isJoint(bytes[start + index]), isJoint(name[index]) else { return false }
            isSame = false
        }
        return !isSame
    }

    private static func isJoint(_ byte: UInt8) -> Bool { byte == Byte.dash || byte == Byte.underscore }
}
