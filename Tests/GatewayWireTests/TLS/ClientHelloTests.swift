import Testing

@testable import GatewayWire

@Suite("A ClientHello is read within its bounds")
struct ClientHelloTests {
    static func vector(_ bytes: [UInt8], _ width: Int) -> [UInt8] {
        (0..<width).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) } + bytes
    }

    static func ext(_ type: Int, _ body: [UInt8]) -> [UInt8] {
        [UInt8(type >> 8), UInt8(type & 255)] + vector(body, 2)
    }

    static func name(_ text: String) -> [UInt8] { ext(0, vector([0] + vector(bytes(text), 2), 2)) }
    static func alpn(_ names: [String]) -> [UInt8] { ext(16, vector(names.flatMap { vector(bytes($0), 1) }, 2)) }

    static func hello(_ extensions: [UInt8]?) -> [UInt8] {
        var body = [UInt8](repeating: 3, count: 34)
        body += vector([1, 2, 3], 1)
        body += vector([0x0A, 0x0A, 0x13, 0x01], 2)
        body += vector([0], 1)
        if let extensions { body += vector(extensions, 2) }
        return [1] + vector(body, 3)
    }

    static func records(_ message: [UInt8], size: Int) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap {
            [22, 3, 1] + vector(Array(message[$0..<min($0 + size, message.count)]), 2)
        }
    }

    static let full: [UInt8] = Array(
        [
            ext(0x0A0A, [0]), name("Example.COM"), ext(0x2A2A, []), alpn(["\n\n", "h2", "http/1.1"]),
            ext(43, [2, 3, 4]),
        ].joined())

    static func scan(_ input: [UInt8]) throws(ClientHelloError) -> ClientHello? { try ClientHello.scan(input.span) }

    @Test("name and protocols, however the records are cut", arguments: [16384, 100, 7, 5])
    func reads(_ size: Int) throws {
        let input = ClientHelloTests.records(ClientHelloTests.hello(ClientHelloTests.full), size: size)
        let hello = try #require(try ClientHelloTests.scan(input + [23, 3, 3]))
        #expect(hello.serverName == bytes("example.com"))
        #expect(hello.protocols == [bytes("\n\n"), bytes("h2"), bytes("http/1.1")])
        for count in 0..<input.count {
            #expect(try ClientHelloTests.scan(Array(input[..<count])) == nil, "first \(count) bytes")
        }
    }

    @Test("without extensions there is no name")
    func bare() throws {
        let input = ClientHelloTests.records(ClientHelloTests.hello(nil), size: 1000)
        #expect(try ClientHelloTests.scan(input) == ClientHello())
    }

    static func wrapped(_ extensions: [UInt8]) -> [UInt8] { records(hello(extensions), size: 999) }

    static let refused: [([UInt8], ClientHelloError)] = [
        (bytes("GET / HTTP/1.1"), .notTLS), ([22, 2, 0], .notTLS), ([22, 3, 5], .notTLS),
        ([22, 3, 1, 0, 0], .malformed),
        ([22, 3, 1, 0xFF, 0xFF], .malformed), ([22, 3, 1, 0, 1, 2], .notClientHello),
        ([22, 3, 1, 0, 4, 1, 1, 0, 0], .tooLarge),
        ([22, 3, 1, 0, 1, 1, 21, 3, 1], .notClientHello), (records(hello(full), size: 1), .tooLarge),
        (wrapped(name("a b")), .badServerName), (wrapped(name("")), .badServerName),
        (wrapped(name("a\0b")), .badServerName), (wrapped(Array([name("a"), name("b")].joined())), .malformed),
        (wrapped(alpn([])), .malformed), (wrapped(alpn([""])), .malformed),
        (wrapped([0, 0, 0, 9]), .malformed), (wrapped([0]), .malformed),
        (records([1, 0, 0, 2, 3, 3], size: 999), .malformed),
    ]

    @Test(arguments: refused.indices)
    func refuses(_ index: Int) {
        let (input, error) = ClientHelloTests.refused[index]
        #expect(throws: error) { try ClientHello.scan(input.span) }
    }

    @Test("no flipped byte makes it trap")
    func flips() {
        let input = ClientHelloTests.records(ClientHelloTests.hello(ClientHelloTests.full), size: 60)
        for index in input.indices {
            for bit in 0..<8 {
                var flipped = input
                flipped[index] ^= 1 << UInt8(bit)
                _ = try? ClientHello.scan(flipped.span)
            }
        }
    }
}
