import Testing

@testable import GatewayWire

/// What a stream was read as, however it was cut.
struct ReadStream: Equatable {
    struct Event: Equatable {
        var name: String
        var data: String
        var isUnterminated = false
    }

    var events: [Event] = []
    /// All bytes of all steps, in order.
    var raw: [UInt8] = []
    var oversized = 0
    var lastID: [UInt8] = []
    var retry: Int?

    static func read(_ input: [UInt8], cutAt cuts: [Int] = [], eventBytesMax: Int = 1 << 20) -> ReadStream {
        var stream = ReadStream()
        var parser = SSEParser(eventBytesMax: eventBytesMax)
        var bounds = [0] + cuts + [input.count]
        bounds.sort()
        for (start, end) in zip(bounds, bounds.dropFirst()) {
            let chunk = input.span.extracting(start..<end)
            var position = 0
            steps: while true {
                let before = position
                let step = parser.next(chunk, &position)
                #expect(parser.extent.lowerBound == before && parser.extent.upperBound == position)
                if step == .more { break steps }
                stream.add(step, parser, chunk)
            }
            #expect(position == chunk.count)
        }
        let rest = parser.finish()
        stream.add(rest, parser, input.span.extracting(0..<0))
        stream.oversized = parser.oversizedEvents
        stream.lastID = parser.lastID
        stream.retry = parser.retryMilliseconds
        return stream
    }

    private mutating func add(_ step: SSEParser.Step, _ parser: SSEParser, _ chunk: Span<UInt8>) {
        raw += parser.held.prefix(parser.heldCount)
        for index in parser.extent { raw.append(chunk[index]) }
        guard step == .event else { return }
        let event = parser.withEvent(chunk) { name, data in
            Event(name: Self.text(name), data: Self.text(data), isUnterminated: parser.isUnterminated)
        }
        events.append(event)
    }

