import Testing

@testable import GatewayRuntime

@Suite("What the operator reads is one line that says what it looks like")
struct ConsoleTests {
    @Test func `words from outside steer no terminal and begin no line`() {
        let words = "it ended: \u{1B}[2J\u{1B}]0;owned\u{7} \rfake\nfine\u{9B}m \u{202E}x\u{2028}ü 🙂"
        let line = Console.line(words)
        #expect(
            line == #"it ended: \u{1B}[2J\u{1B}]0;owned\u{7} \u{D}fake\u{A}fine\u{9B}m \u{202E}x\u{2028}ü 🙂"#)
    }

    @Test func `it has an end`() {
        #expect(Console.line(String(repeating: "x", count: 100_000)).count == 8_193)
    }
}
