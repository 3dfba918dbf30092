import GatewayWire

/// The cookies of the gateway's own pages. Backends of the same host neither read nor set them: who could set one in
/// somebody's browser could have that browser finish what he has begun in his own.
///
/// Names are compared without their case, and without what browsers take away or add in front: a cookie without a name
/// (`=value`) comes back as its value alone, so that its value must not look like one of these either.
enum OwnCookies {
    private static let names = [Array("sluice-connect-".utf8), Array("__host-sluice-connect-".utf8)]

    /// Whether a cookie, or a whole `Set-Cookie`, is one of the gateway's own.
    static func isOwn(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var start = range.lowerBound
        while start < range.upperBound, isFiller(bytes[start]) { start += 1 }
        return names.contains { name in
            guard range.upperBound - start >= name.count else { return false }
            return name.indices.allSatisfy { lowered(bytes[start + $0]) == name[$0] }
        }
    }

    private static func isFiller(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x3D || byte == 0x7F }

    private static func lowered(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}

extension FieldBlock {
    /// Takes the gateway's own cookies out of a request, over all its `Cookie` fields.
    mutating func removeOwnCookies() {
        guard contains(.cookie) else { return }
        var index = 0
        while index < entries.count {
            guard entries[index].known == .cookie, hasOwnCookie(entries[index].value.range) else {
                index += 1
                continue
            }
            let rest = withoutOwnCookies(entries[index].value.range)
            if rest.isEmpty {
                entries.remove(at: index)
            } else {
                entries[index].value = store(rest)
                index += 1
            }
        }
    }

    /// Takes what would set one of the gateway's own cookies out of a response.
    mutating func removeOwnSetCookies() {
        guard contains(.setCookie) else { return }
        entries.removeAll { $0.known == .setCookie && OwnCookies.isOwn(bytes, $0.value.range) }
    }

    private func hasOwnCookie(_ range: Range<Int>) -> Bool {
        var start = range.lowerBound
        while start < range.upperBound {
            if OwnCookies.isOwn(bytes, start..<range.upperBound) { return true }
            start = (bytes[start..<range.upperBound].firstIndex(of: 0x3B) ?? range.upperBound) + 1
        }
        return false
    }

    private func withoutOwnCookies(_ range: Range<Int>) -> [UInt8] {
        var rest: [UInt8] = []
        for part in bytes[range].split(separator: 0x3B) where !OwnCookies.isOwn(bytes, part.indices) {
            let cookie = part.drop { $0 == 0x20 || $0 == 0x09 }
            guard !cookie.isEmpty else { continue }
            if !rest.isEmpty { rest.append(contentsOf: [0x3B, 0x20]) }
            rest.append(contentsOf: cookie)
        }
        return rest
    }
}
