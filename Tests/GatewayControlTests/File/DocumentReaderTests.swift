import GatewayModel
import Testing

@testable import GatewayControl

@Suite("Documents are read strictly, within limits, and with their places")
struct DocumentReaderTests {
    private func read(
        _ text: String, _ syntax: DocumentReader.Syntax = .yaml, limits: Limits = .standard
    ) -> (documents: [ConfigNode], diagnostics: [Diagnostic]) {
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            Array(text.utf8), file: "f", syntax: syntax, limits: limits, diagnostics: &diagnostics)
        return (documents, diagnostics)
    }

    @Test(arguments: ["a: [", "a: [\n", "a: {b: 1\n\n"])
    func whatIsNotClosedIsPlacedWithinTheText(text: String) throws {
        let finding = try #require(read(text).diagnostics.first)
        #expect(finding.position.line == 1)
    }

    @Test func scalarsAreThoseOfYAML12() throws {
        let text =
            "a: yes\nb: true\nc: 010\nd: 1:30\ne: 1.50\nf: ~\ng: '1'\nh: 2024-01-01\ni: 0x1F\nj:\nk: \"\"\nl: .\n"
        let node = try #require(read(text).documents.first)
        #expect(node["a"]?.value == .string("yes"))
        #expect(node["b"]?.value == .bool(true))
        #expect(node["c"]?.value == .number("010"))
        #expect(node["d"]?.value == .string("1:30"))
        #expect(node["e"]?.value == .number("1.50"))
        #expect(node["f"]?.value == .null)
        #expect(node["g"]?.value == .string("1"))
        #expect(node["h"]?.value == .string("2024-01-01"))
        #expect(node["i"]?.value == .number("0x1F"))
        #expect(node["j"]?.value == .null)
        #expect(node["k"]?.value == .string(""))
        #expect(node["l"]?.value == .string("."))
    }

    @Test func placesCountScalars() throws {
        let node = try #require(read("ä: {ö: 1, ü: [2, 3]}\n").documents.first)
        #expect(node["ä"]?["ü"]?.position == SourcePosition(file: "f", line: 1, column: 14))
        #expect(node["ä"]?["ü"]?.elements?.last?.position == SourcePosition(file: "f", line: 1, column: 18))
    }

    @Test func jsonAndYAMLMeanTheSame() throws {
        let json = #"{"a": [1, -2.5e3, true, null], "b": "x\u00e9\ud83d\ude00\n\"", "c": {}}"#
        let yaml = "a: [1, -2.5e3, true, null]\nb: \"x\\xe9\\U0001F600\\n\\\"\"\nc: {}\n"
        let one = try #require(read(json, .json).documents.first)
        let other = try #require(read(yaml).documents.first)
        #expect(one == other)
        #expect(JSONPrinter.print(one) == #"{"a":[1,-2.5e3,true,null],"b":"xé😀\n\"","c":{}}"#)
    }

    @Test(arguments: [
        "{", "[1,]", "{\"a\":1,}", "{a: 1}", "01", "1.", "\"\\x\"", "\"\u{1}\"", "\"\\ud800\"", "tru", "{\"a\" 1}",
        "[1 2]", "\"open", "-", "1e", "'a'", "nul",
    ])
    func badJSONIsRefused(_ text: String) {
        let result = read(text, .json)
        #expect(result.documents.isEmpty)
        #expect(result.diagnostics.map(\.code) == [.syntax])
    }

    @Test(arguments: [
        ("{\n  \"a\": 1,\n  \"a\": 2\n}", DocumentReader.Syntax.json, 3, 3), ("a: 1\nb: 2\na: 3\n", .yaml, 3, 1),
        ("x:\n  - k: {a: a, b: a}\n    k: 2\n", .yaml, 3, 5), ("a: 1\n\"a\": 2\n", .yaml, 2, 1),
        ("1: a\n\"1\": b\n", .yaml, 2, 1), ("a: 1\nb: a\na: 2\na: 3\n", .yaml, 3, 1),
        ("s: \"a: 1\"\na: 1\nt: |\n  a: 1\na: 2\n", .yaml, 5, 1),
    ])
    func duplicateKeysNameTheSecond(_ text: String, _ syntax: DocumentReader.Syntax, _ line: Int, _ column: Int) {
        let result = read(text, syntax)
        #expect(result.diagnostics.map(\.code) == [.duplicateKey])
        #expect(result.diagnostics.first?.position == SourcePosition(file: "f", line: line, column: column))
    }

    @Test(.timeLimit(.minutes(1))) func anAliasBombIsRefused() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            text += "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
        }
        let result = read(text)
        #expect(result.documents.isEmpty)
        #expect(result.diagnostics.map(\.code) == [.tooLarge])
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: ["? *a30\n: 1\n", "*a30 : 1\n", "{*a30 : 1}\n", "[*a30]: 1\n", "{[*a30]: 1}\n"])
    func anAliasBombInAKeyIsRefused(_ key: String) {
        var text = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            text += "- &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
        }
        let result = read(text + "- " + key.split(separator: "\n").joined(separator: "\n  ") + "\n")
        #expect(result.documents.isEmpty)
        #expect(result.diagnostics.map(\.code) == [.syntax])
    }

    @Test func fewAliasesAndMergesWork() throws {
        let text = "base: &b {x: 1, y: 2}\none: *b\ntwo: {<<: *b, y: 3}\n"
        let node = try #require(read(text).documents.first)
        #expect(node["one"]?["x"]?.value == .number("1"))
        #expect(node["two"]?["x"]?.value == .number("1"))
        #expect(node["two"]?["y"]?.value == .number("3"))
    }

    @Test(arguments: [65, 900, 5_000, 100_000], [DocumentReader.Syntax.yaml, .json])
    func deepNestingIsRefused(_ depth: Int, _ syntax: DocumentReader.Syntax) {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let result = read(text, syntax)
        #expect(result.documents.isEmpty)
        #expect(result.diagnostics.map(\.code) == [.tooLarge])
    }

    @Test func theDeepestAllowedIsRead() {
        let depth = Limits.standard.configurationDepthMax
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(read(text).diagnostics == [])
        #expect(read(text, .json).diagnostics == [])
    }

    @Test func oversizeIsRefused() {
        var limits = Limits.standard
        limits.configurationBytesMax = 10
        #expect(read("a: 1\n", limits: limits).diagnostics == [])
        #expect(read("a: 12345678\n", limits: limits).diagnostics.map(\.code) == [.tooLarge])
    }

    @Test(
        arguments: [
            ([0x61, 0x3A, 0x20, 0xFF], 1, 4), ([0x61, 0x0A, 0xC3, 0xA4, 0xC3], 2, 2), ([0xC0, 0x80], 1, 1),
            ([0x61, 0xED, 0xA0, 0x80], 1, 2),
        ] as [([UInt8], Int, Int)])
    func invalidUTF8IsRefusedWithItsPlace(_ bytes: [UInt8], _ line: Int, _ column: Int) {
        var diagnostics: [Diagnostic] = []
        #expect(DocumentReader.read(bytes, file: "f", diagnostics: &diagnostics).isEmpty)
        #expect(diagnostics.map(\.code) == [.syntax])
        #expect(diagnostics.first?.position == SourcePosition(file: "f", line: line, column: column))
    }

    @Test(arguments: [
        "a: !!binary QQ==\n", "a: !local x\n", "? [a]\n: b\n", "a: *nowhere\n", "a: 'open\n", "a: [1\nb: 2\n",
        "a: \u{7}\n",
        "%YAML 9.9\n---\na: 1\n", "a: b: c\n", "<<: 1\n", "\ta: 1\n",
    ])
    func otherBadYAMLIsRefused(_ text: String) {
        let result = read(text)
        #expect(result.documents.isEmpty)
        #expect(result.diagnostics.map(\.code) == [.syntax], "\(result.diagnostics)")
    }

    @Test(arguments: ["", "\n", "---\n", "# only a comment\n", "---\n---\n", "\u{FEFF}"])
    func nothingIsNothing(_ text: String) {
        let result = read(text)
        #expect(result.documents.isEmpty)
        #expect(result.diagnostics == [])
    }

    @Test func listsAreUnfolded() {
        let text = """
            apiVersion: v1
            kind: List
            items:
              - {apiVersion: v1, kind: Namespace, metadata: {name: a}}
              - apiVersion: v1
                kind: NamespaceList
                items: [{metadata: {name: b}}]
            """
        let load = load(text)
        #expect(load.diagnostics == [])
        #expect(load.set.namespaces.map(\.metadata.name) == ["a", "b"])
    }
}
