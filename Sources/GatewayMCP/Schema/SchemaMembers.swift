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
            bits |= members[index].name.isPlain ? SchemaMembers.bit(of: members[index].name.escaped) : .max
        }
    }

    @inline(__always)
    subscript(_ name: StaticString) -> JSONTree? {
        // Safe: a keyword has a first byte.
        let first = unsafe name.utf8Start.pointee
        return bits & SchemaMembers.bit(name.utf8CodeUnitCount, first) == 0 ? nil : object.value(of: name)
    }

    /// By length and first byte.
    @inline(__always)
    private static func bit(_ count: Int, _ first: UInt8) -> UInt64 {
        1 &<< UInt64(truncatingIfNeeded: count &* 5 &+ Int(first))
    }

    private static func bit(of name: String) -> UInt64 { bit(name.utf8.count, name.utf8.first ?? 0) }
}
