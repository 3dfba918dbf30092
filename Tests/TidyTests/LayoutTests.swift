import Testing

@Suite("files keep to the layout rules")
struct LayoutTests {
    @Test(
        arguments: [
            ("length", TidyRules.length), ("columns", TidyRules.columns), ("whitespace", TidyRules.whitespace),
            ("leftovers", TidyRules.leftovers), ("names", TidyRules.names), ("functions", FunctionLength.check),
        ] as [(String, @Sendable (TextFile) -> [String])])
    func `every written file passes`(rule: String, check: @Sendable (TextFile) -> [String]) throws {
        let files = try Tree.written()
        #expect(files.count > 30)
        let findings = files.flatMap(check)
        #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
    }

    @Test func `no big file and nothing generated is in git`() throws {
        for entry in try Tree.entries() {
            #expect(entry.bytes <= TidyRules.fileBytesMax, "\(entry.path) has \(entry.bytes) bytes")
            #expect(TidyRules.forbiddenPath(entry.path).isEmpty)
        }
        #expect(TidyRules.forbiddenPath("Fuzz/.build/a").count == 1)
        #expect(TidyRules.forbiddenPath("Package.resolved").count == 1)
    }

    @Test func `exceptions are still needed`() throws {
        let files = Dictionary(uniqueKeysWithValues: try Tree.written().map { ($0.path, $0) })
        for path in TidyRules.longFiles.keys {
            let file = try #require(files[path], "\(path) is gone")
            #expect(file.lines.count > (file.isTest ? TidyRules.testLinesMax : TidyRules.sourceLinesMax))
        }
        for path in TidyRules.wideFiles.keys {
            let file = try #require(files[path], "\(path) is gone")
            #expect(file.lines.contains { $0.count > TidyRules.columnsMax })
        }
    }

    @Test(arguments: [
        ("Sources/A/Pool.swift", 400, 0), ("Sources/A/Pool.swift", 401, 1), ("Tests/A/PoolTests.swift", 800, 0),
        ("Tests/A/PoolTests.swift", 801, 1), ("README.md", 900, 0),
    ])
    func `a long file is found`(path: String, lines: Int, findings: Int) {
        let file = TextFile(path: path, text: String(repeating: "a\n", count: lines))
        #expect(TidyRules.length(file).count == findings)
    }

    @Test(arguments: [
        ("// TO" + "DO: later", 1), ("// FIX" + "ME", 1), ("throw not " + "implemented", 1), ("501 Not Implemented", 0),
        ("mktemp a.X" + "XXXXX", 0), ("X" + "XX", 1),
    ])
    func `a leftover is found`(text: String, findings: Int) {
        #expect(TidyRules.leftovers(TextFile(path: "A.swift", text: text)).count == findings)
    }

    @Test(arguments: [
        ("Sources/A/StringUtils.swift", "", 1), ("Sources/A/Base.swift", "", 1), ("Sources/A/Base64.swift", "", 0),
        ("Sources/A/Pool.swift", "package struct PoolManager {}", 1),
        ("Sources/A/Pool.swift", "final class Cluster {}", 1),
        ("Sources/A/Pool.swift", "struct ClusterIP {}", 0),
        ("Sources/A/HTTP1Handler.swift", "final class HTTP1Handler {}", 0),
    ])
    func `an empty or foreign name is found`(path: String, text: String, findings: Int) {
        #expect(TidyRules.names(TextFile(path: path, text: text)).count == findings)
    }

    @Test func `a wide line and a tab are found`() {
        let wide = TextFile(path: "A.swift", text: String(repeating: "a", count: 121) + "\n\tb\nc \n")
        #expect(TidyRules.columns(wide).count == 1)
        #expect(TidyRules.whitespace(wide).count == 2)
    }
}

@Suite("functions stay short enough to see whole")
struct FunctionLengthTests {
    private func lengths(_ text: String) -> [Int] {
        FunctionLength(TextFile(path: "A.swift", text: text)).functions().map(\.lines)
    }

    @Test(arguments: [
        ("func a() { b() }", [1]),
        ("func a()\n    -> Int\n{\n    let b = \"}\" // }\n    return 1\n}", [6]),
        ("protocol A {\n    func b()\n    func c() -> Int\n}", []),
        ("struct A {\n    init(_ a: Int) {\n        self.init()\n    }\n    deinit {\n    }\n}", [3, 2]),
        ("func a() {\n    let b = \"\"\"\n        }\n        \"\"\"\n}", [5]),
        ("func a() {\n    func b() {\n    }\n}", [4, 2]),
        ("let a = A.init(b) { c in\n}\nlet funcs = [initial]", []),
    ])
    func `a body is measured from its declaration to its brace`(text: String, expected: [Int]) {
        #expect(lengths(text) == expected)
    }

    @Test func `seventy lines pass and one more does not`() {
        let body = { (lines: Int) in "func a() {\n" + String(repeating: "    b()\n", count: lines - 2) + "}\n" }
        #expect(FunctionLength.check(TextFile(path: "A.swift", text: body(70))).isEmpty)
        #expect(FunctionLength.check(TextFile(path: "A.swift", text: body(71))).count == 1)
    }
}
