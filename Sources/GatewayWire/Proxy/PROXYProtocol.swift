/// Why bytes are not a PROXY protocol header we accept.
package enum PROXYProtocolError: Error, Sendable, CaseIterable {
    case badSignature, badVersion, badCommand, unsupportedFamily, badAddress, badPort, headerTooLong, malformed
}

/// The PROXY protocol, versions 1 and 2 (haproxy's `proxy-protocol.txt`): who really connected, said by a trusted
/// load balancer in front of the first byte of the connection. Only TCP over IP is accepted.
package struct PROXYProtocolHeader: Sendable, Equatable {
    /// Nil when the balancer speaks for itself (`LOCAL`, `UNKNOWN`, unspecified): the socket's own addresses count.
    package var source: SocketEndpoint?
    package var destination: SocketEndpoint?
    /// How many bytes the header took.
    package var bytes: Int

    /// Longest accepted version 2 header, with its TLVs, which are skipped.
    package static let bytesMax = 2048
    private static let lineBytesMax = 107

    /// Reads a header at the start of a connection; nil when more bytes are needed.
    package static func parse(_ input: Span<UInt8>) throws(PROXYProtocolError) -> PROXYProtocolHeader? {
        guard input.count > 0 else { return nil }
        return input[0] == 0x50 ? try parseLine(input) : try parseBinary(input)
    }

    // MARK: Version 1

    private static func parseLine(_ input: Span<UInt8>) throws(PROXYProtocolError) -> PROXYProtocolHeader? {
        try expect(input, "PROXY ")
        let end = min(input.count, lineBytesMax)
        let feed = Scan.lineFeed(input, from: 0, to: end)
        guard feed < end else {
            if end == lineBytesMax { throw .headerTooLong }
            return nil
        }
        guard feed > 6, input[feed - 1] == Byte.carriageReturn else { throw .malformed }
        var words = Words(position: 6, end: feed - 1)
        let family = words.next(input)
        if Token.isExactly(input, family, "UNKNOWN") {
            return PROXYProtocolHeader(source: nil, destination: nil, bytes: feed + 1)
        }
        let isFour = Token.isExactly(input, family, "TCP4")
        guard isFour || Token.isExactly(input, family, "TCP6") else { throw .unsupportedFamily }
        let source = try address(input, words.next(input), isFour)
        let destination = try address(input, words.next(input), isFour)
        let sourcePort = try port(input, words.next(input))
        let destinationPort = try port(input, words.next(input))
        guard words.isAtEnd else { throw .malformed }
        return PROXYProtocolHeader(
            source: SocketEndpoint(address: source, port: sourcePort),
            destination: SocketEndpoint(address: destination, port: destinationPort), bytes: feed + 1)
    }

    private struct Words {
        var position: Int
        let end: Int
        var isAtEnd: Bool { position > end }

        /// The bytes up to the next single space.
        mutating func next(_ input: Span<UInt8>) -> Range<Int> {
            let start = min(position, end)
            var stop = start
            while stop < end, input[stop] != Byte.space { stop += 1 }
            position = stop + 1
            return start..<stop
        }
    }

    private static func address(
        _ input: Span<UInt8>, _ range: Range<Int>, _ isFour: Bool
    ) throws(PROXYProtocolError) -> IPAddress {
        let text = input.extracting(range)
        guard let address = isFour ? IPAddress(ipv4: text) : IPAddress(ipv6: text) else { throw .badAddress }
        return address
    }

    private static func port(_ input: Span<UInt8>, _ range: Range<Int>) throws(PROXYProtocolError) -> UInt16 {
        guard range.count > 0, range.count <= 5, range.count == 1 || input[range.lowerBound] != Byte.zero else {
            throw .badPort
        }
        var value = 0
        for index in range {
            guard Byte.isDigit(input[index]) else { throw .badPort }
            value = value * 10 + Int(input[index] - Byte.zero)
        }
        guard let port = UInt16(exactly: value) else { throw .badPort }
        return port
    }

    // MARK: Version 2

    private static func parseBinary(_ input: Span<UInt8>) throws(PROXYProtocolError) -> PROXYProtocolHeader? {
        try expect(input, "\r\n\r\n\0\r\nQUIT\n")
        guard input.count >= 16 else { return nil }
        guard input[12] >> 4 == 2 else { throw .badVersion }
        let command = input[12] & 15
        guard command < 2 else { throw .badCommand }
        let length = 16 + Int(input[14]) << 8 + Int(input[15])
        guard length <= bytesMax else { throw .headerTooLong }
        let family = input[13]
        let needed: Int
        switch family {
        case 0x11: needed = 12
        case 0x21: needed = 36
        case 0x00: needed = 0
        default:
            guard command == 0 else { throw .unsupportedFamily }
            needed = 0
        }
        guard command == 0 || length >= 16 + needed else { throw .malformed }
        guard input.count >= length else { return nil }
        guard command == 1, needed > 0 else {
            return PROXYProtocolHeader(source: nil, destination: nil, bytes: length)
        }
        let ports = 16 + needed - 4
        return PROXYProtocolHeader(
            source: SocketEndpoint(address: binaryAddress(input, 16, needed), port: binaryPort(input, ports)),
            destination: SocketEndpoint(
                address: binaryAddress(input, 16 + (needed - 4) / 2, needed), port: binaryPort(input, ports + 2)),
            bytes: length)
    }

    private static func binaryAddress(_ input: Span<UInt8>, _ start: Int, _ needed: Int) -> IPAddress {
        if needed == 12 { return IPAddress(v4: UInt32(truncatingIfNeeded: number(input, start, 4))) }
        return IPAddress(v6High: number(input, start, 8), low: number(input, start + 8, 8))
    }

    private static func binaryPort(_ input: Span<UInt8>, _ start: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: number(input, start, 2))
    }

    private static func number(_ input: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in start..<(start + count) { value = value << 8 | UInt64(input[index]) }
        return value
    }

    /// What has come of the signature must be right; how much has come is looked at later.
    private static func expect(_ input: Span<UInt8>, _ signature: StaticString) throws(PROXYProtocolError) {
        for index in 0..<min(input.count, signature.utf8CodeUnitCount) {
            // Safe: the index is below the static text's count.
            guard unsafe input[index] == signature.utf8Start[index] else { throw .badSignature }
        }
    }
}

extension Token {
    /// Whether the bytes are exactly this text.
    static func isExactly(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<range.count {
            // Safe: the index is below the static text's count.
            guard unsafe bytes[range.lowerBound + index] == text.utf8Start[index] else { return false }
        }
        return true
    }
}
