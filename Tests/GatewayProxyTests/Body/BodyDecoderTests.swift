import GatewayModel
import NIOCore
import Testing

@testable import GatewayProxy

@Suite("A compressed body is read as it comes, and never grows out of proportion")
struct BodyDecoderTests {
    private static let text = Array(String(repeating: "the quick brown fox, and a number: 12345. ", count: 40).utf8)

    private static func encoded(_ coding: String, _ bytes: [UInt8]) throws -> [UInt8] {
        var out: [UInt8] = []
        func encode(_ encode: (ByteBuffer, EncodingStep, (ByteBuffer) -> Void) -> Void) {
            encode(ByteBuffer(bytes: bytes), .finish) { out += Array($0.readableBytesView) }
        }
        if coding == "gzip" {
            let encoder = try #require(GzipEncoder())
            encode { encoder.encode($0, $1, to: $2) }
        } else {
            let encoder = try #require(ZstdEncoder())
            encode { encoder.encode($0, $1, to: $2) }
        }
        return out
    }

    private static func decoded(_ coding: String, _ pieces: [ArraySlice<UInt8>]) throws(GatewayError) -> [UInt8] {
        guard let decoder = try BodyDecoder.make(coding) else { return [] }
        var out: [UInt8] = []
        for piece in pieces {
            try decoder.decode(ByteBuffer(bytes: piece)) { (bytes: ByteBuffer) throws(GatewayError) in
                out += Array(bytes.readableBytesView)
            }
        }
        try decoder.finish()
        return out
    }

    @Test(arguments: ["gzip", "zstd"])
    func `whatever the cut, the bytes are the same`(coding: String) throws {
        let bytes = try Self.encoded(coding, Self.text)
        for cut in 0...bytes.count {
            #expect(try Self.decoded(coding, [bytes[..<cut], bytes[cut...]]) == Self.text, "cut at \(cut)")
        }
        #expect(try Self.decoded(coding, bytes.indices.map { bytes[$0...$0] }) == Self.text)
        #expect(try Self.decoded(coding, [bytes[...], bytes[...]]) == Self.text + Self.text)
    }

    @Test(arguments: ["gzip", "zstd"])
    func `what is cut off, empty, spoilt or followed by something else is refused`(coding: String) throws {
        let bytes = try Self.encoded(coding, Self.text)
        for end in 0..<bytes.count {
            #expect(throws: GatewayError.self, "\(end)") { try Self.decoded(coding, [bytes[..<end]]) }
        }
        #expect(throws: GatewayError.self) { try Self.decoded(coding, [bytes[...], [0x21, 0x21, 0x21, 0x21, 0x21]]) }
        var spoilt = bytes
        spoilt[bytes.count / 2] ^= 0xFF
        // What a checksum does not cover may still come out otherwise than it went in.
        if let out = try? Self.decoded(coding, [spoilt[...]]) { #expect(out != Self.text || coding == "zstd") }
    }

    @Test(arguments: ["gzip", "zstd"])
    func `a bomb is put out long before it has grown`(coding: String) throws {
        let bytes = try Self.encoded(coding, [UInt8](repeating: 0, count: 64 << 20))
        let decoder = try #require(try BodyDecoder.make(coding))
        var grown = 0
        let error = #expect(throws: GatewayError.self) {
            try decoder.decode(ByteBuffer(bytes: bytes)) { (piece: ByteBuffer) throws(GatewayError) in
                grown += piece.readableBytes
            }
        }
        #expect(error?.code == .bodyTooLarge)
        #expect(grown <= max(BodyDecoder.growthFreeBytes, bytes.count * BodyDecoder.growthMax))
    }

    @Test(arguments: ["br", "deflate", "compress", "gzip,gzip", ""])
    func `other codings are not read`(coding: String) throws {
        #expect(try BodyDecoder.make(coding) == nil)
    }
}
