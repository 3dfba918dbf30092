import GatewayModel
import GatewayRecords
import GatewayWorkbench
import NIOCore
import Testing

@testable import GatewayProxy

@Suite("Kept answers are shown only to those they are for", .timeLimit(.minutes(1)))
struct CacheTests {
    /// A gate whose mock numbers its answers: an answer seen twice was kept.
    static func setup(
        _ headers: [Header] = [], lifetime: Int = 60, statuses: [Int] = [200], varyOn: [String] = [],
        entryBytesMax: Int = 64 * 1024, store: ResponseStore? = nil, status: Int = 200
    ) -> Gate.Setup {
        var setup = Gate.Setup()
        let store = store ?? ResponseStore(bytesMax: 1 << 20, entryBytesMax: entryBytesMax)
        setup.policy.cache = CacheRule(
            lifetimeSeconds: lifetime, statuses: statuses, varyOn: varyOn.map { Array($0.utf8) }, store: store)
        setup.answer = { request in
            let body = "\(request.id)"
            let fields = headers + [Header("Content-Length", "\(body.utf8.count)")]
            return [.head(status, fields)] + (request.method == "HEAD" ? [] : [.chunk(ByteBuffer(string: body))])
                + [.end([])]
        }
        return setup
    }

    struct Pair: Sendable {
        var says: [Header] = []
        var varyOn: [String] = []
        var first: [(String, String)] = []
        var second: [(String, String)] = []
        var targets = ["/a?x=1&y=2", "/a?x=1&y=2"]
        var isShared: Bool
    }

