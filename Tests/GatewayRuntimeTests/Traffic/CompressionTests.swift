import GatewayModel
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@testable import GatewayProxy

@Suite("Answers are compressed where policy, answer and client agree", .timeLimit(.minutes(1)))
struct CompressionTests {
    static let rule = CompressionRule(
        algorithms: [.zstd, .gzip], bytesMin: 100, contentTypes: ["text/*", "application/json"])

    static func setup(_ headers: [Header], body: String) -> Gate.Setup {
        var setup = Gate.Setup()
        setup.policy.compression = rule
        setup.answer = { request in
            var fields = headers
            if !headers.has("Transfer-Encoding") { fields.append(Header("Content-Length", "\(body.utf8.count)")) }
            let isHead = request.method == "HEAD"
            return [.head(200, fields)] + (isHead ? [] : [.chunk(ByteBuffer(string: body))]) + [.end([])]
        }
        return setup
    }

    static let text = String(repeating: "the same words again and again, ", count: 400)

    @Test(
        "A client gets the coding it likes best, and the bytes are the same after decoding",
        arguments: [
            ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, zstd", "zstd"), ("gzip;q=0.9, zstd;q=0.1", "gzip"),
            ("*", "zstd"), ("zstd;q=0, *", "gzip"), ("X-GZIP", "gzip"), ("br, gzip;q=1.0", "gzip"),
            ("", nil), ("br", nil), ("gzip;q=0", nil), ("identity, gzip;q=0.5", nil), ("gzip;q=x", nil),
        ] as [(String, String?)])
    func negotiation(_ accepted: String, _ expected: String?) async throws {
        let setup = Self.setup([Header("Content-Type", "text/plain; charset=utf-8")], body: Self.text)
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for version in [Destination.HTTPVersion.http1, .http2] {
                let answer = try await gate.call(
                    headers: accepted.isEmpty ? [] : [("accept-encoding", accepted)], version: version)
                #expect(answer.headers.first("content-encoding") == expected)
                #expect(answer.headers.first("vary") == "Accept-Encoding")
                #expect(Decoder.decode(answer.body, expected) == Array(Self.text.utf8))
                #expect(answer.headers.has("content-length") == (expected == nil))
                if expected != nil { #expect(answer.body.count < 1_000) }
            }
        }
    }

    @Test(
        "What is not to be compressed stays as it is",
        arguments: [
            [Header("Content-Type", "image/png")],
            [Header("Content-Type", "text/plain"), Header("Content-Encoding", "br")],
            [Header("Content-Type", "text/plain"), Header("Cache-Control", "max-age=5, no-transform")],
            [],
        ])
    func exempt(_ headers: [Header]) async throws {
        try await Gate.serving(Self.setup(headers, body: Self.text)) { (gate: Gate) async throws in
            let answer = try await gate.call(headers: [("accept-encoding", "gzip")])
            #expect(answer.headers.first("content-encoding") == headers.first("content-encoding"))
            #expect(answer.text == Self.text)
            #expect(!answer.headers.has("vary"))
        }
    }

    @Test("Small answers, HEAD and partial content stay as they are")
    func untouched() async throws {
        try await Gate.serving(Self.setup([Header("Content-Type", "text/plain")], body: "short")) {
            (gate: Gate) async throws in
            let answer = try await gate.call(headers: [("accept-encoding", "gzip")])
            #expect(answer.headers.first("content-length") == "5")
            #expect(answer.text == "short")
        }
        try await Gate.serving(Self.setup([Header("Content-Type", "text/plain")], body: Self.text)) {
            (gate: Gate) async throws in
            let answer = try await gate.call("HEAD", headers: [("accept-encoding", "gzip")])
            #expect(!answer.headers.has("content-encoding"))
            #expect(answer.headers.first("content-length") == "\(Self.text.utf8.count)")
            // What caches go by is the same as for GET.
            for version in [Destination.HTTPVersion.http1, .http2] {
                for method in ["HEAD", "GET"] {
                    let varies = try await gate.call(method, version: version).headers.all("vary")
                    #expect(varies == ["Accept-Encoding"], "\(method)")
                }
            }
        }
        try await Gate.serving(Self.setup([Header("Content-Type", "text/plain")], body: "short")) {
            (gate: Gate) async throws in
            #expect(try await !gate.call("HEAD", headers: [("accept-encoding", "gzip")]).headers.has("vary"))
        }
        var setup = Self.setup([], body: "")
        setup.answer = { _ in
            [
                .head(206, [Header("Content-Type", "text/plain"), Header("Content-Length", "500")]),
                .chunk(ByteBuffer(repeating: 0x61, count: 500)), .end([]),
            ]
        }
        try await Gate.serving(setup) { (gate: Gate) async throws in
            let answer = try await gate.call(headers: [("accept-encoding", "gzip")])
            #expect(!answer.headers.has("content-encoding"))
            #expect(answer.body.count == 500)
        }
    }

