import Testing

@testable import GatewayWire

@Suite("Bytes are classed as the RFCs list them")
struct ByteClassTests {
    static let alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    static let pathCharacters = alphanumeric + "-._~!$&'()*+,;=:@/"

    @Test(arguments: [
        (ByteClass.token, alphanumeric + "!#$%&'*+-.^_`|~"), (ByteClass.unreserved, alphanumeric + "-._~"),
        (ByteClass.path, pathCharacters), (ByteClass.query, pathCharacters + "?"),
        (ByteClass.host, alphanumeric + "-._"),
        (ByteClass.plainPath, pathCharacters.filter { $0 != "." }),
        (ByteClass.plainHost, alphanumeric.filter { !$0.isUppercase } + "-_"),
    ])
    func classes(_ bit: UInt8, _ members: String) {
        let expected = Set(members.utf8)
        for byte in UInt8.min...UInt8.max { #expect(ByteClass.has(byte, bit) == expected.contains(byte), "\(byte)") }
    }

    @Test("eight at a time finds what one at a time finds")
    func words() {
        for byte in UInt8.min...UInt8.max {
            for position in 0..<20 {
                var input = [UInt8](repeating: 0x61, count: 20)
                input[position] = byte
                let isEnd = byte <= 0x20 || byte == 0x7F
                let control = isEnd && byte != 0x20 && byte != 0x09 ? position : 20
                #expect(Scan.control(input.span, from: 0, to: 20) == control)
                #expect(Scan.controlOrSpace(input.span, from: 0, to: 20) == (isEnd ? position : 20))
                #expect(Scan.nameEnd(input.span, from: 0, to: 20) == (isEnd || byte == 0x3A ? position : 20))
                #expect(Scan.lineFeed(input.span, from: 0, to: 20) == (byte == 0x0A ? position : 20))
            }
            let word = UInt64(byte) * 0x0101_0101_0101_0101
            #expect(Word.lowercased(word) == UInt64(Byte.lowercased(byte)) * 0x0101_0101_0101_0101)
        }
    }

    @Test("a mixed word is lower-cased byte by byte")
    func lowercase() {
        let input = Array("@AZ[`az{\u{7F}-_".utf8) + [0xC1, 0xDA, 0x00, 0x41, 0x5A]
        for start in 0...(input.count - 8) {
            let word = Word.lowercased(Word.load(input.span, start))
            for index in 0..<8 {
                #expect(UInt8(truncatingIfNeeded: word >> UInt64(index * 8)) == Byte.lowercased(input[start + index]))
            }
        }
    }
}

@Suite("Wide searches find what a plain loop finds")
struct StringScanTests {
    @Test func `every byte at every place`() {
        for byte in UInt8.min...UInt8.max {
            let isStop = byte < 0x20 || byte == 0x22 || byte == 0x5C || byte >= 0x80
            let isLineEnd = byte == 0x0A || byte == 0x0D
            let isBase64 = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\".utf8)
                .contains(byte)
            for place in 0..<170 {
                var input = [UInt8](repeating: 0x41, count: 170)
                input[place] = byte
                #expect(Scan.stringStop(input.span, from: 0) == (isStop ? place : 170))
                #expect(Scan.stringEnd(input.span, from: 0) == (isStop && byte < 0x80 ? place : 170))
                #expect(Scan.lineEnd(input.span, from: 0) == (isLineEnd ? place : 170))
                #expect(Scan.isBase64(input.span, 0..<170) == isBase64)
            }
        }
    }
}
