/// `application/x-www-form-urlencoded` (WHATWG URL section 5), both ways.
package enum FormText {
    package static func encode(_ text: String) -> String {
        var out: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            default: out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Name and value of each field; nil for what is not UTF-8 or has a `%` without two digits.
    package static func decode(_ body: [UInt8], fieldsMax: Int = 64) -> [(name: String, value: String)]? {
        guard !body.isEmpty else { return [] }
        let parts = body.split(separator: 0x26, omittingEmptySubsequences: true)
        guard parts.count <= fieldsMax else { return nil }
        var fields: [(name: String, value: String)] = []
        for part in parts {
            let split = part.firstIndex(of: 0x3D) ?? part.endIndex
            guard let name = text(part[..<split]), let value = text(split < part.endIndex ? part[(split + 1)...] : [])
            else { return nil }
            fields.append((name, value))
        }
        return fields
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        var out: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch bytes[index] {
            case 0x2B: out.append(0x20)
            case 0x25:
                guard index + 2 < bytes.endIndex, let high = nibble(bytes[index + 1]),
                    let low = nibble(bytes[index + 2])
                else { return nil }
                out.append(high << 4 | low)
                index += 2
            default: out.append(bytes[index])
            }
            index += 1
        }
        return String(validating: out, as: UTF8.self)
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        case 0x41...0x46: byte - 0x37
        default: nil
        }
    }
}
