/// Rewrites what we tell a backend about where a request came from: `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`,
/// and `Forwarded` (RFC 7239) when asked for or already there.
package struct ForwardedFields: Sendable {
    package var trust: ForwardedTrust
    /// Whether `Forwarded` is written even when none came.
    package var writesForwarded: Bool

    package init(trust: ForwardedTrust, writesForwarded: Bool = false) {
        self.trust = trust
        self.writesForwarded = writesForwarded
    }

    /// Adds our hop. From a peer that is not trusted all such fields are dropped first; from a trusted one the lists
    /// grow, and proto, host and port stay as the first trusted proxy said.
    package func rewrite(_ head: inout RequestHead, peer: IPAddress, isTLS: Bool, localPort: UInt16) {
        let isTrusted = trust.trusts(peer)
        if !isTrusted, ForwardedFields.hasAny(head.fields) { ForwardedFields.removeAll(from: &head.fields) }
        let peer = peer.unmapped
        let authority = head.authority
        head.fields.extendList(.xForwardedFor) { peer.append(to: &$0) }
        if writesForwarded || head.fields.contains(.forwarded) {
            head.fields.extendList(.forwarded) { out in
                ForwardedFields.appendNode(peer, to: &out)
                if !authority.isEmpty {
                    HTTP1Serializer.append(";host=\"", to: &out)
                    for index in authority.range { out.append(out[index]) }
                    out.append(Byte.quote)
                }
                HTTP1Serializer.append(isTLS ? ";proto=https" : ";proto=http", to: &out)
            }
        }
        if !isTrusted || !head.fields.contains(.xForwardedProto) {
            head.fields.appendLine(.xForwardedProto) { HTTP1Serializer.append(isTLS ? "https" : "http", to: &$0) }
        }
        if !authority.isEmpty, !isTrusted || !head.fields.contains(.xForwardedHost) {
            head.fields.appendLine(.xForwardedHost) { out in
                for index in authority.range { out.append(out[index]) }
            }
        }
        if !isTrusted || !head.fields.contains(.xForwardedPort) {
            head.fields.appendLine(.xForwardedPort) { HTTP1Serializer.append(decimal: UInt64(localPort), to: &$0) }
        }
    }

    private static func isForwarding(_ name: FieldName) -> Bool {
        switch name {
        case .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .forwarded, .xRealIP: true
        default: false
        }
    }

    private static func hasAny(_ fields: borrowing FieldBlock) -> Bool {
        for index in fields.entries.indices where isForwarding(fields.entries[index].known) { return true }
        return false
    }

    private static func removeAll(from fields: inout FieldBlock) {
        fields.entries.removeAll { isForwarding($0.known) }
    }

    private static func appendNode(_ address: IPAddress, to out: inout [UInt8]) {
        HTTP1Serializer.append(address.family == .v4 ? "for=" : "for=\"[", to: &out)
        address.append(to: &out)
        if address.family == .v6 { HTTP1Serializer.append("]\"", to: &out) }
    }
}

extension FieldBlock {
    /// Appends a known field whose value `write` appends to the store. Name and value stand there as an HTTP/1.1 line,
    /// which the serializer copies together with its neighbours.
    @inline(__always)
    package mutating func appendLine(_ name: FieldName, _ write: (inout [UInt8]) -> Void) {
        HTTP1Serializer.append(name.name, to: &bytes)
        let nameCount = name.name.utf8CodeUnitCount
        let start = bytes.count - nameCount
        bytes.append(Byte.colon)
        bytes.append(Byte.space)
        let value = bytes.count
        write(&bytes)
        let entry = Entry(
            name: Slice(start: start, count: nameCount), value: Slice(start: value, count: bytes.count - value),
            known: name)
        bytes.append(Byte.carriageReturn)
        bytes.append(Byte.lineFeed)
        entries.append(entry)
    }

    /// Makes all fields of a list-valued name one, with one more element at its end.
    package mutating func extendList(_ name: FieldName, _ write: (inout [UInt8]) -> Void) {
        guard contains(name) else { return appendLine(name, write) }
        let old = entries
        entries.removeAll(keepingCapacity: true)
        appendLine(name) { out in
            for entry in old where entry.known == name && !entry.value.isEmpty {
                for index in entry.value.range { out.append(out[index]) }
                HTTP1Serializer.append(", ", to: &out)
            }
            write(&out)
        }
        let line = entries[0]
        entries.removeAll(keepingCapacity: true)
        for entry in old where entry.known != name { entries.append(entry) }
        entries.append(line)
    }
}
