/// One word of an expression.
struct CELToken {
    enum Kind: Equatable {
        case end
        case name(String)
        /// A field's name between back quotes.
        case quotedName(String)
        /// Without its sign.
        case int(UInt64)
        case uint(UInt64)
        case double(Double)
        case string(String)
        case bytes([UInt8])
        /// An operator or a bracket.
        case symbol(String)
    }

    var kind: Kind
    /// In bytes, where it begins.
    var offset: Int

    /// For an error: what was found.
    var spelled: String {
        switch kind {
        case .end: "the end of the expression"
        case .name(let name): "\"\(name)\""
        case .quotedName(let name): "\"`\(name)`\""
        case .int, .uint, .double: "a number"
        case .string: "a string"
        case .bytes: "a bytes literal"
        case .symbol(let symbol): "\"\(symbol)\""
        }
    }
}
