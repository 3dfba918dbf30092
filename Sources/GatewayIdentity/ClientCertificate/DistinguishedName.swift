import GatewayModel

/// Reads a distinguished name in text form (RFC 4514): enough to take its parts apart without being fooled by
/// escaped commas.
enum DistinguishedName {
    struct Part: Equatable, Sendable {
        /// Upper case: `CN`, `O`, `OU`, or a dotted number.
        var type: String
        var value: String
    }

    static let bytesMax = 4_096

    /// The parts in the order of the text. Throws `unauthenticated` for text that is no distinguished name.
    static func parse(_ text: String) throws(GatewayError) -> [Part] {
        guard text.utf8.count <= bytesMax else { throw malformed() }
        guard !text.isEmpty else { return [] }
        var parts: [Part] = []
        var rest = Array(text.utf8)[...]
        while true {
            while rest.first == 0x20 { rest = rest.dropFirst() }
            guard let equals = rest.firstIndex(of: 0x3D), equals > rest.startIndex else { throw malformed() }
            let type = String(decoding: rest[..<equals], as: UTF8.self).uppercased()
            guard type.utf8.allSatisfy(isTypeByte) else { throw malformed() }
            rest = rest[(equals + 1)...]
            let value = try value(&rest)
            parts.append(Part(type: type, value: value))
            guard let separator = rest.first else { return parts }
            guard separator == 0x2C || separator == 0x2B else { throw malformed() }
            rest = rest.dropFirst()
        }
    }

    private static func isTypeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x2E, 0x2D: true
        default: false
        }
    }

    /// Takes a value up to an unescaped separator. Spaces at its end that are not escaped do not belong to it.
    private static func value(_ rest: inout ArraySlice<UInt8>) throws(GatewayError) -> String {
        var value: [UInt8] = []
        var keep = 0
        while let byte = rest.first, byte != 0x2C, byte != 0x2B {
            rest = rest.dropFirst()
            switch byte {
            case 0x5C:
                value.append(try escaped(&rest))
                keep = value.count
            case 0x22, 0x3B, 0x3C, 0x3E, 0x00:
                throw malformed()
            default:
                value.append(byte)
                if byte != 0x20 { keep = value.count }
            }
        }
        guard let text = String(validating: value.prefix(keep), as: UTF8.self) else { throw malformed() }
        return text
    }

    private static func escaped(_ rest: inout ArraySlice<UInt8>) throws(GatewayError) -> UInt8 {
        guard let first = rest.first else { throw malformed() }
        rest = rest.dropFirst()
        guard let high = nibble(first) else { return first }
        guard let second = rest.first, let low = nibble(second) else { throw malformed() }
        rest = rest.dropFirst()
        return high << 4 | low
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        case 0x41...0x46: byte - 0x37
        default: nil
        }
    }

    private static func malformed() -> GatewayError {
        GatewayError(.unauthenticated, "the subject of the client certificate is malformed")
    }
}
