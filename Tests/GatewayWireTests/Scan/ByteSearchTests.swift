import Testing

@testable import GatewayWire

@Suite("A byte is found wherever it lies")
struct ByteSearchTests {
    private static func has(_ byte: UInt8, _ input: [UInt8]) -> Bool { Scan.contains(byte, input.span) }

    @Test("at every place of texts of every length up to two wide steps, and nothing that differs by one bit")
    func everywhere() {
        for count in 0...70 {
            for byte in [UInt8](arrayLiteral: 0x5C, 0x00, 0x80, 0xFF) {
                var input = [UInt8](repeating: byte ^ 1, count: count)
                #expect(!Self.has(byte, input))
                for place in 0..<count {
                    input[place] = byte
                    #expect(Self.has(byte, input))
                    input[place] = byte ^ 0x80
                    #expect(!Self.has(byte, input))
                    input[place] = byte ^ 1
                }
            }
        }
    }
}
