import Testing

@testable import GatewayWire

@Suite("HTTP/2 fields become the same canonical head, or none")
struct HeadAssemblerTests {
    typealias Fields = [(String, String)]
    static let get: Fields = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")]

    static func request(_ fields: Fields, endsStream: Bool = true) throws(HTTP2HeadError) -> RequestHead {
        var assembler = HTTP2HeadAssembler(limits: .standard)
        var head = RequestHead()
        for (name, value) in fields { try assembler.add(name: bytes(name).span, value: bytes(value).span, to: &head) }
        try assembler.finish(&head, endsStream: endsStream)
        return head
    }

    static func response(
        _ fields: Fields, to method: HTTPMethod = .get, endsStream: Bool = false
    ) throws(HTTP2HeadError) -> ResponseHead {
        var assembler = HTTP2HeadAssembler(limits: .standard)
        var head = ResponseHead()
        for (name, value) in fields { try assembler.add(name: bytes(name).span, value: bytes(value).span, to: &head) }
        try assembler.finish(&head, requestMethod: method, endsStream: endsStream)
        return head
    }

    static let plain = [":method→GET", ":scheme→https", ":path→/", ":authority→a"]

    /// Fields as `name→value`, which the compiler reads faster than pairs.
    static func bad(
        _ base: [String], _ extra: [String] = [], ahead: [String] = [], _ error: HTTP2HeadError
    ) -> (Fields, HTTP2HeadError) {
        let fields = (ahead + base + extra).map { text in
            let parts = text.split(separator: "→", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }
        return (fields, error)
    }

    static let malformed: [(Fields, HTTP2HeadError)] = [
        bad(plain, ["A→b"], .badName), bad(plain, ["a b→c"], .badName), bad(plain, ["a:→c"], .badName),
        bad(plain, ["→c"], .badName), bad(plain, ["a\0→c"], .badName), bad(plain, ["\u{E9}→c"], .badName),
        bad(plain, ["a→b\r\nc: d"], .badValue), bad(plain, ["a→\0"], .badValue), bad(plain, ["a→b\n"], .badValue),
        bad(plain, ["a→ b"], .badValue), bad(plain, ["a→b\t"], .badValue), bad(plain, ["a→\u{7F}"], .badValue),
        bad(plain, ["connection→close"], .connectionSpecificField),
        bad(plain, ["keep-alive→1"], .connectionSpecificField),
        bad(plain, ["transfer-encoding→chunked"], .connectionSpecificField),
        bad(plain, ["upgrade→x"], .connectionSpecificField),
        bad(plain, ["proxy-connection→x"], .connectionSpecificField),
        bad(plain, ["http2-settings→x"], .connectionSpecificField), bad(plain, ["te→gzip"], .badTE),
        bad(plain, ["te→trailers, gzip"], .badTE), bad(plain, [":method→GET"], .duplicatePseudoField),
        bad(plain, [":path→/"], .duplicatePseudoField), bad(plain, ["a→b", ":path→/"], .misplacedPseudoField),
        bad(plain, ["a→b", ":foo→/"], .unknownPseudoField), bad(plain, [":status→200"], .unknownPseudoField),
        bad(plain, [":Path→/"], .unknownPseudoField), bad(plain, [":→/"], .unknownPseudoField),
        bad(Array(plain[1...]), [], .missingPseudoField), bad(Array(plain[..<3]), [], .missingPseudoField),
        bad([":method→GET", ":scheme→https", ":authority→a"], [], .missingPseudoField),
        bad([":method→GET", ":path→/", ":authority→a"], [], .missingPseudoField),
        bad(Array(plain[1...]), ahead: [":method→G T"], .badPseudoField),
        bad(Array(plain[1...]), ahead: [":method→"], .badPseudoField),
        bad([":method→GET", ":scheme→ftp", ":path→/", ":authority→a"], [], .badPseudoField),
        bad([":method→GET", ":scheme→https", ":path→", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→a", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→*", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→/a b", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→/..", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→/\r\nX: y", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→/?\r\nX: y", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→/?a b", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→/#f", ":authority→a"], [], .badTarget),
        bad([":method→GET", ":scheme→https", ":path→/%00", ":authority→a"], [], .badTarget),
        bad(Array(plain[..<3]), [":authority→u@a"], .badAuthority),
        bad(Array(plain[..<3]), [":authority→a b"], .badAuthority),
        bad(Array(plain[..<3]), [":authority→"], .badAuthority), bad(Array(plain[..<3]), ["host→"], .badAuthority),
        bad(plain, ["host→b"], .authorityMismatch), bad(plain, ["host→a", "host→a"], .authorityMismatch),
        bad(plain, ["content-length→1"], .badContentLength), bad(plain, ["content-length→+0"], .badContentLength),
        bad(plain, ["content-length→0", "content-length→0"], .badContentLength),
        bad(plain, ["expect→x"], .unsupportedExpectation), bad(plain, [":protocol→websocket"], .unknownPseudoField),
        bad(Array(plain[1...]), ahead: [":method→CONNECT"], .badConnect), bad([":method→CONNECT"], [], .badConnect),
        bad([":method→CONNECT", ":authority→a"], [], .badAuthority),
        bad([":method→CONNECT", ":authority→a:1", ":protocol→websocket"], [], .missingPseudoField),
        bad(Array(plain[1...]), ahead: [":method→CONNECT", ":protocol→H2C"], .badPseudoField),
        bad([":method→CONNECT", ":authority→a:1", "content-length→0"], [], .badContentLength),
        bad(plain, ["a→\(String(repeating: "x", count: 40000))"], .headTooLarge),
        bad(plain, [String](repeating: "a→b", count: 102), .tooManyFields),
    ]

    @Test(arguments: malformed.indices)
    func refuses(_ index: Int) {
        let (fields, error) = HeadAssemblerTests.malformed[index]
        #expect(throws: error, "\(fields)") { try HeadAssemblerTests.request(fields) }
    }

    @Test("a request is what HTTP/1.1 would have made of it")
    func sameAsHTTP1() throws {
        var head = try HeadAssemblerTests.request(
            [
                (":method", "POST"), (":path", "/%41/../b?q={}"), (":scheme", "https"),
                (":authority", "Example.com:8443"),
                ("x-a", "1"), ("content-length", "5"), ("te", "trailers"), ("expect", "100-continue"), ("x-b", ""),
            ], endsStream: false)
        let other = try Read.head(
            "POST /%41/../b?q={} HTTP/1.1\r\nHost: Example.com:8443\r\nX-A: 1\r\nContent-Length: 5\r\nTE: trailers\r\n"
                + "Expect: 100-continue\r\nX-B:\r\n\r\n")
        #expect(head.version == .http2)
        head.version = .http11
        #expect(head.summary == other.summary)
        var one: [UInt8] = []
        var two: [UInt8] = []
        HTTP1Serializer.append(request: head, framing: head.framing, to: &one)
        HTTP1Serializer.append(request: other, framing: other.framing, to: &two)
        #expect(one == two)
    }

    @Test("cookie crumbs become one field")
    func cookies() throws {
        let head = try HeadAssemblerTests.request(
            HeadAssemblerTests.get + [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")])
        #expect(head.fields.lines == ["cookie: a=1; b=2; c=3", "x: y"])
    }

    @Test("host stands in for the authority, and may repeat it")
    func host() throws {
        let fields = HeadAssemblerTests.get
        let only = try HeadAssemblerTests.request(fields[..<3] + [("host", "B:80")])
        #expect(only.fields.text(only.authority) == "b:80")
        let both = try HeadAssemblerTests.request(fields + [("host", "A")])
        #expect(both.fields.text(both.authority) == "a" && both.fields.isEmpty)
    }

    @Test("requests are framed by length or the stream")
    func framing() throws {
        let get = HeadAssemblerTests.get
        let post = [(":method", "POST")] + get[1...]
        #expect(try HeadAssemblerTests.request(get).framing == .none)
        #expect(try HeadAssemblerTests.request(get, endsStream: false).framing == .chunked)
        #expect(try HeadAssemblerTests.request(post).framing == .length(0))
        #expect(
            try HeadAssemblerTests.request(get + [("content-length", "7")], endsStream: false).framing == .length(7))
        let connect = try HeadAssemblerTests.request(
            [(":method", "CONNECT"), (":authority", "A:1")], endsStream: false)
        #expect(connect.framing == .none && connect.fields.text(connect.authority) == "a:1" && connect.target.isEmpty)
        let socket = try HeadAssemblerTests.request(
            [(":method", "CONNECT"), (":protocol", "WebSocket")] + get[1...], endsStream: false)
        #expect(socket.fields.text(socket.upgrade) == "websocket" && socket.fields.text(socket.path) == "/")
    }

    static let malformedResponses: [(Fields, HTTP2HeadError)] = [
        bad([], [], .missingPseudoField), bad(["a→b"], [], .missingPseudoField),
        bad([":status→20"], [], .badStatus),
        bad([":status→101"], [], .badStatus), bad([":status→600"], [], .badStatus),
        bad([":status→+20"], [], .badStatus),
        bad([":status→200", ":status→200"], [], .duplicatePseudoField),
        bad(["a→b", ":status→200"], [], .misplacedPseudoField),
        bad([":path→/"], [], .unknownPseudoField),
        bad([":status→200", "connection→x"], [], .connectionSpecificField),
        bad([":status→200", "content-length→1", "content-length→1"], [], .badContentLength),
        bad([":status→200", "a→b\0"], [], .badValue),
    ]

    @Test(arguments: malformedResponses.indices)
    func refusesResponse(_ index: Int) {
        let (fields, error) = HeadAssemblerTests.malformedResponses[index]
        #expect(throws: error, "\(fields)") { try HeadAssemblerTests.response(fields) }
    }

    @Test("responses are framed by length, stream, status and method")
    func responses() throws {
        let length: Fields = [(":status", "200"), ("content-length", "5"), ("a", "b")]
        #expect(try HeadAssemblerTests.response(length).framing == .length(5))
        #expect(try HeadAssemblerTests.response(length).fields.lines == ["a: b"])
        let head = try HeadAssemblerTests.response(length, to: .head, endsStream: true)
        #expect(head.framing == .none && head.fields.lines == ["a: b", "content-length: 5"])
        #expect(throws: HTTP2HeadError.badContentLength) { try HeadAssemblerTests.response(length, endsStream: true) }
        #expect(try HeadAssemblerTests.response([(":status", "200")], endsStream: true).framing == .length(0))
        #expect(try HeadAssemblerTests.response([(":status", "200")]).framing == .chunked)
        #expect(try HeadAssemblerTests.response([(":status", "204")], endsStream: true).framing == .none)
        #expect(try HeadAssemblerTests.response([(":status", "103")]).isInterim)
    }

    @Test("trailers follow the same rules")
    func trailers() throws {
        func add(_ fields: Fields) throws(HTTP2HeadError) -> [String] {
            var assembler = HTTP2HeadAssembler(limits: .standard)
            var block = FieldBlock()
            for (name, value) in fields {
                try assembler.add(trailer: bytes(name).span, value: bytes(value).span, to: &block)
            }
            return block.lines
        }
        #expect(try add([("grpc-status", "0"), ("x", "y")]) == ["grpc-status: 0", "x: y"])
        #expect(throws: HTTP2HeadError.misplacedPseudoField) { try add([(":status", "200")]) }
        #expect(throws: HTTP2HeadError.forbiddenTrailer) { try add([("content-length", "1")]) }
        #expect(throws: HTTP2HeadError.connectionSpecificField) { try add([("transfer-encoding", "x")]) }
        #expect(throws: HTTP2HeadError.badName) { try add([("X", "y")]) }
    }
}
