import GatewayWire

/// Gateway API `CORS` filter, compiled: which other origins' pages may call, and what they are told.
package struct CORSPolicy: Sendable {
    /// `*` alone, or the listed texts joined with commas.
    package struct Words: Sendable {
        package let isAny: Bool
        package let joined: [UInt8]

        package init(_ words: [String]) {
            isAny = words == ["*"]
            joined = Array(words.joined(separator: ", ").utf8)
        }

        var isEmpty: Bool { joined.isEmpty }
    }

    package let origins: [OriginPattern]
    package let allowsCredentials: Bool
    package let methods: Words
    package let headers: Words
    package let exposed: Words
    package let maxAgeSeconds: [UInt8]

    package init(
        origins: [OriginPattern], allowsCredentials: Bool = false, methods: Words = Words([]),
        headers: Words = Words([]), exposed: Words = Words([]), maxAgeSeconds: Int = 5
    ) {
        self.origins = origins
        self.allowsCredentials = allowsCredentials
        self.methods = methods
        self.headers = headers
        self.exposed = exposed
        self.maxAgeSeconds = Array(String(maxAgeSeconds).utf8)
    }

    func allows(_ origin: Slice, in fields: borrowing FieldBlock) -> Bool {
        let bytes = fields.bytes.span
        for index in origins.indices where origins[index].matches(bytes, origin.range) { return true }
        return false
    }
}

/// An origin a page may come from: `https://app.example.com:8443`, `https://*.example.com`, `https://*` or `*`.
/// A `*` stands for anything to its left, dots included, but not for nothing. A missing port is the scheme's own.
package struct OriginPattern: Sendable {
    private let isAny: Bool
    private let scheme: [UInt8]
    /// What the host is, or ends in after the `*`.
    private let host: [UInt8]
    private let isWildcard: Bool
    private let port: Int

    /// Nil unless `text` is an origin or one of its patterns.
    package init?(_ text: String) {
        isAny = text == "*"
        let bytes = Array(text.utf8).map(OriginPattern.lowercased)
        guard !isAny else {
            (scheme, host, isWildcard, port) = ([], [], true, 0)
            return
        }
        guard let parts = OriginPattern.parts(bytes.span, bytes.indices) else { return nil }
        scheme = Array(bytes[parts.scheme])
        isWildcard = bytes[parts.host.lowerBound] == 0x2A
        host = Array(bytes[parts.host].dropFirst(isWildcard ? 1 : 0))
        port = parts.port
        if host.contains(0x2A) { return nil }
    }

    func matches(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        if isAny { return true }
        guard let parts = OriginPattern.parts(bytes, range), parts.port == port, parts.scheme.count == scheme.count,
            isWildcard ? parts.host.count > host.count : parts.host.count == host.count
        else { return false }
        return equals(bytes, parts.scheme.lowerBound, scheme)
            && equals(bytes, parts.host.upperBound - host.count, host)
    }

    private func equals(_ bytes: Span<UInt8>, _ start: Int, _ expected: [UInt8]) -> Bool {
        for offset in expected.indices where OriginPattern.lowercased(bytes[start + offset]) != expected[offset] {
            return false
        }
        return true
    }

    private struct Parts {
        var scheme: Range<Int>
        var host: Range<Int>
        var port: Int
    }

    /// Takes `scheme://host[:port]` apart.
    private static func parts(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Parts? {
        var index = range.lowerBound
        while index < range.upperBound, bytes[index] != 0x3A { index += 1 }
        let scheme = range.lowerBound..<index
        guard !scheme.isEmpty, index + 3 < range.upperBound, bytes[index + 1] == 0x2F, bytes[index + 2] == 0x2F else {
            return nil
        }
        let start = index + 3
        index = start
        var isLiteral = false
        while index < range.upperBound, isLiteral || bytes[index] != 0x3A {
            if bytes[index] == 0x5B { isLiteral = true }
            if bytes[index] == 0x5D { isLiteral = false }
            if bytes[index] == 0x2F { return nil }
            index += 1
        }
        guard index > start else { return nil }
        var port = scheme.count == 5 ? 443 : 80
        if index < range.upperBound {
            guard range.upperBound - index <= 6, index + 1 < range.upperBound else { return nil }
            port = 0
            for position in (index + 1)..<range.upperBound {
                guard bytes[position] &- 0x30 < 10 else { return nil }
                port = port * 10 + Int(bytes[position] - 0x30)
            }
        }
        return Parts(scheme: scheme, host: start..<index, port: port)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
