/// The decoded query of a request target; the workbench's own reading, so that the gateway's is checked.
struct Query: Sendable {
    let pairs: [(name: String, value: String)]

    init(target: String) {
        guard let mark = target.firstIndex(of: "?") else {
            pairs = []
            return
        }
        let text = target[target.index(after: mark)...].prefix { $0 != "#" }
        pairs = text.split(separator: "&", omittingEmptySubsequences: true).map { part in
            guard let equals = part.firstIndex(of: "=") else { return (percentDecoded(part), "") }
            return (percentDecoded(part[..<equals]), percentDecoded(part[part.index(after: equals)...]))
        }
    }

    subscript(name: String) -> String? {
        pairs.first { $0.name == name }?.value
    }
}

/// Percent-decoding with `+` as a space; a broken escape stays as it is written.
func percentDecoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    let source = Array(text.utf8)
    var index = 0
    while index < source.count {
        let byte = source[index]
        if byte == 0x25, index + 2 < source.count,
            let high = hexValue(source[index + 1]), let low = hexValue(source[index + 2])
        {
            bytes.append(high << 4 | low)
            index += 3
            continue
        }
        bytes.append(byte == 0x2B ? 0x20 : byte)
        index += 1
    }
    return String(decoding: bytes, as: UTF8.self)
}

func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
}
