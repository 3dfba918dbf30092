import Testing

@testable import GatewayWire

@Suite("What is written is canonical, and reading it again changes nothing")
struct SerializerTests {
    static func write(_ head: RequestHead, _ connection: ConnectionOptions = []) -> String {
        var out: [UInt8] = []
        HTTP1Serializer.append(request: head, framing: head.framing, connection: connection, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test(arguments: RequestParserTests.accepted)
    func fixpoint(_ text: String) throws {
        let first = try Read.head(text)
        var out: [UInt8] = []
        HTTP1Serializer.append(
            request: first, framing: first.framing, connection: first.connection.intersection([.close, .upgrade]),
            to: &out)
        var parser = HTTP1RequestParser(limits: .standard)
        var second = RequestHead()
        if first.authority.isEmpty { return }
        #expect(try parser.parse(out.span, into: &second) == out.count)
        second.version = first.version
        if first.connection.contains(.keepAlive) { second.connection.insert(.keepAlive) }
        #expect(second.summary == first.summary)
        var again: [UInt8] = []
        HTTP1Serializer.append(
            request: second, framing: second.framing, connection: second.connection.intersection([.close, .upgrade]),
            to: &again)
        #expect(again == out)
    }

    @Test("a request, byte for byte")
    func request() throws {
        let head = try Read.head(
            "POST /a/../%62?c HTTP/1.1\r\nX-One:  1 \r\n"
                + "HOST: Example.com\r\nContent-Length: 03\r\nConnection: keep-alive\r\n"
                + "Two: 2\r\nthree: 3\r\nX-Four:4\r\n\r\n")
        #expect(
            SerializerTests.write(head, .close)
                == "POST /b?c HTTP/1.1\r\nhost: example.com\r\nx-one: 1\r\ntwo: 2\r\nthree: 3\r\nx-four: 4\r\n"
                + "content-length: 3\r\nconnection: close\r\n\r\n")
    }

    @Test("fields that were removed, replaced or added are written so")
    func edits() throws {
        var head = try Read.head("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n")
        head.fields.remove(named: Array("b".utf8))
        head.fields.set(name: Array("c".utf8), value: Array("other".utf8))
        head.fields.append("e", "5")
        #expect(SerializerTests.write(head) == "GET / HTTP/1.1\r\nhost: a\r\na: 1\r\nc: other\r\nd: 4\r\ne: 5\r\n\r\n")
        head.fields.entries.swapAt(0, 2)
        #expect(SerializerTests.write(head) == "GET / HTTP/1.1\r\nhost: a\r\nd: 4\r\nc: other\r\na: 1\r\ne: 5\r\n\r\n")
    }

    @Test(
        "steering fields",
        arguments: [
            ("TE: trailers\r\n", [], "te: trailers\r\nconnection: te\r\n"),
            ("TE: trailers\r\n", .close, "te: trailers\r\nconnection: close, te\r\n"),
            ("Expect: 100-continue\r\n", [], "expect: 100-continue\r\n"),
            (
                "Upgrade: WebSocket\r\nConnection: Upgrade\r\n", .upgrade,
                "upgrade: websocket\r\nconnection: upgrade\r\n"
            ),
            ("Upgrade: WebSocket\r\nConnection: Upgrade\r\n", [], ""),
            ("Transfer-Encoding: chunked\r\n", [], "transfer-encoding: chunked\r\n"),
        ] as [(String, ConnectionOptions, String)])
    func steering(_ lines: String, _ connection: ConnectionOptions, _ expected: String) throws {
        let head = try Read.head("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
        #expect(SerializerTests.write(head, connection) == "GET / HTTP/1.1\r\nhost: a\r\n\(expected)\r\n")
    }

    @Test("CONNECT and OPTIONS * keep their forms")
    func forms() throws {
        let connect = try Read.head("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
        #expect(SerializerTests.write(connect) == "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n")
        let options = try Read.head("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(SerializerTests.write(options) == "OPTIONS * HTTP/1.1\r\nhost: b\r\n\r\n")
    }

    @Test(
        arguments: [
            (
                "HTTP/1.1 200 Whatever\r\nContent-Length: 5\r\nServer: x\r\n\r\n", [],
                "HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 5\r\n\r\n"
            ),
            (
                "HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n", .close,
                "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            ),
            (
                "HTTP/1.1 599 X\r\nContent-Length: 18446744073709551\r\n\r\n", .keepAlive,
                "HTTP/1.1 599 Unknown\r\ncontent-length: 18446744073709551\r\nconnection: keep-alive\r\n\r\n"
            ),
            ("HTTP/1.1 204 X\r\n\r\n", [], "HTTP/1.1 204 No Content\r\n\r\n"),
            (
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: q\r\n\r\n",
                .upgrade,
                "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: q\r\n"
                    + "upgrade: websocket\r\nconnection: upgrade\r\n\r\n"
            ),
        ] as [(String, ConnectionOptions, String)])
    func response(_ text: String, _ connection: ConnectionOptions, _ expected: String) throws {
        let head = try Read.responseHead(text)
        var out: [UInt8] = []
        HTTP1Serializer.append(response: head, framing: head.framing, connection: connection, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test(
        "chunk headers",
        arguments: [
            (1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (255, "ff"), (4096, "1000"), (1_048_575, "fffff"),
        ])
    func chunkHeader(_ size: Int, _ text: String) {
        var out: [UInt8] = []
        HTTP1Serializer.appendChunkHeader(size: size, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == text + "\r\n")
        HTTP1Serializer.appendChunkHeader(size: 0, to: &out)
        #expect(out.count == text.utf8.count + 2)
    }

    @Test("the last chunk carries trailers")
    func trailers() {
        var fields = FieldBlock()
        fields.append("grpc-status", "0")
        var out: [UInt8] = []
        HTTP1Serializer.appendLastChunk(trailers: fields, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == "0\r\ngrpc-status: 0\r\n\r\n")
    }

    @Test("decimals", arguments: [0, 9, 10, 99, 100, UInt64.max])
    func decimals(_ value: UInt64) {
        var out: [UInt8] = []
        HTTP1Serializer.append(decimal: value, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == String(value))
    }
}
