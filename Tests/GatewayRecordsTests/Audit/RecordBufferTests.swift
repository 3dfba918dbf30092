import GatewayWire
import Testing

@testable import GatewayRecords

@Suite("A record's pieces are written as canonical JSON has them")
struct RecordBufferTests {
    private func written(_ body: (RecordBuffer) -> Void) -> String {
        // So small that every piece has to make room for itself.
        let buffer = RecordBuffer(capacity: 1)
        body(buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    @Test("texts of every length, with every kind of escape at every place")
    func texts() throws {
        for length in 0...26 {
            let plain = String("abcdefghijklmnopqrstuvwxyz".prefix(length))
            var texts = [plain]
            for place in 0..<length {
                for odd in ["\"", "\\", "\n", "\u{1}", "\u{7F}", "é", "😀"] {
                    texts.append(plain.prefix(place) + odd + plain.dropFirst(place + 1))
                }
            }
            for text in texts {
                let expected = String(decoding: try CanonicalJSON.bytes(.text(text)), as: UTF8.self)
                #expect(written { $0.append(quoted: text.utf8Span.span) } == expected)
            }
        }
    }

    @Test("whole numbers, around every power of ten")
    func numbers() {
        var power = 1
        for _ in 0..<18 {
            for value in [power - 1, power, power + 1, -power] {
                #expect(written { $0.append(decimal: value) } == String(value))
            }
            power *= 10
        }
        #expect(written { $0.append(decimal: .min) } == String(Int.min))
    }

    @Test("names of every length, with and without their comma")
    func names() {
        #expect(written { $0.append(key: "", comma: false) } == "\"\":")
        #expect(written { $0.append(key: "ab", comma: true) } == ",\"ab\":")
        #expect(written { $0.append(key: "abcd", comma: false) } == "\"abcd\":")
        #expect(written { $0.append(key: "abcdefg", comma: true) } == ",\"abcdefg\":")
        #expect(written { $0.append(key: "abcdefgh", comma: true) } == ",\"abcdefgh\":")
        #expect(written { $0.append(key: "abcdefghijklmnop", comma: false) } == "\"abcdefghijklmnop\":")
        #expect(written { $0.append(key: "abcdefghijklmnopq", comma: true) } == ",\"abcdefghijklmnopq\":")
    }

    @Test("a UUID of version 7 has its time in front, and is read again as it was written")
    func uid() {
        let uid = RecordUID(milliseconds: 0x0123_4567_89AB, random: [0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6, 7])
        #expect(uid.text == "01234567-89ab-7fff-bf01-020304050607")
        #expect(RecordUID(uid.text) == uid)
        for text in ["", "01234567-89AB-7fff-bf01-020304050607", "0123456789ab7fffbf01020304050607"] {
            #expect(RecordUID(text) == nil)
        }
    }
}
