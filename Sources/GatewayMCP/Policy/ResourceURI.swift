/// URIs of resources as policies may judge them: a pattern sees the text, a server what the text means.
enum ResourceURI {
    /// False where a server may read another resource out of it than a pattern does: a scheme in capitals, dot
    /// segments, encoded dots, slashes and backslashes, backslashes, spaces and control characters.
    static func isPlain(_ uri: String) -> Bool {
        let bytes = Array(uri.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != 0x5C }) else { return false }
        if let colon = bytes.firstIndex(of: 0x3A), bytes[..<colon].contains(where: { (0x41...0x5A).contains($0) }) {
            return false
        }
        let path = bytes.prefix { $0 != 0x3F && $0 != 0x23 }
        let dots = [[0x2E], [0x2E, 0x2E]] as [[UInt8]]
        guard !path.split(separator: 0x2F).contains(where: { dots.contains(Array($0)) }) else { return false }
        for index in bytes.indices where bytes[index] == 0x25 {
            let code = String(decoding: bytes[(index + 1)...].prefix(2), as: UTF8.self).lowercased()
            if ["2e", "2f", "5c", "00"].contains(code) { return false }
        }
        return true
    }
}
