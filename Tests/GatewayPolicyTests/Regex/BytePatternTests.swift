import GatewayModel
import GatewayPolicy
import Testing

@Suite("A byte pattern matches as RE2 does, in linear time")
struct BytePatternTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var pattern: String
        var matching: [String]
        var others: [String]
        var testDescription: String { pattern }
    }

    static let cases: [Case] = [
        Case(pattern: "", matching: [""], others: ["a"]),
        Case(pattern: "abc", matching: ["abc"], others: ["", "ab", "abcd", "xabc"]),
        Case(pattern: "/v[0-9]+/.*", matching: ["/v1/", "/v22/x/y"], others: ["/v/", "/va/", "v1/"]),
        Case(pattern: "a|bc|", matching: ["a", "bc", ""], others: ["b", "abc"]),
        Case(pattern: "(a|b)*c", matching: ["c", "abbac"], others: ["abb", "cc"]),
        Case(pattern: "a{2,3}", matching: ["aa", "aaa"], others: ["a", "aaaa"]),
        Case(pattern: "a{2}b{1,}", matching: ["aab", "aabbb"], others: ["ab", "aaab"]),
        Case(pattern: "a{,2}", matching: ["a{,2}"], others: ["a", "aa"]),
        Case(pattern: "x{0}y", matching: ["y"], others: ["xy"]),
        Case(pattern: "^abc$", matching: ["abc"], others: ["abcabc"]),
        Case(pattern: "a^b", matching: [], others: ["ab", "a^b"]),
        Case(pattern: "(^$)", matching: [""], others: ["a"]),
        Case(pattern: "(?i)Content-Type", matching: ["content-type", "CONTENT-TYPE"], others: ["content_type"]),
        Case(pattern: "(?i:a)b", matching: ["Ab", "ab"], others: ["AB"]),
        Case(pattern: "(?i)[^a]", matching: ["b", "Z"], others: ["a", "A"]),
        Case(pattern: ".", matching: ["a", "é", "日", "🦑"], others: ["", "\n", "ab"]),
        Case(pattern: "(?s).", matching: ["\n"], others: [""]),
        Case(pattern: "[à-ü]+", matching: ["éü"], others: ["e", "Ā"]),
        Case(pattern: "[^/]+", matching: ["a🦑"], others: ["a/b", ""]),
        Case(pattern: "[]a-]+", matching: ["]-a"], others: ["b"]),
        Case(pattern: "[[:alpha:]_]\\w*", matching: ["a1", "_x"], others: ["1a"]),
        Case(pattern: "\\d+\\.\\d+", matching: ["1.23"], others: ["1x23"]),
        Case(pattern: "\\x41\\x{1F991}", matching: ["A🦑"], others: ["A"]),
        Case(pattern: "\\Qa.b\\E.", matching: ["a.bc"], others: ["axbc"]),
        Case(pattern: "(?P<id>\\d+)-(?<n>x)", matching: ["12-x"], others: ["-x"]),
        Case(pattern: "a*?b+?", matching: ["b", "aabb"], others: ["a"]),
        Case(pattern: "[\\x{800}-\\x{10FFFF}]", matching: ["ࠀ", "日", "🦑"], others: ["é", "a"]),
    ]

    @Test("whole matches", arguments: cases)
    func wholeMatches(_ item: Case) throws {
        let pattern = try BytePattern(item.pattern)
        for text in item.matching { #expect(pattern.matches(text), "\(text)") }
        for text in item.others { #expect(!pattern.matches(text), "\(text)") }
    }

    @Test("a search finds the expression anywhere and respects its anchors")
    func searches() throws {
        let anywhere = try BytePattern("b+", isWhole: false)
        #expect(anywhere.matches("aabbaa"))
        #expect(!anywhere.matches("aaa"))
        let anchored = try BytePattern("^a|c$", isWhole: false)
        for (text, expected) in [("abb", true), ("bbc", true), ("bab", false), ("bcb", false)] {
            #expect(anchored.matches(text) == expected, "\(text)")
        }
    }

    @Test("invalid UTF-8 is no scalar")
    func invalidUTF8() throws {
        let pattern = try BytePattern(".*")
        #expect(!pattern.matches(bytes: [0x61, 0xFF]))
        #expect(!pattern.matches(bytes: [0xC0, 0x80]))
        #expect(!pattern.matches(bytes: [0xED, 0xA0, 0x80]))
    }

    @Test(
        "what is outside the subset is refused by name",
        arguments: [
            ("(?=a)", "look-ahead"), ("(?<!a)", "look-behind"), ("\\bx", "\\b"), ("(a)\\1", "back reference"),
            ("\\pL", "Unicode class"), ("(?m)^a", "flag m"), ("a**", "repeats a repetition"),
            ("*a", "nothing to repeat"),
            ("(a", "unclosed ("), ("a)", "unmatched )"), ("[a", "unclosed ["), ("[b-a]", "bad range"),
            ("a{2,1}", "bounds exchanged"), ("a{1001}", "1000 times"), ("[[:foo:]]", "[:foo:]"), ("a\\", "backslash"),
            ("\\y", "unknown escape"), ("\\xZZ", "\\x escape"),
        ])
    func refusals(pattern: String, part: String) {
        let error = #expect(throws: GatewayError.self) { try BytePattern(pattern) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test("size is bounded")
    func sizeBound() {
        #expect(throws: GatewayError.self) { try BytePattern("((a{100}){100}){100}") }
        #expect(throws: GatewayError.self) { try BytePattern(String(repeating: "(", count: 200)) }
    }

    @Test("an expression whose table would explode still matches, in linear time", .timeLimit(.minutes(1)))
    func withoutTable() throws {
        let pattern = try BytePattern(".*a.{20}")
        #expect(!pattern.isTable)
        let input = [UInt8](repeating: 0x61, count: 5_000)
        #expect(pattern.matches(bytes: input))
        #expect(!pattern.matches("b"))
        let nested = try BytePattern("(a*)*(a*)*b")
        #expect(nested.isTable)
        #expect(!nested.matches(bytes: input))
    }
}

extension BytePattern {
    fileprivate func matches(_ text: String) -> Bool { matches(bytes: Array(text.utf8)) }
    fileprivate func matches(bytes: [UInt8]) -> Bool { matches(bytes.span) }
}
