import Testing

@testable import GatewayWire

@Suite("A request head is read into its canonical form")
struct RequestParserTests {
    static let accepted: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST /a/b?x=1&y=%20 HTTP/1.1\r\nHost: Example.COM:8080\r\nContent-Length: 12\r\n\r\nHello World!",
        "POST / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\nTrailer: x\r\n\r\n0\r\n\r\n",
        "PURGE /x HTTP/1.1\r\nHost: a\r\nX-A:\r\nX-B: \t \r\nX-C:\tq w\t\r\nx_D: \u{E9}\u{FF}\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT Example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
        "GET http://B.example:81/p/../q?z HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET HTTPS://b?z HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTE: trailers, deflate;q=0.5\r\nExpect: 100-Continue\r\n\r\n",
        "GET /%7euser/%41/./%2E%2e/%c3%a9\u{C3}\u{A9}\"x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "n: v\r\n", count: 99) + "\r\n",
        "GET / HTTP/1.1\r\nHOST: a\r\n"
            + "ACCESS-CONTROL-REQUEST-HEADERS: x\r\nSec-WebSocket-Key: q\r\nX-Request-Id: 1\r\n\r\n",
    ]

    @Test("every split gives the same head", arguments: accepted)
    func splits(_ text: String) {
        let input = bytes(text)
        let whole = Read.request(input)
        #expect(whole.error == nil && whole != .needMore)
        for cut in 0..<input.count { #expect(Read.request(input, cutAt: [cut]) == whole, "cut at \(cut)") }
        #expect(Read.request(input, cutAt: Array(0..<input.count)) == whole)
    }

    @Test("every prefix of a head needs more")
    func prefixes() {
        let input = bytes(RequestParserTests.accepted[12])
        for count in 0..<input.count { #expect(Read.request(Array(input[..<count])) == .needMore) }
    }

    @Test("a host that came before is taken as it was, and any other is looked at")
    func hostAgain() throws {
        var parser = HTTP1RequestParser(limits: .standard)
        var head = RequestHead()
        for (host, expected) in [
            ("a.example:8080", "a.example:8080"), ("a.example:8080", "a.example:8080"),
            ("A.example:8080", "a.example:8080"),
            ("127.0.0.1:80", "127.0.0.1:80"), ("127.0.0.1:80", "127.0.0.1:80"), ("b.", "b"), ("b.", "b"), ("b:", "b"),
            ("a.example:8081", "a.example:8081"), ("127.1", nil),
        ] as [(String, String?)] {
            let input = bytes("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            guard let expected else {
                #expect(throws: HTTP1ParseError.badHost) { try parser.parse(input.span, into: &head) }
                break
            }
            #expect(try parser.parse(input.span, into: &head) == input.count)
            #expect(head.fields.text(head.authority) == expected)
        }
    }

    @Test("names are lower case, values trimmed, order and repetition kept")
    func fields() throws {
        let head = try Read.head(
            "GET / HTTP/1.1\r\nAccept: a\r\nHost: h\r\nX-Odd_Name!: \t v  w \t\r\nACCEPT:b\r\nEmpty:\r\n\r\n")
        #expect(head.fields.lines == ["accept: a", "x-odd_name!: v  w", "accept: b", "empty: "])
        #expect(head.fields.entries.map(\.known) == [.accept, .other, .accept, .other])
    }

    @Test(
        "every known name is known in every case, and its neighbours are not", arguments: FieldName.allCases.dropFirst()
    )
    func knownNames(_ name: FieldName) {
        let lower = FieldName.names[Int(name.rawValue)]
        let upper = lower.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 32 : $0 }
        let table = FieldNameTable.shared
        #expect(table.find(lower.span, 0, lower.count) == name.rawValue)
        #expect(table.find(upper.span, 0, upper.count) == name.rawValue)
        #expect(FieldName.known(lower.span) == name)
        let framed = Array("..".utf8) + upper + Array(": some value".utf8)
        #expect(table.find(framed.span, 2, upper.count) == name.rawValue)
        for index in lower.indices {
            var changed = lower
            changed[index] = changed[index] == 0x71 ? 0x7A : 0x71
            #expect(table.find(changed.span, 0, changed.count) != name.rawValue)
        }
        #expect(table.find(framed.span, 2, upper.count + 1) == 0)
    }

    @Test(
        "targets become canonical",
        arguments: [
            ("/", "/", "/", ""), ("/a/b", "/a/b", "/a/b", ""), ("/a?", "/a?", "/a", ""),
            ("/a?b?c", "/a?b?c", "/a", "b?c"),
            ("//a//b/", "//a//b/", "//a//b/", ""), ("/a/./b", "/a/b", "/a/b", ""), ("/a/.", "/a/", "/a/", ""),
            ("/a/b/..", "/a/", "/a/", ""), ("/a/b/../c", "/a/c", "/a/c", ""), ("/a/..", "/", "/", ""),
            ("/.", "/", "/", ""),
            ("/a//../b", "/a/b", "/a/b", ""), ("//..", "/", "/", ""), ("/a/%2e%2E/b", "/b", "/b", ""),
            ("/.a/..b/...", "/.a/..b/...", "/.a/..b/...", ""), ("/%7Euser", "/~user", "/~user", ""),
            ("/%c3%a9", "/%C3%A9", "/%C3%A9", ""), ("/\u{C3}\u{A9}", "/%C3%A9", "/%C3%A9", ""),
            ("/a%2fb", "/a%2Fb", "/a%2Fb", ""), ("/a%252e", "/a%252e", "/a%252e", ""),
            ("/a;b=c", "/a;b=c", "/a;b=c", ""),
            ("/a%3Bb", "/a%3Bb", "/a%3Bb", ""), ("/\"<>^`{|}[]", "/%22%3C%3E%5E%60%7B%7C%7D%5B%5D", nil, ""),
            ("/a?b=%2e%zz%&c={}", "/a?b=%2e%25zz%25&c=%7B%7D", "/a", "b=%2e%25zz%25&c=%7B%7D"),
            ("/a?../b", "/a?../b", "/a", "../b"), ("/a/..?x", "/?x", "/", "x"), ("/x/%2E?y", "/x/?y", "/x/", "y"),
            ("/%21%24", "/%21%24", "/%21%24", ""), ("/a/.;x", nil, nil, ""),
        ] as [(String, String?, String?, String)])
    func targets(_ raw: String, _ target: String?, _ path: String?, _ query: String) throws {
        guard let target else {
            #expect(Read.request(bytes("GET \(raw) HTTP/1.1\r\nHost: a\r\n\r\n")) == .refused(.badTarget))
            return
        }
        let head = try Read.head("GET \(raw) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.fields.text(head.target) == target)
        #expect(head.fields.text(head.path) == path ?? target)
        #expect(head.fields.text(head.query) == query)
        let again = try Read.head("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(again.fields.text(again.target) == target)
        var other = RequestHead()
        try other.setTarget(bytes(raw).span)
        #expect(other.fields.text(other.target) == target)
    }

    @Test(
        "authorities become canonical",
        arguments: [
            ("Example.COM", "example.com"), ("a:80", "a:80"), ("a:", "a"), ("a.", "a"), ("A.:80", "a:80"), ("a.:", "a"),
            ("[::1]", "[::1]"), ("[FE80::A]:443", "[fe80::a]:443"), ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"),
            ("[::]:", "[::]"),
            ("1.2.3.4:5", "1.2.3.4:5"), ("a_b-c.d1", "a_b-c.d1"), ("1a", "1a"), ("a.1b", "a.1b"), ("0", nil),
        ] as [(String, String?)])
    func authorities(_ raw: String, _ canonical: String?) throws {
        guard let canonical else {
            #expect(Read.request(bytes("GET / HTTP/1.1\r\nHost: \(raw)\r\n\r\n")) == .refused(.badHost))
            return
        }
        let head = try Read.head("GET / HTTP/1.1\r\nHost: \(raw)\r\n\r\n")
        #expect(head.fields.text(head.authority) == canonical)
        let absolute = try Read.head("GET http://\(raw)/ HTTP/1.1\r\nHost: other\r\n\r\n")
        #expect(absolute.fields.text(absolute.authority) == canonical)
    }

    @Test("hop-by-hop fields are taken out, and what Connection names with them")
    func hopByHop() throws {
        let head = try Read.head(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop, , keep-alive\r\nX-HOP: 1\r\nKeep-Alive: 5\r\n"
                + "Proxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\n"
                + "HTTP2-Settings: AA\r\nx-hop: 2\r\nX-Hop2: 3\r\n\r\n"
        )
        #expect(head.fields.lines == ["x-hop2: 3"])
        #expect(head.connection == [.close, .keepAlive])
        #expect(!head.acceptsTrailers)
    }

    @Test(
        "the connection's fate",
        arguments: [
            ("HTTP/1.1", "", []), ("HTTP/1.1", "Connection: close\r\n", .close), ("HTTP/1.0", "", .close),
            ("HTTP/1.0", "Connection: Keep-Alive\r\n", .keepAlive),
            ("HTTP/1.1", "Connection: keep-alive\r\n", .keepAlive),
            ("HTTP/1.0", "Connection: close, keep-alive\r\n", [.close, .keepAlive]),
            ("HTTP/1.1", "Connection: upgrade\r\n", []), ("HTTP/1.1", "Upgrade: websocket\r\n", []),
            ("HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n", .upgrade),
            ("HTTP/1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n", []),
            ("HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", .close),
        ] as [(String, String, ConnectionOptions)])
    func connection(_ version: String, _ lines: String, _ options: ConnectionOptions) throws {
        let head = try Read.head("GET / \(version)\r\nHost: a\r\n\(lines)\r\n")
        #expect(head.connection == options)
        #expect(head.fields.isEmpty)
        #expect(head.upgrade.isEmpty == !options.contains(.upgrade))
    }

    @Test(
        "framing",
        arguments: [
            ("", .none), ("Content-Length: 0\r\n", .length(0)), ("Content-Length: 007\r\n", .length(7)),
            ("Content-Length: 9223372036854775807\r\n", .length(9_223_372_036_854_775_807)),
            ("Transfer-Encoding: CHUNKED \r\n", .chunked),
        ] as [(String, BodyFraming)])
    func framing(_ lines: String, _ framing: BodyFraming) throws {
        let head = try Read.head("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
        #expect(head.framing == framing)
        #expect(head.fields.isEmpty)
    }

    @Test("CONNECT has an authority and no target")
    func connect() throws {
        let head = try Read.head("CONNECT EXAMPLE.com:443 HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n")
        #expect(head.fields.text(head.authority) == "example.com:443")
        #expect(head.target.isEmpty && head.path.isEmpty && head.framing == .none)
    }

    @Test("a reused head and parser forget the message before, and keep its memory")
    func reuse() throws {
        var parser = HTTP1RequestParser(limits: .standard)
        var head = RequestHead()
        let first = bytes(
            "POST /%41?q HTTP/1.0\r\nHost: a\r\nX: y\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n")
        #expect(try parser.parse(first.span, into: &head) == first.count)
        let capacity = head.fields.bytes.capacity
        let second = bytes("GET / HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(try parser.parse(second.span, into: &head) == second.count)
        #expect(.head(head.summary, consumed: second.count) == Read.request(second))
        #expect(head.fields.bytes.capacity == capacity)
    }

    @Test("bytes after the head are left alone")
    func pipelining() throws {
        let one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        let input = bytes(one + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n\0garbage")
        var parser = HTTP1RequestParser(limits: .standard)
        var head = RequestHead()
        #expect(try parser.parse(input.span, into: &head) == one.utf8.count)
        let rest = input.span.extracting(one.utf8.count..<input.count)
        #expect(try parser.parse(rest, into: &head) == one.utf8.count)
        #expect(head.fields.text(head.path) == "/2")
        #expect(throws: HTTP1ParseError.badMethod) {
            try parser.parse(input.span.extracting((2 * one.utf8.count)..<input.count), into: &head)
        }
    }

    @Test("limits are exact")
    func limits() {
        var limits = HTTP1Limits()
        limits.requestLineBytesMax = 20
        limits.headBytesMax = 60
        limits.fieldCountMax = 2
        let fits = bytes("GET /1234 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(Read.request(fits, limits: limits).error == nil)
        #expect(Read.request(bytes("GET /12345 HTTP/1.1\r\n"), limits: limits) == .refused(.requestLineTooLong))
        let three = bytes("GET / HTTP/1.1\r\nHost: a\r\nb: c\r\nd: e\r\n\r\n")
        #expect(Read.request(three, limits: limits) == .refused(.tooManyFields))
        let full = bytes("GET / HTTP/1.1\r\nHost: a\r\nb: \(String(repeating: "x", count: 28))\r\n\r\n")
        #expect(full.count == 60)
        #expect(Read.request(full, limits: limits).error == nil)
        let over = bytes("GET / HTTP/1.1\r\nHost: a\r\nb: \(String(repeating: "x", count: 29))\r\n\r\n")
        #expect(Read.request(over, limits: limits) == .refused(.headTooLarge))
    }
}
