import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("A native stream gives the same bytes and facts however it is cut")
struct StreamMeterTests {
    struct Passed: Equatable {
        var output: [UInt8] = []
        var facts = ReplyFacts()
    }

    static func pass(
        _ stream: NativeStream, removing: Bool, cutAt cuts: [Int] = [], eventBytesMax: Int = 1 << 20,
        withholding: Bool = false
    ) -> Passed {
        let input = Array(stream.text.utf8)
        var meter = StreamMeter(
            stream.shape, removesUsageChunk: removing, withholdsErrors: withholding, eventBytesMax: eventBytesMax)
        var passed = Passed()
        let bounds = ([0] + cuts + [input.count]).sorted()
        for (start, end) in zip(bounds, bounds.dropFirst()) {
            let chunk = Array(input[start..<end])
            var out: [UInt8] = []
            switch meter.add(chunk.span, into: &out) {
            case .all: passed.output += chunk
            case .part(let range): passed.output += chunk[range]
            case .copied: passed.output += out
            }
        }
        meter.finish(into: &passed.output)
        passed.facts = meter.facts
        return passed
    }

    @Test(arguments: NativeStream.all)
    func `each cut passes every byte and tells the facts`(stream: NativeStream) {
        let input = Array(stream.text.utf8)
        let expected = Passed(output: Array((stream.whole ?? stream.text).utf8), facts: stream.facts)
        #expect(Self.pass(stream, removing: false) == expected)
        for cut in 0...input.count { #expect(Self.pass(stream, removing: false, cutAt: [cut]) == expected) }
        #expect(Self.pass(stream, removing: false, cutAt: Array(0..<input.count)) == expected)
    }

    @Test(arguments: NativeStream.all)
    func `each cut takes the usage chunk out and nothing else`(stream: NativeStream) {
        let input = Array(stream.text.utf8)
        let expected = Passed(output: Array((stream.filtered ?? stream.text).utf8), facts: stream.facts)
        #expect(Self.pass(stream, removing: true) == expected)
        for cut in 0...input.count {
            #expect(Self.pass(stream, removing: true, cutAt: [cut]) == expected, "cut at \(cut)")
            #expect(Self.pass(stream, removing: true, cutAt: [cut, min(cut + 3, input.count)]) == expected)
        }
        #expect(Self.pass(stream, removing: true, cutAt: Array(0..<input.count)) == expected)
    }

    @Test func `each cut gives a response that failed the same words`() {
        var stream = NativeStream.responsesFailed
        stream.text = (stream.text + NativeStream.responsesError.text).replacing("\n", with: "\r\n")
        let whole = Self.pass(stream, removing: false, withholding: true)
        let text = String(decoding: whole.output, as: UTF8.self)
        #expect(!text.contains("org-") && text.contains(#""code":"rate_limit_exceeded","message":"the provider"#))
        #expect(text.split(separator: "data: ").count == 2 && text.hasSuffix("\"usage\":null}}\n\n"), "\(text)")
        for cut in 0...stream.text.utf8.count {
            #expect(Self.pass(stream, removing: false, cutAt: [cut], withholding: true) == whole, "cut at \(cut)")
        }
        let all = Array(0..<stream.text.utf8.count)
        #expect(Self.pass(stream, removing: false, cutAt: all, withholding: true) == whole)
    }

    private static let words = "Rate limit of org-abcdef"
    private static let long = "\"output\":\"\(String(repeating: "x", count: 400))\",\"error\":\"\(words)\""

    @Test(arguments: [
        (ReplyShape.responses, "data: {\"type\":\"response.failed\",\"response\":{\(long)}}\n\n"),
        (.responses, "event: response.failed\ndata: {\"response\":{\(long)}}\n\n"),
        (.responses, "event: error\ndata: {\(long)}\n\n"), (.responses, "data: {\"type\":\"error\",\(long)}\n\n"),
        (.responses, "data: {\"response\":{\"status\":\"failed\",\(long)}}\n\n"),
        (.messages, "data: {\"type\":\"error\",\(long)}\n\n"), (.messages, "event: error\ndata: {\(long)}\n\n"),
        (.chatCompletions, "data: {\"error\":{\(long)}}\n\n"),
    ])
    func `an error above the limit is withheld, however it is cut`(shape: ReplyShape, text: String) {
        let begin = "data: {}\n\n"
        let stream = NativeStream(name: "", shape: shape, text: begin + text + text) { _ in }
        let count = stream.text.utf8.count
        for cuts in [[], Array(0..<count)] + stride(from: 0, to: count, by: 7).map({ [$0] }) {
            let passed = Self.pass(stream, removing: false, cutAt: cuts, eventBytesMax: 200, withholding: true)
            #expect(String(decoding: passed.output, as: UTF8.self) == begin, "\(cuts)")
            #expect(passed.facts.hasError && passed.facts.ending == .failed)
        }
        let answer = NativeStream(
            name: "", shape: .responses, text: text.replacing("failed", with: "other").replacing("error", with: "x")
        ) { _ in }
        let passed = Self.pass(answer, removing: false, eventBytesMax: 200, withholding: true)
        #expect(passed.output == Array(answer.text.utf8) && !passed.facts.hasError)
    }

    @Test func `a response that failed without an error is told so, and nothing more`() {
        let text = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":null}}\n\n"
        let stream = NativeStream(name: "", shape: .responses, text: text) { _ in }
        let passed = Self.pass(stream, removing: false, withholding: true)
        #expect(passed.output == Array(text.utf8) && passed.facts.hasError)
        var meter = StreamMeter(.responses, withholdsErrors: true)
        var out: [UInt8] = []
        _ = meter.add(Array(text.utf8).span, into: &out)
        #expect(meter.hasToldFailure && !meter.hasWithheldError)
    }

    @Test(arguments: ["response.in_progress", "response.incomplete", "response.completed"])
    func `an error within a response that goes on is told in the gateway's words`(type: String) {
        let data = "{\"type\":\"\(type)\",\"response\":{\"error\":{\"code\":\"c\",\"message\":\"\(Self.words)\"}}}"
        let stream = NativeStream(name: "", shape: .responses, text: "event: \(type)\ndata: \(data)\n\n") { _ in }
        let passed = Self.pass(stream, removing: false, withholding: true)
        let told = "{\"code\":\"server_error\",\"message\":\"the provider failed\"}}}"
        let wanted = "event: \(type)\ndata: {\"type\":\"\(type)\",\"response\":{\"error\":\(told)\n\n"
        #expect(String(decoding: passed.output, as: UTF8.self) == wanted)
        #expect(!passed.facts.hasError && passed.facts.ending == (type == "response.in_progress" ? .open : .complete))
    }

    @Test(arguments: ["\"\"", "null"], [ReplyShape.responses, .messages, .chatCompletions])
    func `an error of nothing is none`(error: String, shape: ReplyShape) {
        let data = "{\"type\":\"x\",\"error\":\(error),\"response\":{\"error\":\(error)}}"
        let stream = NativeStream(name: "", shape: shape, text: "data: \(data)\n\n") { _ in }
        let passed = Self.pass(stream, removing: false, withholding: true)
        #expect(passed.output == Array(stream.text.utf8) && !passed.facts.hasError && passed.facts.ending == .open)
    }

    @Test func `an error that is too large to be kept is one`() {
        let long = String(repeating: Self.words, count: 1_000)
        let text = "data: {\"error\":{\"message\":\"\(long)\"}}\n\n"
        let stream = NativeStream(name: "", shape: .chatCompletions, text: text) { _ in }
        let passed = Self.pass(stream, removing: false, withholding: true)
        #expect(passed.output.isEmpty && passed.facts.hasError)
    }

    @Test func `a chunk whose events all pass is not copied`() {
        var meter = StreamMeter(.chatCompletions, removesUsageChunk: true)
        var out: [UInt8] = []
        let whole = Array(NativeStream.chatHead.utf8)
        #expect(meter.add(whole.span, into: &out) == .all)
        #expect(meter.hasContent && !meter.isAtEnd)
        let split = Array((NativeStream.chatHead + "data: {").utf8)
        #expect(meter.add(split.span, into: &out) == .part(0..<whole.count))
        let usage = Array((NativeStream.chatUsage).utf8)
        meter = StreamMeter(.chatCompletions, removesUsageChunk: true)
        #expect(meter.add(usage.span, into: &out) == .part(0..<0))
        #expect(out.isEmpty)
    }

    @Test(arguments: [
        "{\"choices\":[],\"prompt_filter_results\":[]}", "{\"choices\":[],\"usage\":null}",
        "{\"choices\":[{}],\"usage\":{\"prompt_tokens\":1}}", "{\"usage\":{\"prompt_tokens\":1}}",
        "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}", "[DONE]", "",
    ])
    func `only a chunk without choices and with usage is taken out`(data: String) {
        let stream = NativeStream(name: "", shape: .chatCompletions, text: "data: \(data)\n\n") { _ in }
        #expect(Self.pass(stream, removing: true).output == Array(stream.text.utf8))
    }

    @Test func `an event above the limit passes unread and is told of`() {
        let stream = NativeStream.chat
        let whole = Self.pass(stream, removing: true, eventBytesMax: 200)
        #expect(whole.output == Array(stream.text.utf8))
        #expect(whole.facts.oversizedEvents == 1 && whole.facts.usage == nil && whole.facts.ending == .complete)
        for cut in 0...stream.text.utf8.count {
            #expect(Self.pass(stream, removing: true, cutAt: [cut], eventBytesMax: 200) == whole)
        }
    }

    @Test(
        arguments: [
            ("{\"stream\":true}", "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}"),
            (
                "{\"stream\":true,\"stream_options\":null}",
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
            ),
            (
                "{\"stream_options\":{\"x\":[1]},\"stream\":true}",
                "{\"stream_options\":{\"x\":[1],\"include_usage\":true},\"stream\":true}"
            ),
            (
                "{\"stream\":true,\"stream_options\":{\"include_usage\":false}}",
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
            ),
            (
                "{\"stream\":true,\"stream_options\":{}}",
                "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
            ),
            ("{\"stream\":true,\"stream_options\":{\"include_usage\":true}}", nil), ("{\"stream\":false}", nil),
            ("{}", nil),
            ("{\"stream\":true,\"stream_options\":7}", nil),
        ] as [(String, String?)])
    func `usage is asked for where it is not`(body: String, expected: String?) throws {
        let input = Array(body.utf8)
        let outline = try JSONOutline(input.span)
        var splice = JSONSplice()
        #expect(try UsageRequest.add(to: &splice, outline, of: input.span) == (expected != nil))
        #expect(String(decoding: splice.applied(to: input.span), as: UTF8.self) == expected ?? body)
    }
}

@Suite("A reply that is one JSON text is metered as it passes")
struct ReplyReaderTests {
    static func meter(_ shape: ReplyShape, _ text: String, cutAt cuts: [Int] = []) -> ReplyFacts {
        let input = Array(text.utf8)
        var reader = ReplyReader(shape)
        let bounds = ([0] + cuts + [input.count]).sorted()
        for (start, end) in zip(bounds, bounds.dropFirst()) { reader.add(input.span.extracting(start..<end)) }
        reader.finishWhole()
        return reader.facts
    }