    private static func text(_ span: Span<UInt8>) -> String {
        var bytes: [UInt8] = []
        for index in 0..<span.count { bytes.append(span[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

@Suite("Server-sent events are the same however they are cut")
struct SSEParserTests {
    typealias Event = ReadStream.Event

    static let streams: [(String, [Event])] = [
        ("data: a\n\n", [Event(name: "", data: "a")]),
        ("data:a\r\n\r\ndata:  b\r\rdata\n\n", ["a", " b", ""].map { Event(name: "", data: $0) }),
        ("event: x\ndata: 1\ndata: 2\n\n", [Event(name: "x", data: "1\n2")]),
        ("data: 1\r\ndata\r\ndata: 3\r\n\r\n", [Event(name: "", data: "1\n\n3")]),
        (": hi\n\n:\r\n\n\ndata: a\n: in between\nid: 7\nretry: 250\n\n", [Event(name: "", data: "a")]),
        ("\u{FEFF}data: a\n\n\u{FEFF}data: b\n\n", [Event(name: "", data: "a")]),
        ("\u{FEFF}\ndata: a\n\n", [Event(name: "", data: "a")]),
        ("event: x\n\ndata: é\u{1D11E}\n\n", [Event(name: "", data: "é\u{1D11E}")]),
        ("event: a\nevent: b\ndata: x\n\n", [Event(name: "b", data: "x")]),
        ("data: a\n\ndata: b\n", [Event(name: "", data: "a"), Event(name: "", data: "b", isUnterminated: true)]),
        ("data: a", [Event(name: "", data: "a", isUnterminated: true)]),
        ("data: a\r", [Event(name: "", data: "a", isUnterminated: true)]),
        ("data: a\r\n\r", [Event(name: "", data: "a")]),
        ("dat: a\nDATA: b\n data: c\ndata : d\nid: \0\nretry: 1x\n\n", []),
        (
            "data: {\"a\":\"\(String(repeating: "x", count: 70))\"}\n\ndata: [DONE]\n\n",
            [
                Event(name: "", data: "{\"a\":\"\(String(repeating: "x", count: 70))\"}"),
                Event(name: "", data: "[DONE]"),
            ]
        ),
        ("", []), ("\n\r\r\n", []), (":", []), (": x", []),
    ]

    @Test(arguments: 0..<19)
    func `each cut, and each byte alone, gives the same events and all bytes`(number: Int) {
        let (text, events) = Self.streams[number]
        let input = Array(text.utf8)
        let whole = ReadStream.read(input)
        #expect(whole.events == events)
        #expect(whole.raw == input)
        for cut in 0...input.count { #expect(ReadStream.read(input, cutAt: [cut]) == whole, "cut at \(cut)") }
        #expect(ReadStream.read(input, cutAt: Array(0..<input.count)) == whole)
    }

    @Test func `id and retry are kept`() {
        let stream = ReadStream.read(Array("id: 7\nretry: 250\n\nid: a\0\nretry: -1\ndata: x\n\n".utf8))
        #expect(stream.lastID == Array("7".utf8))
        #expect(stream.retry == 250)
    }

    @Test func `an event above the limit is passed by and the next one read`() {
        let large = "data: \(String(repeating: "x", count: 60))\ndata: y\n\n"
        let input = Array("data: a\n\n\(large)\(large)data: b\n\n".utf8)
        let whole = ReadStream.read(input, eventBytesMax: 64)
        #expect(whole.events.map(\.data) == ["a", "b"])
        #expect(whole.oversized == 2)
        #expect(whole.raw == input)
        for cut in 0...input.count { #expect(ReadStream.read(input, cutAt: [cut], eventBytesMax: 64) == whole) }
        #expect(ReadStream.read(input, cutAt: Array(0..<input.count), eventBytesMax: 64) == whole)
        let exact = Array("data: 9\n\n".utf8)
        #expect(ReadStream.read(exact, eventBytesMax: 9).events.count == 1)
        #expect(ReadStream.read(exact, eventBytesMax: 8).events.isEmpty)
        let endless = [UInt8](repeating: 0x61, count: 1_000)
        let cut = ReadStream.read(endless, cutAt: Array(0..<1_000), eventBytesMax: 64)
        #expect(cut.events.isEmpty && cut.raw == endless && cut.oversized == 1)
    }

    @Test func `a comment is not held back`() {
        var parser = SSEParser()
        let chunk = Array(": ping\n".utf8)
        var position = 0
        #expect(parser.next(chunk.span, &position) == .filler)
        #expect(parser.extent == 0..<7)
        #expect(parser.next(chunk.span, &position) == .more)
        #expect(parser.held.isEmpty)
    }

    @Test(arguments: [
        ("", "a", "data: a\n\n"), ("x", "a\nb\r\nc", "event: x\ndata: a\ndata: b\ndata: c\n\n"),
        ("", "", "data: \n\n"), ("", "a\n", "data: a\ndata: \n\n"),
    ])
    func `what is written is read`(name: String, data: String, expected: String) {
        var out: [UInt8] = []
        let bytes = Array(data.utf8)
        if name == "x" {
            SSEWriter.append(event: "x", data: bytes.span, to: &out)
        } else {
            SSEWriter.append(data: bytes.span, to: &out)
        }
        #expect(String(decoding: out, as: UTF8.self) == expected)
        let lines = data.replacing("\r\n", with: "\n")
        #expect(ReadStream.read(out).events == [Event(name: name, data: lines)])
        SSEWriter.append(comment: "wait", to: &out)
        #expect(ReadStream.read(out).events.count == 1)
    }
}

/// Run with the codec's fuzzer: `MutationTests` tells how.
@Suite("Mutated event streams never trap, and mean the same however they arrive")
struct SSEMutationTests {
    static let pieces: [[UInt8]] = [
        "\n", "\r", "\r\n", "\n\n", ":", "data: ", "data", "event: x\n", "id: 1\n", "retry: 5\n", "\u{FEFF}", "\0",
    ].map { Array($0.utf8) }

    @Test(.timeLimit(.minutes(60)))
    func mutations() {
        var random = MutationTests.Generator(state: MutationTests.setting("SLUICE_FUZZ_SEED", 20_261_125))
        let seeds = SSEParserTests.streams.map { Array($0.0.utf8) }
        for _ in 0..<MutationTests.setting("SLUICE_FUZZ_ITERATIONS", 15_000) {
            var input = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            input += seeds[Int.random(in: 0..<seeds.count, using: &random)]
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let piece = Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)]
                input.insert(contentsOf: piece, at: Int.random(in: 0...input.count, using: &random))
            }
            input = MutationTests.mutate(input, &random)
            let limit = Bool.random(using: &random) ? 1 << 20 : Int.random(in: 1...60, using: &random)
            let whole = ReadStream.read(input, eventBytesMax: limit)
            let cuts = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                Int.random(in: 0...input.count, using: &random)
            }
            #expect(whole.raw == input, "\(input)")
            #expect(ReadStream.read(input, cutAt: cuts, eventBytesMax: limit) == whole, "\(input) \(cuts) \(limit)")
        }
    }
}
