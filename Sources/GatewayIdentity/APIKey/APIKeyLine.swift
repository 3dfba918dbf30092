import GatewayModel

/// One line of a key file.
struct APIKeyLine {
    private let bytes: [UInt8]
    private let file: String
    private let line: Int

    init(_ bytes: ArraySlice<UInt8>, file: String, line: Int) {
        self.bytes = Array(bytes)
        self.file = file
        self.line = line
    }

    /// The key, or nil for an empty line or a comment.
    func key() throws(GatewayError) -> APIKeySet.Key? {
        let words = try words()
        guard let first = words.first, bytes[first.lowerBound] != 0x23 else { return nil }
        let id = try text(first)
        guard words.count >= 2 else {
            throw failure(.missingField, bytes.count, "the hash is missing after the key id \(id)")
        }
        let digest = try digest(words[1])
        var principal = Principal(proof: .apiKey, credentialID: id)
        var expires: Int?
        var seen: Set<String> = []
        for word in words.dropFirst(2) {
            guard let split = bytes[word].firstIndex(of: 0x3D), split > word.lowerBound else {
                throw failure(.syntax, word.lowerBound, "expected name=value, found \(try text(word))")
            }
            let name = try text(word.lowerBound..<split)
            let value = try text((split + 1)..<word.upperBound)
            guard seen.insert(name).inserted else {
                throw failure(.duplicateKey, word.lowerBound, "the field is given twice: \(name)")
            }
            guard !value.isEmpty else { throw failure(.invalidValue, split, "the value is empty for \(name)") }
            switch name {
            case "user": principal.user = value
            case "tenant": principal.tenant = value
            case "agent": principal.agent = value
            case "groups": principal.groups = try groups(value, at: split + 1)
            case "expires":
                guard let seconds = Timestamp.seconds(value) else {
                    throw failure(
                        .invalidValue, split + 1, "not a time: \(value)", hint: "write it as 2027-01-31T00:00:00Z")
                }
                expires = seconds
            default:
                throw failure(
                    .unknownField, word.lowerBound, "unknown field \(name)",
                    hint: "one of user, tenant, agent, groups, expires")
            }
        }
        return APIKeySet.Key(digest: digest, principal: principal, expiresSeconds: expires)
    }

    /// Runs of bytes between spaces and tabs. Control bytes are an error: they hide what a line says.
    private func words() throws(GatewayError) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == 0x20 || byte == 0x09 {
                if let first = start { words.append(first..<index) }
                start = nil
                continue
            }
            guard byte >= 0x20, byte != 0x7F else { throw failure(.syntax, index, "a control byte is not allowed") }
            if start == nil { start = index }
        }
        if let first = start { words.append(first..<bytes.count) }
        return words
    }

    private func text(_ range: Range<Int>) throws(GatewayError) -> String {
        guard range.count <= APIKeyFile.valueBytesMax else {
            throw failure(.tooLarge, range.lowerBound, "a word is longer than \(APIKeyFile.valueBytesMax) bytes")
        }
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw failure(.syntax, range.lowerBound, "a word is not UTF-8")
        }
        return text
    }

    private func digest(_ range: Range<Int>) throws(GatewayError) -> [UInt8] {
        // The text is not repeated in the error: it may be a key pasted where its hash belongs.
        guard range.count == 64 else {
            throw failure(
                .invalidValue, range.lowerBound, "expected 64 hexadecimal digits, found \(range.count) bytes",
                hint: "give the SHA-256 of the key: printf %s KEY | sha256sum")
        }
        var digest: [UInt8] = []
        digest.reserveCapacity(32)
        for index in stride(from: range.lowerBound, to: range.upperBound, by: 2) {
            guard let high = APIKeyLine.nibble(bytes[index]), let low = APIKeyLine.nibble(bytes[index + 1]) else {
                throw failure(.invalidValue, index, "the hash has a character that is not a hexadecimal digit")
            }
            digest.append(high << 4 | low)
        }
        return digest
    }

    private func groups(_ value: String, at column: Int) throws(GatewayError) -> [String] {
        let groups = value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard groups.allSatisfy({ !$0.isEmpty }) else {
            throw failure(.invalidValue, column, "an empty group in \(value)")
        }
        guard Set(groups).count == groups.count else {
            throw failure(.invalidValue, column, "a group is given twice in \(value)")
        }
        return groups
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        case 0x41...0x46: byte - 0x37
        default: nil
        }
    }

    private func failure(
        _ code: ErrorCode, _ offset: Int, _ message: String, hint: String? = nil
    ) -> GatewayError {
        GatewayError(code, "\(message), at \(file):\(line):\(offset + 1)", hint: hint)
    }
}