    static let replies: [(ReplyShape, String, TokenUsage, String, Int)] = [
        (
            .chatCompletions,
            "{\"id\":\"x1\",\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"abc\","
                + "\"tool_calls\":[{\"function\":"
                + "{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}],"
                + "\"usage\":{\"prompt_tokens\":9,"
                + "\"completion_tokens\":12,\"completion_tokens_details\":{\"reasoning_tokens\":99}}}",
            NativeStream.usage {
                $0.input = 9
                $0.reasoning = 12
            }, "stop", 6
        ),
        (
            .chatCompletions,
            "{\"id\":\"x1\",\"model\":\"m\",\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
                + "\"completion_tokens\":12,\"total_tokens\":26,"
                + "\"completion_tokens_details\":{\"reasoning_tokens\":5}}}",
            NativeStream.usage {
                $0.input = 9
                $0.output = 12
                $0.reasoning = 5
            }, "stop", 0
        ),
        (
            .chatCompletions,
            "{\"id\":\"x1\",\"model\":\"m\",\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
                + "\"prompt_cache_hit_tokens\":4,\"completion_tokens\":0}}",
            NativeStream.usage {
                $0.input = 5
                $0.cacheRead = 4
            }, "stop", 0
        ),
        (
            .embeddings,
            "{\"id\":\"x1\",\"data\":[{\"embedding\":[0.1,-2e-3]}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":8}}",
            NativeStream.usage { $0.input = 8 }, "", 0
        ),
        (
            .responses,
            "{\"id\":\"x1\",\"model\":\"m\",\"status\":\"completed\",\"error\":null,"
                + "\"output\":[{\"content\":[{\"text\":"
                + "\"abcd\"}]}],\"usage\":{\"input_tokens\":4,\"output_tokens\":5}}",
            NativeStream.usage {
                $0.input = 4
                $0.output = 5
            }, "completed", 4
        ),
        (
            .messages,
            "{\"id\":\"x1\",\"type\":\"message\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"ab\"}],"
                + "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":2,\"output_tokens\":3}}",
            NativeStream.usage {
                $0.input = 2
                $0.output = 3
            }, "end_turn", 2
        ),
        (
            .messages,
            "{\"id\":\"x1\",\"type\":\"message\",\"model\":\"m\",\"content\":[{\"type\":\"tool_use\",\"name\":\"f\","
                + "\"input\":{\"a\":{\"b\":[\"c\"]}}}],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":2,"
                + "\"output_tokens\":3}}",
            NativeStream.usage {
                $0.input = 2
                $0.output = 3
            }, "tool_use", 18
        ),
    ]

    @Test(arguments: 0..<7)
    func `each cut tells the same`(number: Int) {
        let (shape, text, usage, reason, bytes) = Self.replies[number]
        let whole = Self.meter(shape, text)
        #expect(whole.usage == usage)
        #expect(whole.ending == .complete && whole.responseID == "x1" && whole.responseModel == "m")
        #expect(whole.finishReason == reason && whole.outputTextBytes == bytes && whole.malformedEvents == 0)
        for cut in 0...text.utf8.count { #expect(Self.meter(shape, text, cutAt: [cut]) == whole) }
        #expect(Self.meter(shape, text, cutAt: Array(0..<text.utf8.count)) == whole)
        let broken = Self.meter(shape, String(text.dropLast()))
        #expect(broken.ending == .open && broken.malformedEvents == 1)
    }

    @Test func `a body of no JSON is told of`() {
        let facts = Self.meter(.messages, "<html>Bad gateway</html>")
        #expect(facts.ending == .open && facts.usage == nil && facts.malformedEvents == 1)
    }
}
