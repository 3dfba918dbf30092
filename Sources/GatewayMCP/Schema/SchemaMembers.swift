import GatewayWire

/// The members of a schema. A check asks for some thirty keywords, of which a schema has few: a bit for each name that
/// is there tells at once of most that they are not.
struct SchemaMembers {
    private let object: JSONObject
    private var bits: UInt64 = 0

    init(_ object: JSONObject) {
        self.object = object
        let members = object.members.span
        for index in members.indices {
            // A name with an escape may be any.
            bits |= members[index].name.isPlain ? SchemaMembers.bit(members[index].name.escaped) : .max
        }
    }

    subscript(_ name: String) -> JSONTree? { bits & SchemaMembers.bit(name) == 0 ? nil : object[name] }

    /// By length and first byte.
    @inline(__always)
    private static func bit(_ name: String) -> UInt64 {
        1 &<< UInt64(truncatingIfNeeded: name.utf8.count &* 5 &+ Int(name.utf8.first ?? 0))
    }
}
