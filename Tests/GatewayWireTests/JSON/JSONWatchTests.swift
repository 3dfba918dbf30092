import Testing

@testable import GatewayWire

@Suite("A watch sees the same in a text however it arrives")
struct JSONWatchTests {
    static let paths = JSONPaths(["=id", "=usage", "choices", "choices.*", "choices.*.delta.content", "=error", "=a.b"])

    struct Seen: Equatable {
        var findings: [JSONWatch.Finding]
        var kept: [[UInt8]?]
        var isComplete: Bool
        var isMalformed: Bool
        var isOverflown: Bool
    }

    static func watch(_ input: [UInt8], cutAt cuts: [Int] = []) -> Seen {
        var watch = JSONWatch(paths)
        let bounds = ([0] + cuts + [input.count]).sorted()
        for (start, end) in zip(bounds, bounds.dropFirst()) { watch.add(input.span.extracting(start..<end)) }
        watch.finish()
        return Seen(
            findings: (0..<7).map { watch.finding($0) }, kept: (0..<7).map { watch.value($0).map { Array($0) } },
            isComplete: watch.isComplete, isMalformed: watch.isMalformed, isOverflown: watch.isOverflown)
    }

    static let texts = [
        """
        {"id":"chat-1","choices":[{"delta":{"content":"a\\n\\u00e9"},"x":[[{"id":2}]]},{"delta":{"content":""}},7],
         "usage" : {"n":1.5e3,"d":{"id":[true,false,null]}} ,"error":null}
        """,
        "{\"choices\":[]}", "{}", "[]", "12", " \"a\" ", "true", "{\"a\":{\"b\":\"x\"},\"id\":7}",
        "{\"error\":{\"message\":\"é\u{1D11E}\"},\"i\\u0064\":1,\"choices\":{\"delta\":{\"content\":\"no\"}}}",
        "{ \"id\": \"x\",  \"a\": { \"b\":\t[1, 2] }, \"usage\":\n{ }, "
            + "\"choices\": [ { \"delta\": { \"content\": \"ab\" } } ] }",
    ]

    @Test(arguments: texts)
    func `every cut sees the same`(text: String) {
        let input = Array(text.utf8)
        let whole = Self.watch(input)
        #expect(whole.isComplete)
        for cut in 0...input.count { #expect(Self.watch(input, cutAt: [cut]) == whole, "cut at \(cut)") }
        #expect(Self.watch(input, cutAt: Array(0..<input.count)) == whole)
    }

    @Test func `counts, lengths and kept values`() {
        let seen = Self.watch(Array(Self.texts[0].utf8))
        func kept(_ path: Int) -> String? { seen.kept[path].map { String(decoding: $0, as: UTF8.self) } }
        #expect(kept(0) == "\"chat-1\"")
        #expect(kept(1) == "{\"n\":1.5e3,\"d\":{\"id\":[true,false,null]}}")
        #expect(seen.findings[2].lastKind == .array)
        #expect(seen.findings[3].count == 3)
        #expect(seen.findings[4].count == 2 && seen.findings[4].stringBytes == 9)
        #expect(seen.findings[5].count == 1 && seen.findings[5].lastKind == .null && kept(5) == "null")
        #expect(kept(6) == nil)
        let other = Self.watch(Array(Self.texts[8].utf8))
        #expect(other.findings[0].count == 0 && other.findings[4].count == 0)
    }

    @Test(arguments: [
        ("{\"id\":1", false), ("{\"id\":1}}", true), ("{id:1}", true), ("{\"id\" 1}", true), ("[1,]", true),
        ("{\"a\":1,}", true), ("", false), ("tru", false), ("trux", true), ("{\"a\":\"\n\"}", true),
        ("{\"a\":\"\\x\"}", true), ("{\"a\":\"\\u12g4\"}", true), ("<html>", true), ("{]", true), ("[}", true),
    ])
    func `a broken text is not complete`(text: String, isMalformed: Bool) {
        let seen = Self.watch(Array(text.utf8))
        #expect(!seen.isComplete)
        #expect(seen.isMalformed == isMalformed)
    }

    @Test func `a value above the limit is not kept and the rest is seen`() {
        let large = String(repeating: "x", count: JSONWatch.keptBytesMax)
        let input = Array("{\"usage\":\"\(large)\",\"id\":\"a\",\"choices\":[]}".utf8)
        let whole = Self.watch(input)
        #expect(whole.isOverflown && whole.isComplete && whole.kept[1] == nil)
        #expect(whole.kept[0] == Array("\"a\"".utf8) && whole.findings[2].count == 1)
        for cut in [9, 10, 11, 500, 16_384, 16_393, 16_394, 16_395] {
            #expect(Self.watch(input, cutAt: [cut]) == whole)
        }
        let deep = [UInt8](repeating: 0x5B, count: 600)
        #expect(Self.watch(deep).isMalformed)
    }

    @Test(.timeLimit(.minutes(60)))
    func mutations() {
        var random = MutationTests.Generator(state: MutationTests.setting("SLUICE_FUZZ_SEED", 20_261_125))
        let seeds = Self.texts.map { Array($0.utf8) }
        for _ in 0..<MutationTests.setting("SLUICE_FUZZ_ITERATIONS", 15_000) {
            let seed = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            let input = JSONMutationTests.mutate(seed, &random)
            let whole = Self.watch(input)
            let cuts = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                Int.random(in: 0...input.count, using: &random)
            }
            #expect(Self.watch(input, cutAt: cuts) == whole, "\(input)")
            if (try? JSONScanner.validate(input.span)) != nil { #expect(whole.isComplete, "\(input)") }
        }
    }
}
