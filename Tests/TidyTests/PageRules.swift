/// Rules for the pages a reader starts from: they may not promise what the tree does not have.
enum PageRules {
    /// A row of the error page.
    struct ErrorRow: Equatable {
        var code: String
        var name: String
        var status: Int
        var meaning: String
        var action: String
    }

    /// Rows of the form ``| SL-1001 | `syntax` | 400 | meaning | what to do |``; a status of `-` reads as 0.
    static func errorRows(_ page: String) -> [ErrorRow] {
        page.split(separator: "\n").compactMap { line -> ErrorRow? in
            let cells = line.split(separator: "|").map(trimmed)
            guard cells.count == 5, cells[0].wholeMatch(of: /SL-\d{4}/) != nil else { return nil }
            return ErrorRow(
                code: cells[0], name: cells[1].replacing("`", with: ""), status: Int(cells[2]) ?? 0,
                meaning: cells[3], action: cells[4])
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// The targets of a Makefile.
    static func targets(_ makefile: String) -> Set<String> {
        Set(
            makefile.split(separator: "\n").flatMap { line -> [String] in
                guard let match = line.firstMatch(of: /^([A-Za-z][\w .-]*):(?!=)/) else { return [] }
                return match.1.split(separator: " ").map(String.init)
            })
    }

    /// The targets named by `make …` in fenced blocks.
    static func makeCommands(_ page: String) -> [String] {
        var fenced = false
        return page.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line -> [String] in
            if line.hasPrefix("```") { fenced.toggle() }
            guard fenced, let match = line.firstMatch(of: /^\s*(?:\$\s*)?make((?:\s+[a-z][a-z-]*)+)/) else { return [] }
            return match.1.split(separator: " ").map(String.init)
        }
    }

    private static let kinds: Set<Substring> = ["Added", "Changed", "Fixed", "Removed", "Security"]

    /// Names with a leading dot that a text hands on: as an argument, a value or a result. What it only compares with
    /// in a `case`, and members of something, do not count.
    static func said(_ text: String) -> Set<String> {
        let text = text.replacing(/\bcase \.[^:{\n]*:/, with: "case:")
        return Set(text.matches(of: /[(:?=]\s*\.([a-z][A-Za-z]*)(?=[,)}:\s]|$)/).map { String($0.1) })
    }

    /// `# Changelog`, then versions, then kinds, then one line per change that starts with a capital letter
    /// and ends with a full stop.
    static func changelog(_ text: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var found = lines.first == "# Changelog" ? [] : ["does not start with # Changelog"]
        if !lines.contains(where: { $0.hasPrefix("## ") }) { found.append("has no version") }
        for (index, line) in lines.enumerated() {
            let place = "line \(index + 1)"
            if line.hasPrefix("## "), line.wholeMatch(of: /## (Unreleased|\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d)/) == nil {
                found.append("\(place): a version is \"Unreleased\" or \"1.2.3 - 2026-01-31\"")
            }
            if line.hasPrefix("### "), !kinds.contains(line.dropFirst(4)) { found.append("\(place): unknown kind") }
            if line.hasPrefix("- "), line.wholeMatch(of: /- [A-Z`].*/) == nil { found.append("\(place): lower case") }
            let ends = index + 1 == lines.count || !lines[index + 1].hasPrefix("  ")
            if line.hasPrefix("- ") || line.hasPrefix("  "), ends, !line.hasSuffix(".") {
                found.append("\(place): no full stop")
            }
        }
        return found
    }

    /// What is missing from or wrong with the files of one example.
    static func example(_ name: String, files: [String: Int]) -> [String] {
        let wanted = ["README.md", "gateway.yaml", "scenario.yaml"]
        var found = wanted.filter { files[$0] == nil }.map { "examples/\(name) has no \($0)" }
        if let lines = files["README.md"], lines > 40 {
            found.append("examples/\(name)/README.md: \(lines) lines, at most 40")
        }
        return found
    }

    /// Links of a page to files of the tree, without anchors.
    static func links(_ page: String) -> [String] {
        page.matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/).map { String($0.1) }.filter { !$0.contains("://") }
    }

    /// Paths of the tree a page names in backticks.
    static func paths(_ page: String) -> [String] {
        page.matches(of: /`((?:Sources|Tests|Benchmarks|Documentation|Fuzz|examples|scripts)\/[\w+.\/-]*)`/).map {
            String($0.1)
        }
    }
}
