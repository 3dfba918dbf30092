import Testing

@testable import GatewayWire

@Suite("Bytes are written into lent memory as they are into an array")
struct ByteWriterTests {
    static func written(_ bytesMax: Int, _ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: bytesMax)
        let count = unsafe out.withUnsafeMutableBytes { memory -> Int in
            guard let base = memory.baseAddress else { return 0 }
            var writer = unsafe ByteWriter(base: base, limit: bytesMax)
            write(&writer)
            return writer.count
        }
        return Array(out[..<count])
    }

    @Test(arguments: [0, 1, 9, 10, 99, 100, 12_345, UInt64(UInt32.max), .max] as [UInt64])
    func decimals(_ value: UInt64) {
        #expect(ByteWriterTests.written(20) { $0.append(decimal: value) } == Array("\(value)".utf8))
    }

    @Test("text, bytes, slices and line ends follow each other")
    func pieces() {
        let bytes = Array("abcdef".utf8)
        let out = ByteWriterTests.written(16) {
            $0.append("x: ")
            $0.append(bytes.span)
            $0.appendLineEnd()
            $0.append(bytes.span, Slice(start: 1, count: 2))
            $0.append(bytes.span, .empty)
            $0.append(0x21)
        }
        #expect(String(decoding: out, as: UTF8.self) == "x: abcdef\r\nbc!")
    }

    @Test("eight hexadecimal digits", arguments: [0, 1, 0x0123_4567, 0x89AB_CDEF, 0xA0F0_0FFA, .max] as [UInt32])
    func digits(_ value: UInt32) {
        let text = String(value, radix: 16)
        let padded = String(repeating: "0", count: 8 - text.count) + text
        let word = Hexadecimal.digits(value)
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        #expect(String(decoding: bytes, as: UTF8.self) == padded)
    }

    private static func areEqual(_ text: [UInt8], _ slice: Slice, _ other: [UInt8]) -> Bool {
        Word.equals(text.span, slice, other.span)
    }

    @Test("slices are compared whole")
    func equality() {
        let text = Array("0123456789abcdefghij".utf8)
        for count in 1...20 {
            let slice = Slice(start: 0, count: count)
            let other = Array(text[..<count])
            #expect(ByteWriterTests.areEqual(text, slice, other))
            for index in 0..<count {
                var wrong = other
                wrong[index] ^= 1
                #expect(!ByteWriterTests.areEqual(text, slice, wrong))
            }
        }
        #expect(!ByteWriterTests.areEqual(text, .empty, []))
    }
}
