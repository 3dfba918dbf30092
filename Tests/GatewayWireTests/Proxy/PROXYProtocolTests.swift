import Testing

@testable import GatewayWire

@Suite("The PROXY protocol is read exactly")
struct PROXYProtocolTests {
    static let signature = bytes("\r\n\r\n\0\r\nQUIT\n")

    static func endpoint(_ address: String, _ port: UInt16) -> SocketEndpoint? {
        IPAddress(address).map { SocketEndpoint(address: $0, port: port) }
    }

    static let accepted: [([UInt8], SocketEndpoint?, SocketEndpoint?)] = [
        (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 65535 0\r\n"), endpoint("1.2.3.4", 65535), endpoint("5.6.7.8", 0)),
        (bytes("PROXY TCP6 ::1 2001:db8::2 1 443\r\n"), endpoint("::1", 1), endpoint("2001:db8::2", 443)),
        (bytes("PROXY UNKNOWN\r\n"), nil, nil), (bytes("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), nil, nil),
        (
            signature + [0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 0x34, 1, 0xBB], endpoint("1.2.3.4", 0x1234),
            endpoint("5.6.7.8", 443)
        ),
        (
            signature + [0x21, 0x11, 0, 15, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2, 4, 0, 0], endpoint("1.2.3.4", 1),
            endpoint("5.6.7.8", 2)
        ),
        (
            signature + [0x21, 0x21, 0, 36] + [UInt8](repeating: 0, count: 15) + [1] + [0x20, 1]
                + [UInt8](repeating: 0, count: 14)
                + [0, 9, 1, 0], endpoint("::1", 9), endpoint("2001::", 256)
        ),
        (signature + [0x20, 0x00, 0, 0], nil, nil),
        (signature + [0x20, 0x11, 0, 12] + [UInt8](repeating: 9, count: 12), nil, nil),
        (signature + [0x20, 0x31, 0, 1, 0], nil, nil), (signature + [0x21, 0x00, 0, 3, 1, 2, 3], nil, nil),
    ]

    @Test(arguments: accepted.indices)
    func accepts(_ index: Int) throws {
        let (header, source, destination) = PROXYProtocolTests.accepted[index]
        let input = header + bytes("GET / HTTP/1.1\r\n")
        let expected = PROXYProtocolHeader(source: source, destination: destination, bytes: header.count)
        #expect(try PROXYProtocolHeader.parse(input.span) == expected)
        for count in 0..<header.count {
            #expect(try PROXYProtocolHeader.parse(input.span.extracting(0..<count)) == nil, "first \(count) bytes")
        }
    }

    static let refused: [([UInt8], PROXYProtocolError)] = [
        (bytes("GET / HTTP/1.1\r\n"), .badSignature), (bytes("PUT"), .badSignature), (bytes("PROXY\t"), .badSignature),
        (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n"), .malformed), (bytes("PROXY UNIX a b 1 2\r\n"), .unsupportedFamily),
        (bytes("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"), .unsupportedFamily),
        (bytes("PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), .unsupportedFamily),
        (bytes("PROXY TCP4 ::1 5.6.7.8 1 2\r\n"), .badAddress), (bytes("PROXY TCP6 1.2.3.4 ::1 1 2\r\n"), .badAddress),
        (bytes("PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n"), .badAddress), (bytes("PROXY TCP4\r\n"), .badAddress),
        (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n"), .badPort),
        (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n"), .badPort),
        (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 1 -2\r\n"), .badPort), (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"), .badPort),
        (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n"), .malformed),
        (bytes("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n"), .malformed),
        (bytes("PROXY UNKNOWN " + String(repeating: "x", count: 200)), .headerTooLong),
        (bytes("\r\n\r\nX"), .badSignature), (signature + [0x11, 0x11, 0, 12], .badVersion),
        (signature + [0x22, 0x11, 0, 12], .badCommand),
        (signature + [0x21, 0x11, 0, 11], .malformed), (signature + [0x21, 0x21, 0, 12], .malformed),
        (signature + [0x21, 0x12, 0, 12], .unsupportedFamily), (signature + [0x21, 0x31, 0, 216], .unsupportedFamily),
        (signature + [0x21, 0x11, 0xFF, 0xFF], .headerTooLong),
    ]

    @Test(arguments: refused.indices)
    func refuses(_ index: Int) {
        let (input, error) = PROXYProtocolTests.refused[index]
        #expect(throws: error) { try PROXYProtocolHeader.parse(input.span) }
    }
}
