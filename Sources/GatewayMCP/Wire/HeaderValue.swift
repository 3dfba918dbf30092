import GatewayWire

/// Values of `Mcp-Name` and `Mcp-Param-…`: as they are, or in base64 between `=?base64?` and `?=` where a field could
/// not carry them (specification 2026-07-28, streamable HTTP, value encoding).
enum HeaderValue {
    private static let prefix = Array("=?base64?".utf8)
    private static let suffix = Array("?=".utf8)

    static func encoded(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        let isPlain =
            bytes.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 } && !isBlank(bytes.first)
            && !isBlank(bytes.last) && !bytes.isEmpty && !isMarked(bytes)
        return isPlain ? bytes : prefix + Base64.encode(bytes) + suffix
    }

    /// What a field's value means; nil for one that means nothing.
    static func decoded(_ value: [UInt8]) -> [UInt8]? {
        if isMarked(value) {
            guard let bytes = Base64.decode(value[prefix.count..<(value.count - suffix.count)]),
                String(validating: bytes, as: UTF8.self) != nil
            else { return nil }
            return bytes
        }
        return value.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 } ? value : nil
    }

    /// Whether a field's value means exactly this text. Nearly always it is the text.
    static func isExactly(_ text: String, _ value: String) -> Bool {
        if value.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3D }) {
            return value.utf8.elementsEqual(text.utf8)
        }
        return decoded(Array(value.utf8)).map { $0.elementsEqual(text.utf8) } ?? false
    }

    private static func isBlank(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isMarked(_ bytes: [UInt8]) -> Bool {
        bytes.count >= prefix.count + suffix.count && bytes.starts(with: prefix)
            && bytes.suffix(suffix.count).elementsEqual(suffix)
    }
}

/// Base64 as RFC 4648 section 4 has it, strict: padding in place, no other bytes, no bits left over. And section 5's
/// alphabet without padding, for what stands in fields and texts of our own.
enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlSafe = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let standardValues = values(standard)
    private static let urlSafeValues = values(urlSafe)

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var out = encode(bytes, standard)
        while out.count % 4 != 0 { out.append(0x3D) }
        return out
    }

    static func encodeURLSafe(_ bytes: [UInt8]) -> [UInt8] { encode(bytes, urlSafe) }

    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).count { $0 == 0x3D }
        return decode(text.dropLast(padding), standardValues)
    }

    static func decodeURLSafe(_ text: [UInt8]) -> [UInt8]? { decode(text[...], urlSafeValues) }

    private static func values(_ alphabet: [UInt8]) -> [Int8] {
        var values = [Int8](repeating: -1, count: 256)
        for (index, byte) in alphabet.enumerated() { values[Int(byte)] = Int8(index) }
        return values
    }

    private static func encode(_ bytes: [UInt8], _ alphabet: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count * 4 + 2) / 3)
        var held: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                out.append(alphabet[Int(held >> bits & 63)])
            }
        }
        if bits > 0 { out.append(alphabet[Int(held << (6 - bits) & 63)]) }
        return out
    }

    private static func decode(_ text: ArraySlice<UInt8>, _ values: [Int8]) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(text.count * 3 / 4)
        var held: UInt32 = 0
        var bits: UInt32 = 0
        for byte in text {
            let value = values[Int(byte)]
            guard value >= 0 else { return nil }
            held = held << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: held >> bits))
            }
        }
        return held & (1 << bits - 1) == 0 ? out : nil
    }
}
