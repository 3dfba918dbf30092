import NIOCore

/// How a mock provider is told to answer one call. The same words are read, the later over the earlier, from the
/// server's standing directive, from the model's name behind a semicolon (`fast;delay=50ms;chunk=7`), from the last
/// user message (`[[mock: delay=50ms chunk=7]]`, which a gateway passes on) and from headers (`x-mock-delay: 50ms`).
package struct MockModelDirective: Sendable, Hashable {
    package private(set) var values: [String: String] = [:]

    /// Every word there is; an unknown one is answered with 400, so that a test does not test nothing.
    package static let words: Set<String> = [
        "delay", "first-byte", "interval", "chunk", "delta", "tokens", "say", "cached", "cache-write",
        "cache-write-1h", "reasoning", "status", "retry-after", "fault", "after", "usage", "tools", "arguments",
        "interleave", "finish", "pad", "times", "id", "only", "vendor-headers",
    ]

    package init() {}

    /// Words such as `delay=50ms chunk=7 say="two words"`, parted by spaces; a word alone stands for itself with `on`.
    package init(words text: some StringProtocol) {
        var rest = Substring(text)
        while true {
            rest = rest.drop { $0 == " " }
            guard !rest.isEmpty else { return }
            let name = rest.prefix { $0 != "=" && $0 != " " }
            rest = rest.dropFirst(name.count)
            var value: Substring = "on"
            if rest.first == "=" {
                rest = rest.dropFirst()
                if rest.first == "\"" {
                    rest = rest.dropFirst()
                    value = rest.prefix { $0 != "\"" }
                    rest = rest.dropFirst(value.count + 1)
                } else {
                    value = rest.prefix { $0 != " " }
                    rest = rest.dropFirst(value.count)
                }
            }
            values[name.lowercased()] = String(value)
        }
    }

    /// What `[[mock: …]]` in a prompt says; nothing where there is none.
    package init(prompt: String) {
        self.init()
        guard let start = prompt.firstRange(of: "[[mock:") else { return }
        let rest = prompt[start.upperBound...]
        guard let end = rest.firstRange(of: "]]") else { return }
        self = MockModelDirective(words: rest[..<end.lowerBound])
    }

    /// The prompt without it, which decides the answer: a word changes how it comes and not what it says.
    static func removed(from prompt: String) -> String {
        guard let start = prompt.firstRange(of: "[[mock:"), let end = prompt[start.upperBound...].firstRange(of: "]]")
        else { return prompt }
        return String(prompt[..<start.lowerBound]) + prompt[end.upperBound...]
    }

    /// What follows the model's own name.
    package init(model: String) {
        self.init()
        guard let mark = model.firstIndex(of: ";") else { return }
        self = MockModelDirective(words: String(model[mark...].map { $0 == ";" ? " " : $0 }))
    }

    package init(headers: [Header]) {
        for header in headers where header.name.utf8.count > 7 && header.name.lowercased().hasPrefix("x-mock-") {
            values[String(header.name.dropFirst(7)).lowercased()] = header.value
        }
    }

    package mutating func add(_ other: MockModelDirective) { values.merge(other.values) { $1 } }

    package subscript(word: String) -> String? {
        get { values[word] }
        set { values[word] = newValue }
    }

    /// A whole number from 0 to `bound`.
    func number(_ word: String, max bound: Int = 100_000_000) -> Int? {
        values[word].flatMap { Int($0) }.map { min(max($0, 0), bound) }
    }

    func milliseconds(_ word: String) -> Int? { values[word].flatMap { durationMilliseconds($0) } }

    func isOn(_ word: String) -> Bool { values[word].map { $0 != "off" } ?? false }

    var unknownWord: String? { values.keys.sorted().first { !Self.words.contains($0) } }

    /// Drops what makes a call fail: for a dialect it is not meant for, and once it failed often enough.
    mutating func dropFaults() {
        for word in ["status", "fault", "delay", "first-byte"] { values[word] = nil }
    }
}
