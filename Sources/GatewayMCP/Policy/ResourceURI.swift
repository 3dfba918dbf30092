/// URIs of resources as policies may judge them: a pattern sees the text, a server what the text means.
enum ResourceURI {
    /// False where a server may read another resource out of it than a pattern does: a scheme in capitals, dot
    /// segments, encoded letters, digits, dots, slashes and backslashes, backslashes, spaces and control characters; in
    /// the path of a file a segment without a name, and a place that is written otherwise than `file:///`.
    static func isPlain(_ uri: String) -> Bool {
        let bytes = Array(uri.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != 0x5C }) else { return false }
        if let colon = bytes.firstIndex(of: 0x3A), bytes[..<colon].contains(where: { (0x41...0x5A).contains($0) }) {
            return false
        }
        let path = bytes.prefix { $0 != 0x3F && $0 != 0x23 }
        let dots = [[0x2E], [0x2E, 0x2E]] as [[UInt8]]
        guard !path.split(separator: 0x2F).contains(where: { dots.contains(Array($0)) }) else { return false }
        if uri.hasPrefix("file:") {
            // A path without an authority, or with this machine's name, is the same file by another text.
            guard uri.hasPrefix("file://"), !uri.lowercased().hasPrefix("file://localhost/"),
                !hasNamelessSegment(path.dropFirst("file://".utf8.count))
            else { return false }
        }
        for index in bytes.indices where bytes[index] == 0x25 {
            let code = String(decoding: bytes[(index + 1)...].prefix(2), as: UTF8.self)
            if let byte = UInt8(code, radix: 16), means(byte) { return false }
        }
        return true
    }

    /// Whether a byte, decoded, is one that patterns name: what needs no encoding (RFC 3986 section 2.3) but for the
    /// tilde, which some encode all the same, and what ends a segment or a text.
    private static func means(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x2F, 0x5C, 0x00: true
        default: false
        }
    }

    /// To a file system two slashes are one.
    private static func hasNamelessSegment(_ place: ArraySlice<UInt8>) -> Bool {
        zip(place, place.dropFirst()).contains { $0 == 0x2F && $1 == 0x2F }
    }
}
