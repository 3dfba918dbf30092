/// Bytes written as standard base64 (RFC 4648 section 4); line breaks inside are skipped.
package struct Base64Bytes: ConfigValue, Hashable {
    package var bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    package init?(_ text: String) {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text.utf8 {
            let value: UInt32
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(byte - UInt8(ascii: "A"))
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(byte - UInt8(ascii: "a")) + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte - UInt8(ascii: "0")) + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "="):
                padding += 1
                continue
            case 0x0A, 0x0D, 0x20, 0x09: continue
            default: return nil
            }
            guard padding == 0 else { return nil }
            bits = bits << 6 | value
            count += 1
            if count.isMultiple(of: 4) {
                result += [UInt8(bits >> 16 & 0xFF), UInt8(bits >> 8 & 0xFF), UInt8(bits & 0xFF)]
                bits = 0
            }
        }
        guard padding <= 2, (count + padding).isMultiple(of: 4) else { return nil }
        switch count % 4 {
        case 2: result.append(UInt8(bits >> 4 & 0xFF))
        case 3: result += [UInt8(bits >> 10 & 0xFF), UInt8(bits >> 2 & 0xFF)]
        case 1: return nil
        default: break
        }
        bytes = result
    }

    package static func decode(_ value: ValueReader) -> Base64Bytes? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a base64 string")
            return nil
        }
        if let bytes = Base64Bytes(text) { return bytes }
        // Never quote the value: it may be a secret.
        value.reportInvalid("(hidden)", hint: "write base64; for plain text use stringData")
        return nil
    }

    package static var placeholder: Base64Bytes { Base64Bytes(bytes: []) }
    package static var schema: ConfigNode {
        .object([("type", .text("string")), ("contentEncoding", .text("base64"))])
    }
}
