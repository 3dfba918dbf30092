package import GatewayWire

/// Finds the API key of a request. Says where it is, so that the proxy can take it out: a caller's credential
/// never travels upstream.
package enum CredentialScanner {
    /// Fields that a key may be in.
    package struct Sources: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let authorization = Sources(rawValue: 1)
        package static let xAPIKey = Sources(rawValue: 2)
        package static let xGoogAPIKey = Sources(rawValue: 4)
    }

    package enum Finding: Sendable, Equatable {
        case none
        /// `key` lies in the head's bytes; `sources` are all fields that hold it, for `strip`.
        case found(key: Slice, sources: Sources)
        /// Two different keys: whoever judges one while the other is used has been fooled.
        case ambiguous
    }

    /// Their names on the wire, lower case.
    package static let fieldNames = [
        FieldName.names[Int(FieldName.authorization.rawValue)], FieldName.names[Int(FieldName.xAPIKey.rawValue)],
        googleField,
    ]
    private static let googleField = Array("x-goog-api-key".utf8)
    private static let bearer = Array("bearer".utf8)
    private static let proof = Array("dpop".utf8)

    /// Whether the credential comes with the scheme of tokens that are bound to a key (RFC 9449 section 7.1).
    package static func isBound(lent head: inout RequestHead) -> Bool {
        for index in head.fields.entries.indices where head.fields.entries[index].known == .authorization {
            if token(head.fields.entries[index].value, proof, &head) != nil { return true }
        }
        return false
    }

    /// Looks at `authorization: Bearer` or `DPoP`, `x-api-key` and `x-goog-api-key`. Another scheme of
    /// `authorization` is not a key and stays.
    package static func scan(_ head: RequestHead) -> Finding {
        var head = head
        return scan(lent: &head)
    }

    /// The same of a head that is only read: what is lent is not copied.
    package static func scan(lent head: inout RequestHead) -> Finding {
        var key = Slice.empty
        var sources: Sources = []
        for index in head.fields.entries.indices {
            let entry = head.fields.entries[index]
            guard let (source, value) = candidate(entry, &head) else { continue }
            if sources.isEmpty {
                key = value
            } else if !isEqual(&head.fields, key, value) {
                return .ambiguous
            }
            sources.insert(source)
        }
        guard !sources.isEmpty else { return .none }
        return .found(key: key, sources: sources)
    }

    /// Takes the fields out of the head.
    package static func strip(_ sources: Sources, from head: inout RequestHead) {
        if sources.contains(.authorization) { head.fields.remove(.authorization) }
        if sources.contains(.xAPIKey) { head.fields.remove(.xAPIKey) }
        if sources.contains(.xGoogAPIKey) { head.fields.remove(named: googleField) }
    }

    private static func candidate(_ entry: FieldBlock.Entry, _ head: inout RequestHead) -> (Sources, Slice)? {
        switch entry.known {
        case .authorization:
            guard let token = token(entry.value, bearer, &head) ?? token(entry.value, proof, &head) else { return nil }
            return (.authorization, token)
        case .xAPIKey: return (.xAPIKey, entry.value)
        case .other where head.fields.equals(entry.name, googleField): return (.xGoogAPIKey, entry.value)
        default: return nil
        }
    }

    /// RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1).
    private static func token(_ value: Slice, _ scheme: [UInt8], _ head: inout RequestHead) -> Slice? {
        let bytes = head.fields.bytes.span
        let start = Int(value.start)
        let end = start + Int(value.count)
        guard end - start > scheme.count, bytes[start + scheme.count] == 0x20 else { return nil }
        for index in scheme.indices where bytes[start + index] | 0x20 != scheme[index] { return nil }
        var token = start + scheme.count
        while token < end, bytes[token] == 0x20 { token += 1 }
        return Slice(start: token, count: end - token)
    }

    private static func isEqual(_ fields: inout FieldBlock, _ one: Slice, _ other: Slice) -> Bool {
        guard one.count == other.count else { return false }
        let bytes = fields.bytes.span
        var difference: UInt8 = 0
        for offset in 0..<Int(one.count) {
            difference |= bytes[Int(one.start) + offset] ^ bytes[Int(other.start) + offset]
        }
        return difference == 0
    }
}
