import Testing

@testable import GatewayWire

/// One refused request and why. The corpus also feeds the differential and the splitting tests.
struct Refused: Sendable, CustomTestStringConvertible {
    let text: String
    let error: HTTP1ParseError
    var testDescription: String { "\(text.debugDescription) is \(error)" }

    init(_ text: String, _ error: HTTP1ParseError) {
        self.text = text
        self.error = error
    }

    /// A GET with these field lines (each with its own line end) and a host.
    static func fields(_ lines: String, _ error: HTTP1ParseError) -> Refused {
        Refused("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n", error)
    }

    static func post(_ lines: String, _ error: HTTP1ParseError) -> Refused {
        Refused("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n", error)
    }

    static func target(_ target: String, _ error: HTTP1ParseError = .badTarget) -> Refused {
        Refused("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", error)
    }

    static func host(_ host: String, _ error: HTTP1ParseError = .badHost) -> Refused {
        Refused("GET / HTTP/1.1\r\nHost:\(host)\r\n\r\n", error)
    }

    static let requestLines: [Refused] = [
        Refused(" GET / HTTP/1.1\r\n", .badMethod), Refused("\tGET / HTTP/1.1\r\n", .badMethod),
        Refused("G@T / HTTP/1.1\r\n", .badMethod), Refused("GET\t/ HTTP/1.1\r\n", .badMethod),
        Refused("GE\0T / HTTP/1.1\r\n", .badMethod), Refused("G\u{E9}T / HTTP/1.1\r\n", .badMethod),
        Refused("\u{16}\u{03}\u{01}\u{02}\0", .tlsOnPlaintext), Refused("\0\0\0", .badMethod),
        Refused("\nGET / HTTP/1.1\r\n", .bareLineFeed), Refused("\r\n\r\n\r\nGET / HTTP/1.1\r\n", .badMethod),
        Refused("\rGET / HTTP/1.1\r\n", .bareCarriageReturn), Refused("GET\r\n", .badVersion),
        Refused("GET\n", .bareLineFeed), Refused("GET  / HTTP/1.1\r\n", .badTarget),
        Refused("GET /\r\n", .badVersion), Refused("GET /\n", .bareLineFeed),
        Refused("GET / \r\n", .badVersion), Refused("GET /  HTTP/1.1\r\n", .badVersion),
        Refused("GET /\tHTTP/1.1\r\n", .badTarget), Refused("GET /a b HTTP/1.1\r\n", .badVersion),
        Refused("GET / HTTP/1.1 \r\n", .badVersion), Refused("GET / HTTP/1.1\t\r\n", .badVersion),
        Refused("GET / HTTP/1.1\n\r\n", .bareLineFeed), Refused("GET / HTTP/1.1\r\r\n", .bareCarriageReturn),
        Refused("GET / http/1.1\r\n", .badVersion), Refused("GET / HTTP/1,1\r\n", .badVersion),
        Refused("GET / HTTP/11\r\n\r\n", .badVersion), Refused("GET / HTTP/1.10\r\n", .badVersion),
        Refused("GET / HTTP/ 1.1\r\n", .badVersion), Refused("GET / XTTP/1.1\r\n", .badVersion),
        Refused("GET / HTTP/1.2\r\n\r\n", .unsupportedVersion), Refused("GET / HTTP/0.9\r\n\r\n", .unsupportedVersion),
        Refused("GET / HTTP/2.0\r\n\r\n", .unsupportedVersion), Refused("GET / HTTP/3.1\r\n\r\n", .unsupportedVersion),
        Refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2Preface),
        Refused("GET /\0 HTTP/1.1\r\n", .badTarget), Refused("GET /\u{7F} HTTP/1.1\r\n", .badTarget),
        Refused("GET /\u{1B}[ HTTP/1.1\r\n", .badTarget), Refused("GET /a\rb HTTP/1.1\r\n", .bareCarriageReturn),
        Refused("GET /\rHTTP/1.1\r\n", .bareCarriageReturn),
    ]

    static let targets: [Refused] = [
        .target("a"), .target("a/b"), .target("?x"), .target("#"), .target("/#f"), .target("/?#f"), .target("*"),
        .target("/%"), .target("/%4"), .target("/%zz"), .target("/%4g"), .target("/a%"), .target("/a%2?b"),
        .target("/%00"), .target("/%0a"), .target("/%0D"), .target("/%1f"), .target("/%7F"), .target("/a\\b"),
        .target("/a%5Cb"), .target("/a%5cb"), .target("/.."), .target("/../a"), .target("/a/../.."),
        .target("/%2e%2e"), .target("/%2E./a"), .target("/a/..%2Fb"), .target("/a/%2e%2e%2fb"), .target("/a%2F..%2Fb"),
        .target("/a%2f."), .target("/a/..;/b"), .target("/a/..;x=1/b"), .target("/a/..%3b/b"), .target("/./.."),
        .target("/a/..;%2Fb"), .target("http:/a"), .target("http//a"), .target("ftp://a/"), .target("http://"),
        .target("http:///a"), .target("http://u@a/"), .target("http://u:p@a/"), .target("http://a b/", .badVersion),
        .target("http://[::1/"), .target("http://a:99999/"), .target("http://a/#f"), .target("http://a#f"),
        .target("http://a\\b/"), .target("a:80"), .target("javascript:alert(1)"),
        Refused("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("CONNECT u@a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("CONNECT http://a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("CONNECT a:443/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("CONNECT a:0 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Refused("POST * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
    ]

    static let hosts: [Refused] = [
        .host("", .missingHost), .host("  ", .missingHost), .host(" a b"), .host(" a,b"), .host(" a/b"),
        .host(" a@b"), .host(" u:p@b"), .host(" a:b"), .host(" a:80:80"), .host(" a:-1"), .host(" a:+80"),
        .host(" a:65536"), .host(" a:080"), .host(" a:0"), .host(" a:999999"), .host(" a%41"), .host(" a?"),
        .host(" a#"), .host(" .a"), .host(" ."), .host(" a..b"), .host(" a.."), .host(" :80"), .host(" [::1"),
        .host(" ::1"), .host(" []"), .host(" [::1%25eth0]"), .host(" [::1]x"), .host(" [v1.a]"), .host(" [1::2::3]"),
        .host(" [12345::]"), .host(" 1.2.3"), .host(" 127.1"), .host(" 0x7f.0.0.1"), .host(" 2130706433"),
        .host(" 0x7f000001"), .host(" 1.2.3.4."), .host(" 256.1.1.1"), .host(" 01.2.3.4"), .host(" a\u{E9}"),
        .host(" \(String(repeating: "a", count: 64)).b"), .host(" \(String(repeating: "ab.", count: 100))com"),
        .host(" a\\b"), .host(" *"), .host(" <a>"),
        Refused("GET / HTTP/1.1\r\n\r\n", .missingHost), Refused("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .duplicateHost),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", .duplicateHost),
        Refused("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .duplicateHost),
        Refused("GET http://b/ HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
    ]

    static let fieldLines: [Refused] = [
        .fields(": x\r\n", .badHeaderName), .fields("a b: x\r\n", .whitespaceBeforeColon),
        .fields("a : x\r\n", .whitespaceBeforeColon), .fields("a\t: x\r\n", .whitespaceBeforeColon),
        .fields(" a: x\r\n", .obsoleteFold), .fields("a: x\r\n y\r\n", .obsoleteFold),
        .fields("a: x\r\n\ty\r\n", .obsoleteFold), .fields("a: x\r\n \r\n", .obsoleteFold),
        .fields("a\0: x\r\n", .badHeaderName), .fields("a@b: x\r\n", .badHeaderName),
        .fields("a\u{E9}: x\r\n", .badHeaderName), .fields("(a): x\r\n", .badHeaderName),
        .fields("\"a\": x\r\n", .badHeaderName), .fields("a\r\n", .badHeaderName), .fields("a\n", .bareLineFeed),
        .fields("\n", .bareLineFeed), .fields("a: x\n", .bareLineFeed), .fields("a: x\nb: y\r\n", .bareLineFeed),
        .fields("a: x\r", .bareCarriageReturn), .fields("a: x\ry\r\n", .bareCarriageReturn),
        .fields("a: x\r\r\n", .bareCarriageReturn), .fields("\rb: x\r\n", .bareCarriageReturn),
        .fields("a\r: x\r\n", .badHeaderName), .fields("a: \0\r\n", .badHeaderValue),
        .fields("a: x\0y\r\n", .badHeaderValue), .fields("a: \u{01}\r\n", .badHeaderValue),
        .fields("a: \u{7F}\r\n", .badHeaderValue), .fields("a: x\u{0B}y\r\n", .badHeaderValue),
        .fields("a: 0123456789abcdef\u{0C}\r\n", .badHeaderValue), .fields("a: \u{1B}[31m\r\n", .badHeaderValue),
        .fields("transfer encoding: chunked\r\n", .whitespaceBeforeColon),
        .fields("Connection: content-length\r\n", .badConnection), .fields("Connection: Host\r\n", .badConnection),
        .fields("Connection: close, authorization\r\n", .badConnection),
        .fields("Connection: X-Forwarded-For\r\n", .badConnection),
        .fields("Connection: x-forwarded-x\r\n", .badConnection),
        .fields("Connection: cookie\r\n", .badConnection), .fields("Connection: x-api-key\r\n", .badConnection),
        .fields("Connection: a b\r\n", .badConnection), .fields("Connection: \"close\"\r\n", .badConnection),
        .fields("Connection: close;x\r\n", .badConnection),
        .fields("Connection: \(String(repeating: "a,", count: 65))\r\n", .badConnection),
        .fields("Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n", .badUpgrade),
        .fields("Connection: upgrade\r\nUpgrade:\r\n", .badUpgrade),
        .fields("Connection: upgrade\r\nUpgrade: a b\r\n", .badUpgrade),
        .fields("Connection: upgrade\r\nUpgrade: websocket,\r\n", .badUpgrade),
        .fields("Connection: upgrade\r\nUpgrade: a//b\r\n", .badUpgrade),
        .fields("Expect: 200-ok\r\n", .unsupportedExpectation), .fields("Expect:\r\n", .unsupportedExpectation),
        .fields("Expect: 100-continue, x\r\n", .unsupportedExpectation),
        .fields(String(repeating: "a: b\r\n", count: 100), .tooManyFields),
        .fields("a: \(String(repeating: "x", count: 33000))\r\n", .headTooLarge),
        Refused("GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\n", .requestLineTooLong),
        Refused(String(repeating: "G", count: 8192), .requestLineTooLong),
        Refused("GET /\(String(repeating: "x", count: 8182)) HTTP/1.1", .requestLineTooLong),
    ]

    static let framings: [Refused] = [
        .post("Content-Length: 1\r\nContent-Length: 1\r\n", .duplicateContentLength),
        .post("Content-Length: 1\r\ncontent-length: 2\r\n", .duplicateContentLength),
        .post("Content-Length:\r\n", .badContentLength), .post("Content-Length: +1\r\n", .badContentLength),
        .post("Content-Length: -1\r\n", .badContentLength), .post("Content-Length: 1 \t1\r\n", .badContentLength),
        .post("Content-Length: 1,1\r\n", .badContentLength), .post("Content-Length: 1, 2\r\n", .badContentLength),
        .post("Content-Length: 0x10\r\n", .badContentLength), .post("Content-Length: 1.0\r\n", .badContentLength),
        .post("Content-Length: 1e1\r\n", .badContentLength), .post("Content-Length: a\r\n", .badContentLength),
        .post("Content-Length: 1_0\r\n", .badContentLength), .post("Content-Length: \u{B2}\r\n", .badContentLength),
        .post("Content-Length: 9223372036854775808\r\n", .badContentLength),
        .post("Content-Length: 18446744073709551617\r\n", .badContentLength),
        .post("Content-Length: 00000000000000000001\r\n", .badContentLength),
        .post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", .lengthAndTransferEncoding),
        .post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", .lengthAndTransferEncoding),
        .post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", .lengthAndTransferEncoding),
        .post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: chunked, chunked\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: chunked, gzip\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: chunked,\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: ,chunked\r\n", .badTransferEncoding),
        .post("Transfer-Encoding:\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: xchunked\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: chunkedx\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: chunked;q=1\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: \"chunked\"\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: 'chunked'\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: identity\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: \u{0B}chunked\r\n", .badHeaderValue),
        .post("Transfer-Encoding: \u{A0}chunked\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: gzip\r\n", .badTransferEncoding),
        .post("Transfer-Encoding: gzip, chunked\r\n", .unsupportedTransferCoding),
        .post("Transfer-Encoding: identity, chunked\r\n", .unsupportedTransferCoding),
        .post("Transfer-Encoding : chunked\r\n", .whitespaceBeforeColon),
        .post("X: x\nTransfer-Encoding: chunked\r\n", .bareLineFeed),
        .post("Transfer-Encoding\0: chunked\r\n", .badHeaderName),
        .post("Transfer-Encoding:\r\n chunked\r\n", .obsoleteFold),
        Refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .badTransferEncoding),
        Refused("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n", .contentNotAllowed),
        Refused("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n", .contentNotAllowed),
        Refused("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", .contentNotAllowed),
    ]

    static let all = requestLines + targets + hosts + fieldLines + framings
}

@Suite("A request two readers could understand differently is refused")
struct RefusedRequestTests {
    @Test(arguments: Refused.requestLines) func requestLine(_ refused: Refused) { check(refused) }
    @Test(arguments: Refused.targets) func target(_ refused: Refused) { check(refused) }
    @Test(arguments: Refused.hosts) func host(_ refused: Refused) { check(refused) }
    @Test(arguments: Refused.fieldLines) func fieldLine(_ refused: Refused) { check(refused) }
    @Test(arguments: Refused.framings) func framing(_ refused: Refused) { check(refused) }

    private func check(_ refused: Refused) {
        #expect(Read.request(bytes(refused.text)) == .refused(refused.error))
    }

    @Test("however the bytes are split", arguments: Refused.all.filter { $0.text.utf8.count < 1000 })
    func everySplit(_ refused: Refused) {
        let input = bytes(refused.text)
        for cut in 0..<input.count {
            #expect(Read.request(input, cutAt: [cut]) == .refused(refused.error), "cut at \(cut)")
        }
        #expect(Read.request(input, cutAt: Array(0..<input.count)) == .refused(refused.error))
    }

    @Test("long ones too", arguments: Refused.all.filter { $0.text.utf8.count >= 1000 })
    func everySplitOfLong(_ refused: Refused) {
        let input = bytes(refused.text)
        #expect(Read.request(input, cutAt: Array(0..<input.count)) == .refused(refused.error))
    }

    @Test("Every error has a refusal or belongs to bodies and responses")
    func everyErrorIsReached() {
        let elsewhere: Set<HTTP1ParseError> = [
            .badStatusLine, .badChunkSize, .badChunkExtension, .chunkLineTooLong, .chunkMissingTerminator,
            .trailersTooLarge, .forbiddenTrailer,
        ]
        let reached = Set(Refused.all.map(\.error)).union(elsewhere)
        #expect(HTTP1ParseError.allCases.filter { !reached.contains($0) } == [])
    }

    @Test("Every error names a client error or an unsupported feature, and says why")
    func statusAndReason() {
        for error in HTTP1ParseError.allCases {
            #expect([400, 414, 417, 431, 501, 505].contains(error.httpStatus))
            #expect(!error.reason.description.isEmpty)
        }
        #expect(Set(HTTP1ParseError.allCases.map(\.reason.description)).count == HTTP1ParseError.allCases.count)
    }
}
