import Testing

@testable import GatewayWire

@Suite("A response head is read as strictly as a request")
struct ResponseParserTests {
    struct Case: Sendable {
        var text: String
        var method: HTTPMethod = .get
        var status = 200
        var framing: BodyFraming
        var lines: [String] = []
        var connection: ConnectionOptions = []
    }

    static let accepted: [Case] = [
        Case(text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n", framing: .length(5), lines: ["x: y"]),
        Case(text: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", framing: .length(0)),
        Case(text: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", framing: .length(0)),
        Case(text: "HTTP/1.1 200 \u{E9}t\tb\r\nTransfer-Encoding: chunked\r\n\r\n", framing: .chunked),
        Case(text: "HTTP/1.1 200 OK\r\n\r\n", framing: .untilClose, connection: .close),
        Case(text: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", framing: .length(1), connection: .close),
        Case(
            text: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
            framing: .length(1), connection: .keepAlive),
        Case(
            text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", method: .head, framing: .none,
            lines: ["content-length: 1"]),
        Case(text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", method: .head, framing: .none),
        Case(text: "HTTP/1.1 200 OK\r\n\r\n", method: .head, framing: .none),
        Case(text: "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", status: 204, framing: .none),
        Case(text: "HTTP/1.1 204 No\r\n\r\n", status: 204, framing: .none),
        Case(
            text: "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", status: 304, framing: .none,
            lines: ["content-length: 5"]),
        Case(text: "HTTP/1.1 205 R\r\nContent-Length: 0\r\n\r\n", status: 205, framing: .length(0)),
        Case(text: "HTTP/1.1 100 Continue\r\n\r\n", status: 100, framing: .none),
        Case(text: "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n", status: 103, framing: .none, lines: ["link: </a>"]),
        Case(text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method: .connect, framing: .none),
        Case(text: "HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\n", method: .connect, status: 404, framing: .length(5)),
        Case(
            text: "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n", status: 101, framing: .none,
            connection: .upgrade),
        Case(
            text: "HTTP/1.1 200 OK\r\nConnection: x, etag, upgrade\r\nX: 1\r\nETag: 2\r\nUpgrade: h2\r\n\r\n",
            framing: .untilClose, lines: ["etag: 2"], connection: .close),
        Case(
            text: "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 1\r\nTrailer: x\r\n\r\n",
            framing: .length(1), lines: ["set-cookie: a", "set-cookie: b", "trailer: x"]),
    ]

    @Test(arguments: accepted)
    func accepts(_ example: Case) throws {
        let head = try Read.responseHead(example.text, to: example.method)
        #expect(head.status == example.status)
        #expect(head.framing == example.framing)
        #expect(head.fields.lines == example.lines)
        #expect(head.connection == example.connection)
        #expect(head.upgrade.isEmpty == (head.status != 101))
        let input = bytes(example.text)
        let whole = Read.response(input, to: example.method)
        for cut in 0..<input.count {
            #expect(Read.response(input, to: example.method, cutAt: [cut]) == whole, "cut at \(cut)")
        }
        #expect(Read.response(input, to: example.method, cutAt: Array(0..<input.count)) == whole)
    }

    static let refused: [Refused] = [
        Refused("HTTP/1.1 099 X\r\n\r\n", .badStatusLine), Refused("HTTP/1.1 600 X\r\n\r\n", .badStatusLine),
        Refused("HTTP/1.1 20 OK\r\n\r\n", .badStatusLine), Refused("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
        Refused("HTTP/1.1 2x0 OK\r\n\r\n", .badStatusLine), Refused("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
        Refused("HTTP/1.1\t200 OK\r\n\r\n", .badStatusLine), Refused("HTTP/1.1 200\tOK\r\n\r\n", .badStatusLine),
        Refused("http/1.1 200 OK\r\n\r\n", .badStatusLine), Refused("ICY 200 OK\r\n\r\n", .badStatusLine),
        Refused("\r\nHTTP/1.1 200 OK\r\n\r\n", .badStatusLine), Refused("HTTP/1.1 200 O\0K\r\n\r\n", .badStatusLine),
        Refused("HTTP/1.1 200 OK\n\r\n\r\n", .bareLineFeed), Refused("HTTP/1.1 200 OK\rX\r\n", .bareCarriageReturn),
        Refused("HTTP/1.2 200 OK\r\n\r\n", .unsupportedVersion), Refused("HTTP/2 200 OK\r\n\r\n", .badStatusLine),
        Refused("HTTP/1.1 200 OK\r\na : b\r\n\r\n", .whitespaceBeforeColon),
        Refused("HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n", .obsoleteFold),
        Refused("HTTP/1.1 200 OK\r\na: b\n\r\n\r\n", .bareLineFeed),
        Refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .duplicateContentLength),
        Refused("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .badContentLength),
        Refused(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndTransferEncoding),
        Refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding),
        Refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .badTransferEncoding),
        Refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .badTransferEncoding),
        Refused("HTTP/1.1 304 N\r\nContent-Length: x\r\n\r\n", .badContentLength),
        Refused("HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n", .badUpgrade),
        Refused("HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n", .badUpgrade),
        Refused("HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 101) + "\r\n", .tooManyFields),
        Refused("HTTP/1.1 200 " + String(repeating: "a", count: 33000) + "\r\n", .headTooLarge),
    ]

    @Test(arguments: refused)
    func refuses(_ example: Refused) {
        let input = bytes(example.text)
        #expect(Read.response(input) == .refused(example.error))
        for cut in stride(from: 0, to: input.count, by: max(1, input.count / 200)) {
            #expect(Read.response(input, cutAt: [cut]) == .refused(example.error), "cut at \(cut)")
        }
    }
}