    @Test("An ETag becomes weak; what was said of the plain bytes goes; trailers stay")
    func fields() async throws {
        var setup = Self.setup([], body: "")
        setup.answer = { _ in
            [
                .head(
                    200,
                    [
                        Header("Content-Type", "application/json"), Header("ETag", "\"v1\""),
                        Header("Accept-Ranges", "bytes"), Header("Content-Digest", "sha-256=:x:"),
                        Header("Vary", "Origin"), Header("Trailer", "x-sum"),
                    ]), .chunk(ByteBuffer(string: Self.text)), .end([Header("x-sum", "7")]),
            ]
        }
        try await Gate.serving(setup) { (gate: Gate) async throws in
            let answer = try await gate.call(
                headers: [("accept-encoding", "gzip"), ("te", "trailers")], version: .http2)
            #expect(answer.headers.first("etag") == "W/\"v1\"")
            #expect(!answer.headers.has("accept-ranges"))
            #expect(!answer.headers.has("content-digest"))
            #expect(answer.headers.all("vary") == ["Origin", "Accept-Encoding"])
            #expect(Decoder.decode(answer.body, "gzip") == Array(Self.text.utf8))
            #expect(answer.trailers.first("x-sum") == "7")
        }
    }

    @Test("No event waits for the next one", arguments: ["gzip", "zstd"], [Destination.HTTPVersion.http1, .http2])
    func events(_ coding: String, _ version: Destination.HTTPVersion) async throws {
        var setup = Gate.Setup()
        setup.policy.compression = Self.rule
        // Nothing follows the second event: if it were held back, the read below would not end.
        setup.answer = { _ in
            [
                .head(200, [Header("Content-Type", "text/event-stream")]),
                .stream(count: 2, intervalMilliseconds: 0) { ByteBuffer(string: "data: \($0)\n\n") }, .hang,
            ]
        }
        try await Gate.serving(setup) { (gate: Gate) async throws in
            let client = try await WorkbenchClient(version: version).connection("http://127.0.0.1:\(gate.port)/")
            let response = try await client.start(CallRequest("GET", "/", headers: [Header("accept-encoding", coding)]))
            #expect(response.headers.first("content-encoding") == coding)
            var bytes: [UInt8] = []
            var body = response.body.makeAsyncIterator()
            while Decoder.decode(bytes, coding) != Array("data: 0\n\ndata: 1\n\n".utf8) {
                guard let chunk = try await body.next() else { break }
                bytes += chunk.bytes.readableBytesView
            }
            #expect(Decoder.decode(bytes, coding) == Array("data: 0\n\ndata: 1\n\n".utf8))
            await client.close()
            try await gate.until {
                let active = Atomic<Int>(0)
                try await gate.plane.onEachWorker { active.add($0.compressions.activeCount, ordering: .relaxed) }
                return active.load(ordering: .relaxed) == 0
            }
        }
    }

    @Test("More than the bound go uncompressed; a large answer keeps its bytes")
    func bounds() async throws {
        var setup = Self.setup([Header("Content-Type", "text/plain")], body: Self.text)
        setup.limits.compressionsPerLoopMax = 0
        try await Gate.serving(setup) { (gate: Gate) async throws in
            let answer = try await gate.call(headers: [("accept-encoding", "gzip")])
            #expect(!answer.headers.has("content-encoding"))
            #expect(answer.text == Self.text)
        }
        setup.limits.compressionsPerLoopMax = 4
        setup.answer = nil
        try await Gate.serving(setup) { (gate: Gate) async throws in
            for coding in ["gzip", "zstd"] {
                let answer = try await gate.call("GET", "/bytes?n=5000000", headers: [("accept-encoding", coding)])
                let plain = Decoder.decode(answer.body, coding)
                #expect(plain.count == 5_000_000)
                #expect(plain.indices.allSatisfy { plain[$0] == UInt8(0x61 + $0 % 26) })
            }
        }
    }

    @Test("Encoders give all bytes back whatever the pieces were", arguments: [1, 7, 1_000, 100_000])
    func pieces(_ size: Int) {
        let plain = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        for coding in ["gzip", "zstd"] {
            var pool = CompressionPool()
            for _ in 0..<2 {
                guard let transform = pool.take(coding == "gzip" ? .gzip : .zstd, countMax: 1) else {
                    Issue.record("no encoder")
                    continue
                }
                let isFull = pool.take(.gzip, countMax: 1) == nil
                #expect(isFull)
                var out: [UInt8] = []
                for start in stride(from: 0, to: plain.count, by: size * 13) {
                    for piece in stride(from: start, to: min(plain.count, start + size * 13), by: size) {
                        let end = min(plain.count, piece + size)
                        transform.apply(ByteBuffer(bytes: plain[piece..<end])) { out += $0.readableBytesView }
                    }
                    transform.flush { out += $0.readableBytesView }
                    if start % 7 == 0 {
                        #expect(Decoder.decode(out, coding).count == min(plain.count, start + size * 13))
                    }
                    if size == 1, start > 2_000 { break }
                }
                let count = Decoder.decode(out, coding).count
                transform.finish { out += $0.readableBytesView }
                #expect(Decoder.decode(out, coding) == Array(plain[..<count]))
                pool.giveBack(transform)
                #expect(pool.activeCount == 0)
            }
        }
    }
}
