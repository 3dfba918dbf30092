import Testing

@testable import GatewayWire

/// What decoding a body came to.
struct DecodedBody: Equatable {
    var payload: [UInt8] = []
    var trailers: [String] = []
    var rest: Int = 0
    var isComplete = false
    var error: HTTP1ParseError?

    /// Decodes bytes that arrive up to each cut in turn, unconsumed bytes again each time.
    static func decode(
        _ input: [UInt8], _ framing: BodyFraming, cutAt cuts: [Int] = [], limits: HTTP1Limits = .standard
    ) -> DecodedBody {
        var decoder = HTTP1BodyDecoder(framing, limits: limits)
        var body = DecodedBody()
        var start = 0
        do throws(HTTP1ParseError) {
            for cut in cuts + [input.count] where !body.isComplete {
                var ranges: [Range<Int>] = []
                let piece = input.span.extracting(start..<max(start, cut))
                let progress = try decoder.decode(piece, payload: &ranges)
                for range in ranges { for index in range { body.payload.append(piece[index]) } }
                start += progress.consumed
                body.isComplete = progress.isComplete
            }
        } catch { body.error = error }
        body.trailers = decoder.trailers.lines
        body.rest = body.error == nil ? input.count - start : 0
        return body
    }
}

@Suite("A body ends exactly where its framing says")
struct BodyDecoderTests {
    static let chunked: [(String, String, [String], Int)] = [
        ("0\r\n\r\n", "", [], 0), ("5\r\nhello\r\n0\r\n\r\n", "hello", [], 0),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /", "hello world", [], 5),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", [], 0),
        ("00a\r\n0123456789\r\n000\r\n\r\n", "0123456789", [], 0),
        ("2;a\r\n\r\n\r\n0;x=y;z=\"q\\\"\t;\"\r\n\r\n", "\r\n", [], 0), ("1 ; a = b\r\nx\r\n0\r\n\r\n", "x", [], 0),
        ("1\r\nx\r\n0\r\nX-Sum: 1 \r\ngrpc-status:0\r\n\r\nrest", "x", ["x-sum: 1", "grpc-status: 0"], 4),
        ("1\r\nx\r\n0\r\netag: \"a\"\r\n\r\n", "x", ["etag: \"a\""], 0),
    ]

    @Test(arguments: chunked)
    func chunks(_ text: String, _ payload: String, _ trailers: [String], _ rest: Int) {
        let input = bytes(text)
        let expected = DecodedBody(payload: bytes(payload), trailers: trailers, rest: rest, isComplete: true)
        #expect(DecodedBody.decode(input, .chunked) == expected)
        for cut in 0..<input.count {
            #expect(DecodedBody.decode(input, .chunked, cutAt: [cut]).ignoringRest == expected.ignoringRest, "\(cut)")
        }
        #expect(
            DecodedBody.decode(input, .chunked, cutAt: Array(0..<input.count)).ignoringRest == expected.ignoringRest)
    }

    static let refused: [(String, HTTP1ParseError)] = [
        ("\r\n", .badChunkSize), ("x\r\n", .badChunkSize), ("-1\r\n", .badChunkSize), ("+1\r\n", .badChunkSize),
        (" 1\r\n", .badChunkSize), ("0x1\r\n", .badChunkSize), ("1_0\r\n", .badChunkSize), ("1,\r\n", .badChunkSize),
        ("1 \r\nx", .badChunkExtension), ("1\t\r\nx", .badChunkExtension), ("1 1\r\n", .badChunkExtension),
        ("fffffffffffffffff\r\n", .badChunkSize), ("8000000000000000\r\n", .badChunkSize),
        ("0000000000000005\r\n", .badChunkSize), ("5\n", .bareLineFeed), ("\n", .bareLineFeed),
        ("5\rx", .bareCarriageReturn),
        ("5;\r\n", .badChunkExtension), ("5;a=\r\n", .badChunkExtension), ("5;=b\r\n", .badChunkExtension),
        ("5;a\n\r\n", .bareLineFeed), ("5;a=\"\n\"\r\n", .bareLineFeed), ("5;a=\"\r\n\"\r\n", .badChunkExtension),
        ("5;a b\r\n", .badChunkExtension), ("5;a\0\r\n", .badChunkExtension), ("5;;\r\n", .badChunkExtension),
        ("5;a=\"b\"c\r\n", .badChunkExtension), ("5;a ;b \r\n", .badChunkExtension),
        ("1;a=\(String(repeating: "b", count: 300))\r\n", .chunkLineTooLong),
        ("1;a=\"\(String(repeating: "b", count: 300))\"\r\n", .chunkLineTooLong),
        (String(repeating: "1;a=\(String(repeating: "b", count: 200))\r\nx\r\n", count: 30), .chunkLineTooLong),
        ("1\r\nxy\r\n", .chunkMissingTerminator), ("1\r\nx\n", .chunkMissingTerminator),
        ("1\r\nx\rx", .chunkMissingTerminator),
        ("1\r\nx0\r\n\r\n", .chunkMissingTerminator), ("0\r\nX\r\n\r\n", .badHeaderName), ("0\r\n\n", .bareLineFeed),
        ("0\r\n\rX", .bareCarriageReturn), ("0\r\nx : y\r\n\r\n", .whitespaceBeforeColon),
        ("0\r\n x: y\r\n\r\n", .obsoleteFold), ("0\r\na: b\r\n c\r\n\r\n", .obsoleteFold),
        ("0\r\na: \0\r\n\r\n", .badHeaderValue), ("0\r\na: b\n\r\n", .bareLineFeed),
        ("0\r\nGET / HTTP/1.1\r\n", .whitespaceBeforeColon),
        ("0\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", .forbiddenTrailer),
        ("0\r\nhost: a\r\n\r\n", .forbiddenTrailer), ("0\r\nAuthorization: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nConnection: a\r\n\r\n", .forbiddenTrailer), ("0\r\nx-forwarded-for: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\nset-cookie: a\r\n\r\n", .forbiddenTrailer), ("0\r\ncontent-type: a\r\n\r\n", .forbiddenTrailer),
        ("0\r\n" + String(repeating: "a: b\r\n", count: 101), .tooManyFields),
        ("0\r\na: \(String(repeating: "b", count: 9000))", .trailersTooLarge),
        ("0\r\n" + String(repeating: "a: \(String(repeating: "b", count: 400))\r\n", count: 30), .trailersTooLarge),
    ]

    @Test(arguments: refused)
    func refuses(_ text: String, _ error: HTTP1ParseError) {
        let input = bytes(text)
        #expect(DecodedBody.decode(input, .chunked).error == error)
        for cut in stride(from: 0, to: input.count, by: max(1, input.count / 200)) {
            #expect(DecodedBody.decode(input, .chunked, cutAt: [cut]).error == error, "cut at \(cut)")
        }
        #expect(DecodedBody.decode(input, .chunked, cutAt: Array(0..<input.count)).error == error)
    }

    @Test("A huge chunk is counted, not added up wrongly")
    func hugeChunk() throws {
        var decoder = HTTP1BodyDecoder(.chunked, limits: .standard)
        var ranges: [Range<Int>] = []
        let progress = try decoder.decode(bytes("fffffffffffffff\r\nabc").span, payload: &ranges)
        #expect(progress == HTTP1BodyDecoder.Progress(consumed: 20, isComplete: false, isCanonical: false))
        #expect(ranges == [17..<20])
    }

    @Test("Bodies with a length, without one, and until close")
    func others() throws {
        #expect(
            DecodedBody.decode(bytes("abcdef"), .length(4))
                == DecodedBody(payload: bytes("abcd"), rest: 2, isComplete: true))
        #expect(DecodedBody.decode(bytes("abc"), .length(4)) == DecodedBody(payload: bytes("abc")))
        #expect(DecodedBody.decode(bytes("abc"), .length(0)) == DecodedBody(rest: 3, isComplete: true))
        #expect(DecodedBody.decode(bytes("abc"), .none) == DecodedBody(rest: 3, isComplete: true))
        #expect(DecodedBody.decode(bytes("abc"), .untilClose) == DecodedBody(payload: bytes("abc")))
        let decoder = HTTP1BodyDecoder(.untilClose, limits: .standard)
        #expect(decoder.mayEndHere && !decoder.isComplete)
        #expect(!HTTP1BodyDecoder(.chunked, limits: .standard).mayEndHere)
        #expect(HTTP1BodyDecoder(.length(0), limits: .standard).isComplete)
    }

    @Test(
        "Only whole chunks in our own form are canonical",
        arguments: [
            ("5\r\nhello\r\n", true), ("5\r\nhello\r\n0\r\n\r\n", true), ("0\r\n\r\n", true),
            ("a\r\n0123456789\r\n", true),
            ("5\r\nhello\r\n6\r\nworld!\r\n", true), ("A\r\n0123456789\r\n", false), ("05\r\nhello\r\n", false),
            ("5;a\r\nhello\r\n", false), ("5\r\nhel", false), ("5\r\nhello", false), ("5\r\nhello\r\n0\r\n", false),
            ("0\r\na: b\r\n\r\n", false), ("00\r\n\r\n", false), ("5\r\nhello\r\n5", true),
        ])
    func canonical(_ text: String, _ isCanonical: Bool) throws {
        let input = bytes(text)
        var decoder = HTTP1BodyDecoder(.chunked, limits: .standard)
        var ranges: [Range<Int>] = []
        let progress = try decoder.decode(input.span, payload: &ranges)
        #expect(progress.isCanonical == isCanonical)
        guard isCanonical else { return }
        var written: [UInt8] = []
        for range in ranges {
            HTTP1Serializer.appendChunkHeader(size: range.count, to: &written)
            written += input[range]
            HTTP1Serializer.appendChunkEnd(to: &written)
        }
        if progress.isComplete { HTTP1Serializer.appendLastChunk(to: &written) }
        #expect(written == Array(input[..<progress.consumed]))
    }

    @Test("The middle of a chunk is never canonical")
    func middle() throws {
        let input = bytes("5\r\nhello\r\n")
        var decoder = HTTP1BodyDecoder(.chunked, limits: .standard)
        var ranges: [Range<Int>] = []
        _ = try decoder.decode(input.span.extracting(0..<5), payload: &ranges)
        let progress = try decoder.decode(input.span.extracting(5..<10), payload: &ranges)
        #expect(progress == HTTP1BodyDecoder.Progress(consumed: 5, isComplete: false, isCanonical: false))
        #expect(ranges == [3..<5, 0..<3])
    }
}

extension DecodedBody {
    /// With cuts, decoding stops at the one that completes the body, so how much was left over says nothing.
    var ignoringRest: DecodedBody {
        var copy = self
        copy.rest = 0
        return copy
    }
}
