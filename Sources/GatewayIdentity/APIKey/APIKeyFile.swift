package import GatewayModel

/// The text form of a key set, one key a line:
///
///     <id> <sha256-hex> [user=…] [tenant=…] [agent=…] [groups=a,b] [expires=2027-01-31T00:00:00Z]
///
/// Empty lines and lines that start with `#` say nothing. Everything else must be right: a key that is silently
/// left out locks someone out, and one that is silently changed lets someone in.
package enum APIKeyFile {
    /// Longest line and longest word.
    static let lineBytesMax = 4_096
    static let valueBytesMax = 256

    /// Parses a file's bytes; `name` is what errors call it.
    package static func parse(_ bytes: [UInt8], name: String) throws(GatewayError) -> APIKeySet {
        guard bytes.count <= APIKeySet.fileBytesMax else {
            throw GatewayError(.tooLarge, "the key file is larger than \(APIKeySet.fileBytesMax) bytes: \(name)")
        }
        var keys: [APIKeySet.Key] = []
        var lines: [String: Int] = [:]
        var digests: [[UInt8]: Int] = [:]
        for (index, raw) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            let line = raw.last == 0x0D ? raw.dropLast() : raw
            guard line.count <= lineBytesMax else {
                throw GatewayError(.tooLarge, "a line is longer than \(lineBytesMax) bytes at \(name):\(number):1")
            }
            guard let key = try APIKeyLine(line, file: name, line: number).key() else { continue }
            let id = key.principal.credentialID ?? ""
            if let first = lines.updateValue(number, forKey: id) {
                throw GatewayError(
                    .duplicateKey, "the key id \(id) is used twice, at \(name):\(number):1",
                    hint: "it is first used in line \(first)")
            }
            if let first = digests.updateValue(number, forKey: key.digest) {
                throw GatewayError(
                    .duplicateKey, "two ids share one key, at \(name):\(number):1",
                    hint: "the same hash is in line \(first)")
            }
            keys.append(key)
            guard keys.count <= APIKeySet.keysMax else {
                throw GatewayError(.tooLarge, "there are more than \(APIKeySet.keysMax) keys in \(name)")
            }
        }
        return APIKeySet(keys)
    }

    /// What to warn of when a file of that mode is read; nil if only its owner may read it. Key hashes are no
    /// secrets in themselves, but a file that others may write decides who is let in.
    package static func warning(mode: UInt32, name: String) -> String? {
        if mode & 0o022 != 0 { return "the key file may be written by others than its owner: \(name)" }
        if mode & 0o044 != 0 { return "the key file may be read by others than its owner: \(name)" }
        return nil
    }
}
