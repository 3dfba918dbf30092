/// HTTP/2 frames as bytes (RFC 9113 section 4.1), legal or not: an encoder with rules could not send these.
enum HTTP2Bytes {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    enum Kind: UInt8 {
        case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    static let endStream: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4

    static func frame(_ kind: Kind, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), kind.rawValue, flags]
            + word(stream) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    static func setting(_ id: UInt16, _ value: UInt32) -> [UInt8] {
        [UInt8(id >> 8), UInt8(id & 0xFF)] + word(value)
    }

    /// A connection's first bytes: preface and SETTINGS.
    static func opening(_ settings: [UInt8] = []) -> [UInt8] {
        preface + frame(.settings, stream: 0, settings)
    }

    /// Literal fields without indexing and without Huffman (RFC 7541 section 6.2.2): any bytes go.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0x00] + string($0.0) + string($0.1) }
    }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return integer(bytes.count, prefix: 7) + bytes
    }

    /// RFC 7541 section 5.1.
    static func integer(_ value: Int, prefix: Int) -> [UInt8] {
        let limit = 1 << prefix - 1
        if value < limit { return [UInt8(value)] }
        var out = [UInt8(limit)]
        var rest = value - limit
        while rest >= 128 {
            out.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return out + [UInt8(rest)]
    }

    static func headers(
        _ stream: UInt32, _ fields: [(String, String)], flags: UInt8 = endStream | endHeaders
    ) -> [UInt8] {
        frame(.headers, flags: flags, stream: stream, block(fields))
    }
}

/// What came back over HTTP/2.
struct HTTP2Scan {
    /// Of the first HEADERS of each stream, where it can be read.
    var statuses: [UInt32: Int] = [:]
    var resets: [UInt32: UInt32] = [:]
    var goAwayCode: UInt32?
    var sawSettings = false

    init(_ bytes: [UInt8]) {
        var at = 0
        while at + 9 <= bytes.count {
            let length = Int(bytes[at]) << 16 | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2])
            guard at + 9 + length <= bytes.count else { return }
            let stream = Self.word(bytes, at + 5) & 0x7FFF_FFFF
            let payload = Array(bytes[(at + 9)..<(at + 9 + length)])
            switch HTTP2Bytes.Kind(rawValue: bytes[at + 3]) {
            case .settings: sawSettings = true
            case .headers: if statuses[stream] == nil { statuses[stream] = Self.status(payload, flags: bytes[at + 4]) }
            case .resetStream where length == 4: resets[stream] = Self.word(payload, 0)
            case .goAway where length >= 8: goAwayCode = Self.word(payload, 4)
            default: break
            }
            at += 9 + length
        }
    }

    private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3])
    }

    /// `:status` comes first in a response (RFC 9113 section 8.3); -1 where the block holds something else.
    private static func status(_ payload: [UInt8], flags: UInt8) -> Int {
        var at = flags & 0x8 == 0 ? 0 : 1
        if flags & 0x20 != 0 { at += 5 }
        while at < payload.count, payload[at] & 0xE0 == 0x20 { at += 1 }
        guard at < payload.count else { return -1 }
        let indexed = [200, 204, 206, 304, 400, 404, 500]
        if payload[at] & 0x80 != 0 {
            let index = Int(payload[at] & 0x7F) - 8
            return indexed.indices.contains(index) ? indexed[index] : -1
        }
        let nameIndex = payload[at] & (payload[at] & 0xC0 == 0x40 ? 0x3F : 0x0F)
        if nameIndex == 0 { at += 1 + Int(payload.count > at + 1 ? payload[at + 1] & 0x7F : 0) }
        guard nameIndex == 0 || (8...14) ~= nameIndex, at + 1 < payload.count else { return -1 }
        let isHuffman = payload[at + 1] & 0x80 != 0
        let length = Int(payload[at + 1] & 0x7F)
        guard at + 2 + length <= payload.count else { return -1 }
        let text = Array(payload[(at + 2)..<(at + 2 + length)])
        return Int(isHuffman ? digits(text) : String(decoding: text, as: UTF8.self)) ?? -1
    }

    /// Three Huffman-coded digits (RFC 7541 appendix B): 0–2 have five bits, 3–9 six.
    private static func digits(_ bytes: [UInt8]) -> String {
        var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - UInt8($0)) & 1 } }[...]
        var text = ""
        while bits.count >= 5, text.count < 3 {
            let five = bits.prefix(5).reduce(0) { $0 << 1 | Int($1) }
            if five < 3 {
                text += "\(five)"
                bits = bits.dropFirst(5)
                continue
            }
            let six = bits.prefix(6).reduce(0) { $0 << 1 | Int($1) }
            guard bits.count >= 6, (25...31) ~= six else { return text }
            text += "\(six - 22)"
            bits = bits.dropFirst(6)
        }
        return text
    }
}
