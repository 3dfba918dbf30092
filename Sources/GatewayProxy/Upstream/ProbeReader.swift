/// The question a health probe asks, in either protocol.
struct ProbeQuestion: Sendable {
    var path: String
    var authority: String
    var isTLS: Bool

    var http1: [UInt8] {
        let lines = [
            "GET \(path) HTTP/1.1", "host: \(authority)", "user-agent: sluice-health", "accept: */*",
            "connection: close", "", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// Preface, empty SETTINGS, and HEADERS on stream 1, in literals only (RFC 7541 section 6.2.2).
    var http2: [UInt8] {
        // :method GET, then :scheme http or https, both whole in the static table.
        var block: [UInt8] = [0x82, isTLS ? 0x87 : 0x86]
        ProbeQuestion.appendLiteral(&block, staticName: 4, path)
        ProbeQuestion.appendLiteral(&block, staticName: 1, authority)
        var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        bytes.append(contentsOf: [0, 0, 0, 4, 0, 0, 0, 0, 0])
        let count = block.count
        bytes.append(contentsOf: [
            UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
            UInt8(truncatingIfNeeded: count), 1, 0x05, 0, 0, 0, 1,
        ])
        return bytes + block
    }

    private static func appendLiteral(_ block: inout [UInt8], staticName: UInt8, _ value: String) {
        block.append(staticName)
        let bytes = Array(value.utf8)
        if bytes.count < 127 {
            block.append(UInt8(bytes.count))
        } else {
            // An integer with a 7-bit prefix (RFC 7541 section 5.1).
            block.append(127)
            var rest = bytes.count - 127
            while rest >= 128 {
                block.append(UInt8(rest % 128 + 128))
                rest /= 128
            }
            block.append(UInt8(rest))
        }
        block.append(contentsOf: bytes)
    }
}

/// What has been read of an answer.
enum ProbeStep: Equatable {
    case more
    case status(Int)
    case malformed
}

/// Reads the answer's status and nothing else.
enum ProbeReader {
    case http1(HTTP1ProbeReader)
    case http2(HTTP2ProbeReader)

    mutating func read(_ bytes: [UInt8]) -> ProbeStep {
        switch self {
        case .http1(var reader):
            let step = reader.read(bytes)
            self = .http1(reader)
            return step
        case .http2(var reader):
            let step = reader.read(bytes)
            self = .http2(reader)
            return step
        }
    }
}

/// The status line of HTTP/1: `HTTP/1.1 200 …`.
struct HTTP1ProbeReader {
    private var line: [UInt8] = []

    mutating func read(_ bytes: [UInt8]) -> ProbeStep {
        line.append(contentsOf: bytes.prefix(13 - line.count))
        guard line.count == 13 else { return .more }
        guard line.starts(with: Array("HTTP/1.".utf8)), line[8] == 32, line[12] == 32 || line[12] == 13 else {
            return .malformed
        }
        var status = 0
        for digit in line[9..<12] {
            guard digit >= 48, digit <= 57 else { return .malformed }
            status = status * 10 + Int(digit - 48)
        }
        return status >= 100 ? .status(status) : .malformed
    }
}

/// The frames of HTTP/2 up to the first HEADERS of stream 1, whose first field is `:status` (RFC 9113 section 8.3).
struct HTTP2ProbeReader {
    /// More than this before the answer is not worth reading.
    static let bytesMax = 64 * 1024

    private var bytes: [UInt8] = []
    private var start = 0

    mutating func read(_ more: [UInt8]) -> ProbeStep {
        bytes.append(contentsOf: more)
        guard bytes.count <= Self.bytesMax else { return .malformed }
        while bytes.count - start >= 9 {
            let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            guard length <= 16_384 else { return .malformed }
            guard bytes.count - start >= 9 + length else { return .more }
            let (type, flags) = (bytes[start + 3], bytes[start + 4])
            let stream = Int(bytes[start + 7]) << 8 | Int(bytes[start + 8])
            let payload = bytes[(start + 9)..<(start + 9 + length)]
            start += 9 + length
            switch type {
            case 1 where stream == 1: return HTTP2ProbeReader.status(payload, flags: flags)
            case 3 where stream == 1, 7: return .malformed
            default: break
            }
        }
        return .more
    }

    private static func status(_ payload: ArraySlice<UInt8>, flags: UInt8) -> ProbeStep {
        var rest = payload
        if flags & 0x08 != 0 { rest = rest.dropFirst() }
        if flags & 0x20 != 0 { rest = rest.dropFirst(5) }
        // Changes of the table's size may come first; each is one integer with a 5-bit prefix.
        while let byte = rest.first, byte & 0xE0 == 0x20 {
            rest = rest.dropFirst()
            guard byte & 0x1F == 0x1F else { continue }
            while let next = rest.popFirst(), next >= 128 {}
        }
        guard let first = rest.popFirst() else { return .malformed }
        let indexed = [0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500]
        if let status = indexed[Int(first)] { return .status(status) }
        // A literal whose name is one of the table's seven `:status` entries, with or without indexing.
        let name = first & 0xC0 == 0x40 ? first & 0x3F : first & 0x0F
        guard first < 0x80, (8...14).contains(name), let length = rest.popFirst() else { return .malformed }
        return number(rest.prefix(Int(length & 0x7F)), isHuffman: length & 0x80 != 0)
    }

    private static func number(_ value: ArraySlice<UInt8>, isHuffman: Bool) -> ProbeStep {
        let digits = isHuffman ? huffmanDigits(value) : value.map { Int($0) - 48 }
        guard let digits, digits.count == 3, digits.allSatisfy({ (0...9).contains($0) }) else { return .malformed }
        let status = digits[0] * 100 + digits[1] * 10 + digits[2]
        return status >= 100 ? .status(status) : .malformed
    }

    /// Three digits of HPACK's Huffman code: 0 to 2 are five bits, 3 to 9 are six (RFC 7541 appendix B).
    private static func huffmanDigits(_ value: ArraySlice<UInt8>) -> [Int]? {
        guard value.count <= 3 else { return nil }
        var bits: [UInt8] = []
        for byte in value { for shift in (0..<8).reversed() { bits.append(byte >> UInt8(shift) & 1) } }
        var digits: [Int] = []
        var position = 0
        while digits.count < 3 {
            guard position + 5 <= bits.count else { return nil }
            let five = bits[position..<(position + 5)].reduce(0) { $0 << 1 | Int($1) }
            if five <= 2 {
                digits.append(five)
                position += 5
            } else {
                guard position + 6 <= bits.count else { return nil }
                let six = five << 1 | Int(bits[position + 5])
                guard (25...31).contains(six) else { return nil }
                digits.append(six - 22)
                position += 6
            }
        }
        return digits
    }
}
