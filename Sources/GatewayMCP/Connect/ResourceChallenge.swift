import GatewayModel
import GatewayWire

/// What a server says of the tokens it wants: the `Bearer` challenge of a 401 or 403 (RFC 6750 section 3, RFC 9728
/// section 5.1). All of it is the server's word, and judged before anything is done by it.
struct ResourceChallenge: Sendable, Equatable {
    /// Where its metadata is.
    var metadataURL: String?
    /// What the request needs.
    var scopes: [String]
    var error: String?

    static let textBytesMax = 8 * 1024
    static let scopesMax = 64

    /// Nil when no challenge is one of `Bearer`.
    init?(_ fields: [String]) {
        let text = fields.joined(separator: ", ")
        guard text.utf8.count <= ResourceChallenge.textBytesMax else { return nil }
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let parameters = scanner.bearer() else { return nil }
        func value(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
        metadataURL = value("resource_metadata")
        error = value("error")
        scopes = ResourceChallenge.words(value("scope") ?? "")
    }

    /// Words that may stand in a list of scopes, each once.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        for part in text.split(separator: " ") where words.count < scopesMax {
            let word = String(part)
            let isToken = word.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
            guard isToken, word.utf8.count <= 128, !words.contains(word) else { continue }
            words.append(word)
        }
        return words
    }

    /// RFC 9110 section 11.6.1: challenges with commas between, and their parameters with commas between.
    private struct Scanner {
        let bytes: [UInt8]
        var index = 0

        mutating func bearer() -> [(name: String, value: String)]? {
            var found: [(name: String, value: String)]?
            var isBearer = false
            while true {
                skip { $0 == 0x20 || $0 == 0x09 || $0 == 0x2C }
                let name = take { Scanner.isToken($0) }.lowercased()
                guard !name.isEmpty else { return found }
                skip { $0 == 0x20 || $0 == 0x09 }
                guard index < bytes.count, bytes[index] == 0x3D else {
                    // A scheme; the first Bearer counts.
                    isBearer = name == "bearer" && found == nil
                    if isBearer { found = [] }
                    continue
                }
                index += 1
                skip { $0 == 0x20 || $0 == 0x09 }
                let value = index < bytes.count && bytes[index] == 0x22 ? quoted() : take { Scanner.isValue($0) }
                if isBearer, found?.contains(where: { $0.name == name }) == false { found?.append((name, value)) }
            }
        }

        private mutating func quoted() -> String {
            index += 1
            var out: [UInt8] = []
            while index < bytes.count, bytes[index] != 0x22 {
                if bytes[index] == 0x5C, index + 1 < bytes.count { index += 1 }
                out.append(bytes[index])
                index += 1
            }
            index += 1
            return String(decoding: out, as: UTF8.self)
        }

        private mutating func skip(_ isSkipped: (UInt8) -> Bool) {
            while index < bytes.count, isSkipped(bytes[index]) { index += 1 }
        }

        private mutating func take(_ isTaken: (UInt8) -> Bool) -> String {
            let start = index
            skip(isTaken)
            return String(decoding: bytes[start..<index], as: UTF8.self)
        }

        private static func isToken(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "!#$%&'*+-.^_`|~/".utf8.contains(byte)
            }
        }

        private static func isValue(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x2C && byte != 0x22 }
    }
}