    static let pairs: [Pair] = [
        Pair(isShared: true),
        // Query order, an empty query, another path, case: other bytes are another resource.
        Pair(targets: ["/a?x=1&y=2", "/a?y=2&x=1"], isShared: false),
        Pair(targets: ["/a", "/a?"], isShared: false),
        Pair(targets: ["/a", "/a/"], isShared: false),
        Pair(targets: ["/a", "/A"], isShared: false),
        // Another host.
        Pair(first: [("host", "one.example")], second: [("host", "two.example")], isShared: false),
        Pair(first: [("host", "one.example")], second: [("host", "ONE.example")], isShared: true),
        // Whoever says who they are gets their own answer, unless it says that it is everyone's.
        Pair(second: [("authorization", "Bearer a")], isShared: false),
        Pair(first: [("authorization", "Bearer a")], isShared: false),
        Pair(first: [("authorization", "Bearer a")], second: [("authorization", "Bearer b")], isShared: false),
        Pair(first: [("authorization", "Bearer a")], second: [("authorization", "Bearer a")], isShared: false),
        Pair(first: [("cookie", "s=1")], second: [("cookie", "s=2")], isShared: false),
        Pair(first: [("cookie", "s=1")], isShared: false),
        Pair(second: [("cookie", "s=1")], isShared: false),
        Pair(first: [("x-api-key", "a")], second: [("x-api-key", "b")], isShared: false),
        Pair(first: [("x-goog-api-key", "a")], second: [("x-goog-api-key", "b")], isShared: false),
        Pair(
            says: [Header("Cache-Control", "public, max-age=60")], first: [("authorization", "Bearer a")],
            second: [("authorization", "Bearer b")], isShared: true),
        Pair(says: [Header("Cache-Control", "s-maxage=60")], first: [("cookie", "s=1")], isShared: true),
        // Vary, and the policy's own list.
        Pair(
            says: [Header("Vary", "Accept-Language")], first: [("accept-language", "de")],
            second: [("accept-language", "fr")], isShared: false),
        Pair(
            says: [Header("Vary", "Accept, Accept-Language")], first: [("accept-language", "de")],
            second: [("accept-language", "de")], isShared: true),
        Pair(says: [Header("Vary", "Accept-Language")], second: [("accept-language", "")], isShared: false),
        Pair(says: [Header("Vary", "*")], isShared: false),
        // Written by the gateway itself: the client's own value says nothing.
        Pair(says: [Header("Vary", "X-Forwarded-For")], isShared: false),
        Pair(says: [Header("Vary", "traceparent")], isShared: false),
        Pair(varyOn: ["x-team"], first: [("x-team", "a")], second: [("x-team", "b")], isShared: false),
        Pair(varyOn: ["x-team"], first: [("x-team", "a")], second: [("x-team", "a")], isShared: true),
        // What the answer forbids.
        Pair(says: [Header("Cache-Control", "no-store")], isShared: false),
        Pair(says: [Header("Cache-Control", "private, max-age=60")], isShared: false),
        Pair(says: [Header("Cache-Control", "no-cache")], isShared: false),
        Pair(says: [Header("Cache-Control", "private=\"set-cookie, x\", max-age=60")], isShared: false),
        Pair(says: [Header("Cache-Control", "max-age=0")], isShared: false),
        Pair(says: [Header("Cache-Control", "max-age=60, s-maxage=0")], isShared: false),
        Pair(says: [Header("Cache-Control", "max-age=soon")], isShared: false),
        Pair(says: [Header("Cache-Control", "max-age=60"), Header("Age", "60")], isShared: false),
        Pair(says: [Header("Cache-Control", "max-age=60"), Header("Age", "10")], isShared: true),
        Pair(says: [Header("Expires", "0")], isShared: false),
        Pair(
            says: [
                Header("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), Header("Expires", "Sun, 06 Nov 1994 08:50:37 GMT"),
            ], isShared: true),
        Pair(says: [Header("Set-Cookie", "a=b")], isShared: false),
        Pair(says: [Header("Set-Cookie", "a=b"), Header("Cache-Control", "public, max-age=60")], isShared: false),
        // What a request forbids.
        Pair(first: [("cache-control", "no-store")], isShared: false),
        Pair(second: [("cache-control", "no-cache")], isShared: false),
        Pair(second: [("pragma", "no-cache")], isShared: false),
        Pair(second: [("cache-control", "max-age=0")], isShared: false),
        Pair(second: [("cache-control", "min-fresh=3600")], isShared: false),
        Pair(first: [("range", "bytes=0-0")], isShared: false),
        Pair(second: [("range", "bytes=0-0")], isShared: false),
        Pair(second: [("if-match", "\"v\"")], isShared: false),
    ]

    @Test("Two requests share an answer only if they may", arguments: pairs.indices)
    func sharing(_ index: Int) async throws {
        let pair = Self.pairs[index]
        try await Gate.serving(Self.setup(pair.says, varyOn: pair.varyOn)) { (gate: Gate) async throws in
            let first = try await gate.call("GET", pair.targets[0], headers: pair.first)
            let second = try await gate.call("GET", pair.targets[1], headers: pair.second)
            #expect(first.text == "1")
            #expect(second.text == (pair.isShared ? "1" : "2"), "\(pair)")
            #expect(try await gate.counter(.cacheHits) == (pair.isShared ? 1 : 0))
            let status = try #require(second.headers.first("cache-status"))
            #expect(status.hasPrefix(pair.isShared ? "sluice; hit" : "sluice; fwd="))
            #expect(second.headers.has("age") == (pair.isShared || pair.says.has("Age")))
        }
    }

    @Test("Protocols share answers; methods do not, but HEAD is answered from what GET brought")
    func methods() async throws {
        try await Gate.serving(Self.setup([Header("Content-Type", "text/plain")])) { (gate: Gate) async throws in
            #expect(try await gate.call("POST", "/").text == "1")
            #expect(try await gate.call("HEAD", "/").headers.first("content-length") == "1")
            #expect(try await gate.call().text == "3")
            #expect(try await gate.call(version: .http2).text == "3")
            let head = try await gate.call("HEAD", "/")
            #expect(head.headers.first("content-length") == "1")
            #expect(head.headers.first("cache-status")?.hasPrefix("sluice; hit") == true)
            #expect(head.body.isEmpty)
            #expect(gate.mock.journal.receivedCount == 3)
            // An unsafe method makes what was kept worthless.
            #expect(try await gate.call("OPTIONS", "/").text == "4")
            #expect(try await gate.call().text == "3")
            #expect(try await gate.call("DELETE", "/").text == "5")
            #expect(try await gate.call().text == "6")
        }
    }

    @Test("What is not a listed status, or has no end, is not kept", arguments: [200, 404])
    func statuses(_ status: Int) async throws {
        try await Gate.serving(Self.setup(status: status)) { (gate: Gate) async throws in
            #expect(try await gate.call().text == "1")
            #expect(try await gate.call().text == (status == 200 ? "1" : "2"))
        }
        try await Gate.serving(Self.setup(statuses: [404], status: status)) { (gate: Gate) async throws in
            #expect(try await gate.call().text == "1")
            #expect(try await gate.call().text == (status == 404 ? "1" : "2"))
        }
    }

    @Test("Cut-off answers, close-delimited ones and those with trailers are never kept")
    func partial() async throws {
        let answers: [[MockStep]] = [
            [.head(200, [Header("Content-Length", "10")]), .chunk(ByteBuffer(string: "hello")), .close],
            [.head(200, []), .chunk(ByteBuffer(string: "hello")), .reset],
            [.raw(ByteBuffer(string: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")), .close],
            [
                .head(200, [Header("Trailer", "x-sum")]), .chunk(ByteBuffer(string: "hello")),
                .end([Header("x-sum", "1")]),
            ],
        ]
        for answer in answers {
            var setup = Self.setup()
            setup.answer = { _ in answer }
            let store = try #require(setup.policy.cache?.store)
            try await Gate.serving(setup) { (gate: Gate) async throws in
                _ = try? await gate.call()
                #expect(store.count == 0)
                _ = try? await gate.call()
                #expect(gate.mock.journal.receivedCount == 2)
                try await gate.until { store.gatheringBytes == 0 }
            }
        }
    }

    @Test("A client that goes away leaves nothing behind")
    func aborted() async throws {
        var setup = Self.setup(entryBytesMax: 1 << 20)
        setup.answer = { _ in
            [
                .head(200, [Header("Content-Length", "200000")]), .chunk(ByteBuffer(repeating: 0x61, count: 100_000)),
                .hang,
            ]
        }
        let store = try #require(setup.policy.cache?.store)
        try await Gate.serving(setup) { (gate: Gate) async throws in
            let client = try await WorkbenchClient().connection("http://127.0.0.1:\(gate.port)/")
            let response = try await client.start(CallRequest("GET", "/"))
            #expect(response.status == 200)
            #expect(store.gatheringBytes == 200_000)
            await client.close()
            try await gate.until { store.gatheringBytes == 0 }
            #expect(store.count == 0)
        }
    }

    @Test("Conditions are judged from what is kept")
    func conditions() async throws {
        let says = [
            Header("ETag", "\"v1\""), Header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            Header("Content-Type", "text/plain"), Header("Cache-Control", "max-age=60"),
        ]
        let table: [(String, String, Int)] = [
            ("if-none-match", "\"v1\"", 304), ("if-none-match", "W/\"v1\"", 304), ("if-none-match", "*", 304),
            ("if-none-match", "\"a,\\\"v1\", \"v2\", \"v1\"", 304), ("if-none-match", "\"v2\"", 200),
            ("if-none-match", "v1", 200),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 304),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT", 200), ("if-modified-since", "yesterday", 200),
        ]
        try await Gate.serving(Self.setup(says)) { (gate: Gate) async throws in
            #expect(try await gate.call().status == 200)
            for (name, value, status) in table {
                let answer = try await gate.call(headers: [(name, value)])
                #expect(answer.status == status, "\(name): \(value)")
                #expect(answer.text == (status == 304 ? "" : "1"))
                #expect(answer.headers.first("etag") == "\"v1\"")
                #expect(answer.headers.has("content-type") == (status == 200))
            }
            #expect(gate.mock.journal.receivedCount == 1)
        }
    }

    @Test("only-if-cached is answered 504 where nothing is kept")
    func onlyIfCached() async throws {
        try await Gate.serving(Self.setup()) { (gate: Gate) async throws in
            #expect(try await gate.call(headers: [("cache-control", "only-if-cached")]).status == 504)
            #expect(gate.mock.journal.receivedCount == 0)
            _ = try await gate.call()
            #expect(try await gate.call(headers: [("cache-control", "only-if-cached")]).text == "1")
        }
    }

    @Test("The store is bounded, forgets the least recently used, and outlives a reload; another one begins anew")
    func store() async throws {
        let store = ResponseStore(bytesMax: 64 * 1024, entryBytesMax: 16 * 1024)
        let setup = Self.setup(store: store)
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for index in 0..<400 {
                _ = try await gate.call("GET", "/\(index)")
                _ = try await gate.call("GET", "/0")
            }
            #expect(store.byteCount <= 64 * 1024)
            #expect(store.count < 400)
            #expect(try await gate.call("GET", "/0").text == "1")
            try await gate.reload(setup)
            #expect(try await gate.call("GET", "/0").text == "1")
            try await gate.reload(Self.setup(), revision: 3)
            #expect(try await gate.call("GET", "/0").text != "1")
        }
        // An entry above its bound passes through.
        var large = Self.setup(entryBytesMax: 1_000)
        let small = try #require(large.policy.cache?.store)
        large.answer = nil
        try await Gate.serving(large) { (gate: Gate) async throws in
            for target in ["/bytes?n=1001", "/chunks?n=4&size=400"] {
                _ = try await gate.call("GET", target)
                #expect(small.count == 0)
                try await gate.until { small.gatheringBytes == 0 }
            }
            _ = try await gate.call("GET", "/bytes?n=500")
            #expect(small.count == 1)
        }
    }

    @Test("A kept answer is compressed for each client as it likes, and edited for each origin")
    func together() async throws {
        let text = CompressionTests.text
        var setup = Self.setup([Header("Content-Type", "text/plain"), Header("ETag", "\"v1\"")])
        setup.policy.compression = CompressionTests.rule
        setup.cors = CORSPolicy(origins: ["https://a.example", "https://b.example"].compactMap { OriginPattern($0) })
        setup.answer = { _ in
            [.head(200, [Header("Content-Type", "text/plain")]), .chunk(ByteBuffer(string: text)), .end([])]
        }
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for (coding, origin) in [("gzip", "https://a.example"), ("zstd", "https://b.example"), ("", "")] {
                let answer = try await gate.call(headers: [("accept-encoding", coding), ("origin", origin)])
                #expect(answer.headers.first("content-encoding") == (coding.isEmpty ? nil : coding))
                #expect(Decoder.decode(answer.body, coding) == Array(text.utf8))
                #expect(answer.headers.first("access-control-allow-origin") == (origin.isEmpty ? nil : origin))
            }
            #expect(gate.mock.journal.receivedCount == 1)
        }
    }
}

extension CacheTests.Pair: CustomStringConvertible {
    var description: String { "\(says) \(first) \(second) \(targets)" }
}
