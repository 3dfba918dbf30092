import NIOCore
import NIOHPACK

/// A frame as bytes, written and read by hand, so that the tests do not share a codec with what they test.
struct HTTP2Frame {
    var type: UInt8
    var flags: UInt8 = 0
    var id: UInt32 = 0
    var payload: [UInt8] = []

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    var bytes: [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + Self.word(id) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 255) } }

    var firstWord: UInt32 { payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    /// Of RST_STREAM, or of GOAWAY, whose first word is a stream.
    var code: UInt32 { type == 7 ? payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) } : firstWord }
    var isEnd: Bool { flags & 1 != 0 }

    static func settings(_ values: [(UInt16, UInt32)] = []) -> HTTP2Frame {
        HTTP2Frame(
            type: 4, payload: values.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + word($0.1) })
    }
    static let settingsAck = HTTP2Frame(type: 4, flags: 1)
    static func ping(_ byte: UInt8 = 7) -> HTTP2Frame {
        HTTP2Frame(type: 6, payload: [UInt8](repeating: byte, count: 8))
    }
    static func reset(_ id: UInt32, _ code: UInt32) -> HTTP2Frame { HTTP2Frame(type: 3, id: id, payload: word(code)) }
    static func goaway(last: UInt32, _ code: UInt32) -> HTTP2Frame {
        HTTP2Frame(type: 7, payload: word(last) + word(code))
    }
    static func window(_ id: UInt32, _ increment: UInt32) -> HTTP2Frame {
        HTTP2Frame(type: 8, id: id, payload: word(increment))
    }
    static func data(_ id: UInt32, _ payload: [UInt8], end: Bool = false) -> HTTP2Frame {
        HTTP2Frame(type: 0, flags: end ? 1 : 0, id: id, payload: payload)
    }
    /// A header block in literals, so that its bytes are the same whatever was sent before.
    static func headers(_ id: UInt32, _ fields: [(String, String)], end: Bool = true) -> HTTP2Frame {
        HTTP2Frame(type: 1, flags: end ? 5 : 4, id: id, payload: block(fields))
    }

    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + text($0.0) + text($0.1) }
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    static let get: [(String, String)] = [
        (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.example"),
    ]
    static func request(_ method: String, _ more: [(String, String)] = []) -> [(String, String)] {
        [(":method", method)] + get.dropFirst() + more
    }
}

/// The other end of a connection under test: cuts what it sends into frames and decodes heads.
struct HTTP2FrameReader {
    private var rest: [UInt8] = []
    private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    /// A client's preface comes before its first frame.
    private var skip: Int

    init(afterPreface: Bool = false) { skip = afterPreface ? HTTP2Frame.preface.count : 0 }

    mutating func read(_ buffer: ByteBuffer) -> [HTTP2Frame] {
        rest += Array(buffer.readableBytesView)
        if skip > 0, rest.count >= skip {
            rest.removeFirst(skip)
            skip = 0
        }
        var frames: [HTTP2Frame] = []
        while skip == 0, rest.count >= 9 {
            let count = Int(rest[0]) << 16 | Int(rest[1]) << 8 | Int(rest[2])
            guard rest.count >= 9 + count else { break }
            let id = rest[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            frames.append(
                HTTP2Frame(type: rest[3], flags: rest[4], id: id, payload: Array(rest[9..<(9 + count)])))
            rest.removeFirst(9 + count)
        }
        return frames
    }

    mutating func fields(_ frame: HTTP2Frame) throws -> [String: String] {
        var buffer = ByteBuffer(bytes: frame.payload)
        let headers = try decoder.decodeHeaders(from: &buffer)
        return Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { "\($0), \($1)" })
    }
}
