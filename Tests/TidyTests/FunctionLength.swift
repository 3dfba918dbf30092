/// Finds functions that are too long by matching braces in code whose strings and comments are skipped.
struct FunctionLength {
    struct Function: Equatable {
        var line: Int
        var lines: Int
    }

    private let bytes: [UInt8]
    private var lineOf: [Int] = []

    init(_ file: TextFile) {
        bytes = Array(FunctionLength.withoutLiterals(file.lines).utf8)
        lineOf.reserveCapacity(bytes.count)
        var line = 1
        for byte in bytes {
            lineOf.append(line)
            if byte == UInt8(ascii: "\n") { line += 1 }
        }
    }

    /// Line by line: multi-line strings go whole, then literals and comments of one line. Swift's other
    /// corners (nested block comments, raw strings with braces) do not occur in a brace count that matters.
    static func withoutLiterals(_ lines: [Substring]) -> String {
        var inside = false
        return lines.map { line -> String in
            guard inside || line.holds("\"") || line.holds("//") else { return String(line) }
            let fences = line.matches(of: /"""/).count
            defer { if fences % 2 == 1 { inside.toggle() } }
            if inside || fences > 0 { return fences % 2 == 1 && inside ? afterFence(line) : beforeFence(line, inside) }
            return String(line).replacing(/#"[^\n]*?"#|"(?:\\.|[^"\\])*"/, with: "_").replacing(/\/\/.*/, with: "")
        }.joined(separator: "\n")
    }

    private static func afterFence(_ line: Substring) -> String {
        line.ranges(of: "\"\"\"").last.map { String(line[$0.upperBound...]) } ?? ""
    }

    private static func beforeFence(_ line: Substring, _ inside: Bool) -> String {
        inside ? "" : line.ranges(of: "\"\"\"").first.map { String(line[..<$0.lowerBound]) } ?? ""
    }

    /// All functions, initialisers and deinitialisers with a body.
    func functions() -> [Function] {
        let keywords = ["func", "init", "deinit"].map { Array($0.utf8) }
        var found: [Function] = []
        for start in bytes.indices
        where start == 0 || !isWord(bytes[start - 1]) && bytes[start - 1] != UInt8(ascii: ".") {
            guard bytes[start] == 0x66 || bytes[start] == 0x69 || bytes[start] == 0x64 else { continue }  // f, i, d
            guard let word = keywords.first(where: { bytes[start...].starts(with: $0) }) else { continue }
            let end = start + word.count
            guard end < bytes.count, !isWord(bytes[end]), bytes[end] != UInt8(ascii: ":") else { continue }
            guard let body = bodyStart(from: end), let close = closing(body) else { continue }
            found.append(Function(line: lineOf[start], lines: lineOf[close] - lineOf[start] + 1))
        }
        return found
    }

    static func check(_ file: TextFile) -> [String] {
        guard file.isSwift else { return [] }
        return FunctionLength(file).functions().filter { $0.lines > TidyRules.functionLinesMax }.map {
            "\(file.path):\($0.line): a function of \($0.lines) lines, at most \(TidyRules.functionLinesMax)"
        }
    }

    private func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// Where the body's brace is, nil when the declaration has none (a requirement).
    private func bodyStart(from start: Int) -> Int? {
        var depth = 0
        var at = start
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "{") where depth == 0: return at
            case UInt8(ascii: "}") where depth <= 0: return nil
            case UInt8(ascii: "\n") where depth == 0:
                guard continues(after: at) else { return nil }
            default: break
            }
            at += 1
        }
        return nil
    }

    /// Whether a declaration goes on after a line break.
    private func continues(after newline: Int) -> Bool {
        let rest = bytes[newline...].drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: " ") }
        return ["{", "->", "where", "throws", "async", "rethrows"].contains { rest.starts(with: Array($0.utf8)) }
    }

    private func closing(_ open: Int) -> Int? {
        var depth = 0
        for at in open..<bytes.count {
            if bytes[at] == UInt8(ascii: "{") { depth += 1 }
            if bytes[at] == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return at }
        }
        return nil
    }
}
