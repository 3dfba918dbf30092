import GatewayWire

/// `data:image/png;base64,…` (RFC 2397) taken apart and put together without decoding.
enum DataURL {
    /// The content a URL names or holds; nil if it is neither an http URL nor base64.
    static func source(_ url: JSONText) -> NeutralRequest.Source? {
        // Base64 has slashes, and some writers escape them.
        let text = url.value
        if text.hasPrefix("https://") || text.hasPrefix("http://") { return .url(url) }
        guard text.hasPrefix("data:"), let comma = text.utf8.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let head = text[text.utf8.index(text.startIndex, offsetBy: 5)..<comma].lowercased()
        guard head.hasSuffix(";base64") else { return nil }
        let type = head.prefix { $0 != ";" }
        guard !type.isEmpty, head.utf8.count < 128 else { return nil }
        let data = String(text[text.utf8.index(after: comma)...])
        return .base64(mediaType: type == "image/jpg" ? "image/jpeg" : String(type), data: JSONText(data))
    }

    static func text(mediaType: String, data: JSONText) -> JSONText {
        JSONText("data:" + mediaType + ";base64,") + data
    }
}

extension DataURL {
    /// The UTF-8 text that base64 `data` holds; nil if it is none.
    static func plainText(_ data: JSONText) -> JSONText? {
        guard let bytes = decoded(data.value) else { return nil }
        do {
            return JSONText(String(copying: try UTF8Span(validating: bytes.span)))
        } catch {
            return nil
        }
    }

    /// Standard base64 (RFC 4648), padding optional.
    private static func decoded(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3 + 3)
        var bits: UInt32 = 0
        var count = 0
        var isPadded = false
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") {
                isPadded = true
                continue
            }
            guard !isPadded, let value = value(of: byte) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    private static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
