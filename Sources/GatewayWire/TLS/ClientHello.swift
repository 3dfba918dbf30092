/// Why the first bytes of a connection are not a ClientHello we can read.
package enum ClientHelloError: Error, Sendable, CaseIterable {
    case notTLS, notClientHello, malformed, tooLarge, badServerName
}

/// What a TLS ClientHello says in the clear (RFC 8446 section 4.1.2): the name and the protocols the client wants.
/// Unknown extensions, GREASE among them, are stepped over.
package struct ClientHello: Sendable, Equatable {
    /// SNI's host name, lower case; empty when there is none.
    package var serverName: [UInt8] = []
    /// ALPN, in the client's order.
    package var protocols: [[UInt8]] = []

    package static let bytesMax = 16 * 1024
    private static let recordsMax = 64

    /// Reads a hello from all bytes of the connection so far; nil when more are needed.
    package static func scan(_ input: Span<UInt8>) throws(ClientHelloError) -> ClientHello? {
        guard let message = try handshake(input) else { return nil }
        var hello = ClientHello()
        var reader = Reader(end: message.count)
        let bytes = message.span
        try reader.skip(2 + 32)
        try reader.skip(try reader.number(bytes, 1))
        try reader.skip(try reader.number(bytes, 2))
        try reader.skip(try reader.number(bytes, 1))
        if reader.isAtEnd { return hello }
        var extensions = try reader.part(try reader.number(bytes, 2))
        guard reader.isAtEnd else { throw .malformed }
        var sawName = false
        var sawProtocols = false
        while !extensions.isAtEnd {
            let type = try extensions.number(bytes, 2)
            var body = try extensions.part(try extensions.number(bytes, 2))
            if type == 0 {
                guard !sawName else { throw .malformed }
                sawName = true
                hello.serverName = try readServerName(bytes, &body)
            } else if type == 16 {
                guard !sawProtocols else { throw .malformed }
                sawProtocols = true
                hello.protocols = try readProtocols(bytes, &body)
            }
        }
        return hello
    }

    private static func readServerName(_ bytes: Span<UInt8>, _ body: inout Reader) throws(ClientHelloError) -> [UInt8] {
        var list = try body.part(try body.number(bytes, 2))
        guard body.isAtEnd, try list.number(bytes, 1) == 0 else { throw .malformed }
        let name = try list.part(try list.number(bytes, 2))
        guard list.isAtEnd else { throw .malformed }
        guard !name.isAtEnd, name.end - name.position <= 255 else { throw .badServerName }
        var result: [UInt8] = []
        for index in name.position..<name.end {
            guard Byte.isHost(bytes[index]) else { throw .badServerName }
            result.append(Byte.lowercased(bytes[index]))
        }
        return result
    }

    private static func readProtocols(_ bytes: Span<UInt8>, _ body: inout Reader) throws(ClientHelloError) -> [[UInt8]]
    {
        var list = try body.part(try body.number(bytes, 2))
        guard body.isAtEnd, !list.isAtEnd else { throw .malformed }
        var result: [[UInt8]] = []
        while !list.isAtEnd {
            let name = try list.part(try list.number(bytes, 1))
            guard !name.isAtEnd else { throw .malformed }
            var text: [UInt8] = []
            for index in name.position..<name.end { text.append(bytes[index]) }
            result.append(text)
        }
        return result
    }

    /// The body of the ClientHello out of its records; nil when it is not whole.
    private static func handshake(_ input: Span<UInt8>) throws(ClientHelloError) -> [UInt8]? {
        var message: [UInt8] = []
        var index = 0
        for _ in 0..<recordsMax {
            guard index < input.count else { return nil }
            guard input[index] == 22 else { throw index == 0 ? .notTLS : .notClientHello }
            guard index + 2 < input.count else { return nil }
            guard input[index + 1] == 3, input[index + 2] <= 4 else { throw .notTLS }
            guard index + 5 <= input.count else { return nil }
            let length = Int(input[index + 3]) << 8 + Int(input[index + 4])
            guard length > 0, length <= 16 * 1024 else { throw .malformed }
            for position in (index + 5)..<min(index + 5 + length, input.count) { message.append(input[position]) }
            if let first = message.first, first != 1 { throw .notClientHello }
            if message.count >= 4 {
                let size = Int(message[1]) << 16 + Int(message[2]) << 8 + Int(message[3])
                guard size <= bytesMax else { throw .tooLarge }
                if message.count >= 4 + size { return Array(message[4..<(4 + size)]) }
            }
            index += 5 + length
        }
        throw .tooLarge
    }

    /// A cursor over a part of the message that cannot leave it.
    private struct Reader {
        var position = 0
        var end: Int
        var isAtEnd: Bool { position == end }

        init(end: Int) { self.end = end }

        private init(position: Int, end: Int) {
            self.position = position
            self.end = end
        }

        mutating func number(_ bytes: Span<UInt8>, _ count: Int) throws(ClientHelloError) -> Int {
            guard end - position >= count else { throw .malformed }
            var value = 0
            for _ in 0..<count {
                value = value << 8 | Int(bytes[position])
                position += 1
            }
            return value
        }

        mutating func skip(_ count: Int) throws(ClientHelloError) {
            guard end - position >= count else { throw .malformed }
            position += count
        }

        mutating func part(_ count: Int) throws(ClientHelloError) -> Reader {
            let start = position
            try skip(count)
            return Reader(position: start, end: position)
        }
    }
}
