import GatewayModel
import Testing

@testable import GatewayControl

@Suite("Documents are printed, formatted and compared without losing anything")
struct FormatTests {
    private func parse(_ text: String, _ syntax: DocumentReader.Syntax = .yaml) throws -> ConfigNode {
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(Array(text.utf8), file: "f", syntax: syntax, diagnostics: &diagnostics)
        #expect(diagnostics == [])
        return try #require(documents.first)
    }

    static let strings = [
        "", " ", "a", "yes", "no", "true", "null", "~", "1", "1.5", "0x1f", "1:30", "2024-01-01", "- a", "a: b", "a #b",
        "#a", "*", "*.example.com", "&a", "!a", "|", ">", "%", "@", "`", "'", "\"", "a'b", "a\"b", "[a]", "{a}", "a,b",
        "a:", ":a", "?", "-", "--- a", "a\nb", "a\nb\n", "\n", "\na", "a\n\nb", "a\n\n", " a\nb", "a \nb", "a\tb", "\t",
        "ä", "😀", "\u{0}", "\u{7F}", "\u{85}", "\u{2028}", "x\u{FEFF}y", "a\r\nb", "\\", "127.0.0.1", "10.0.0.0/8",
        "500ms", "1e3", "+1", ".5", ".", "..", "=", "<<", "a\\nb", "http://x/y?z=1", "~a", "null ", "é: è",
    ]

    @Test(arguments: strings)
    func everyStringComesBack(_ text: String) throws {
        let node = ConfigNode.object([("k", .text(text)), ("l", .list([.text(text), .object([("m", .text(text))])]))])
        #expect(try parse(YAMLPrinter.print(node)) == node)
        #expect(try parse(JSONPrinter.print(node), .json) == node)
        #expect(try parse(JSONPrinter.print(node, pretty: true), .json) == node)
        // JSON is YAML too.
        #expect(try parse(JSONPrinter.print(node, pretty: true)) == node)
    }

    @Test(arguments: strings)
    func everyKeyComesBack(_ text: String) throws {
        let node = ConfigNode.object([(text, .object([(text, .integer(1))]))])
        #expect(try parse(YAMLPrinter.print(node)) == node)
    }

    @Test func shapesComeBack() throws {
        let node = try parse("{a: [], b: {}, c: [[1, [2]], {d: [{e: {}}]}], f: null, g: [null, true, -1.50]}")
        #expect(try parse(YAMLPrinter.print(node)) == node)
        #expect(try parse(JSONPrinter.print(node), .json) == node)
    }

    @Test(arguments: [("010", "10"), ("0x1F", "31"), ("+5", "5"), (".5", "0.5"), ("5.", "5"), ("-00.10", "-0.10")])
    func numbersBecomeJSON(_ yaml: String, _ json: String) throws {
        #expect(JSONPrinter.print(try parse("[\(yaml)]")) == "[\(json)]")
    }

    @Test func formattingKeepsCommentsWhereTheyBelong() {
        let text = """
            # the whole file
            kind: Gateway   # a gateway
            apiVersion: gateway.networking.k8s.io/v1
            metadata: {name: edge} # flow
            spec:
                # what listens
                listeners:
                # the first
                - {name: http, port: 80}   # plain
                - name: "https"
                  # encrypted
                  port: 443
            # the end
            """
        let result = Formatter.format(text, file: "f")
        #expect(result.diagnostics == [])
        let expected = """
            # the whole file
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway # a gateway
            metadata: # flow
              name: edge
            spec:
              # what listens
              listeners:
                # the first
                - name: http # plain
                  port: 80
                - name: https
                  # encrypted
                  port: 443
            # the end

            """
        #expect(result.text == expected)
        #expect(Formatter.format(result.text, file: "f").isChanged == false)
    }

    @Test func theExampleFormatsToTheSameObjects() throws {
        let result = Formatter.format(exampleText, file: "f")
        #expect(result.isChanged)
        let one = load(exampleText).set
        let other = load(result.text).set
        #expect(ObjectDiff.between(one, other) == [])
        #expect(other.count == 3)
    }

    @Test func aHashInsideATextIsNoComment() {
        let text = "a: |\n  # not a comment\n  b # neither\nc: \"x # y\" # a comment\nd: e#f\n"
        let result = Formatter.format(text, file: "f")
        #expect(result.diagnostics == [])
        #expect(result.text == "a: |\n  # not a comment\n  b # neither\nc: \"x # y\" # a comment\nd: e#f\n")
    }

    @Test func brokenTextIsLeftAlone() {
        let result = Formatter.format("a: [", file: "f")
        #expect(result.text == "a: [")
        #expect(!result.isChanged)
        #expect(result.diagnostics.map(\.code) == [.syntax])
    }

    @Test func fieldsAreComparedByPath() throws {
        let old = try parse("{kind: X, spec: {a: 1, b: [1, 2], c: {d: x}}, status: {z: 1}}")
        let new = try parse("{kind: X, spec: {a: 2, b: [1, 3, 4], e: y}, status: {z: 2}}")
        #expect(
            ObjectDiff.fields(from: old, to: new).map(\.description) == [
                "~ spec.a: 1 → 2", "~ spec.b[1]: 2 → 3", "+ spec.b[2]: 4", "- spec.c: {\"d\":\"x\"}", "+ spec.e: \"y\"",
            ])
    }

    @Test func secretsAreMasked() throws {
        let text = """
            kind: Secret
            metadata:
              name: s
              annotations: {kubectl.kubernetes.io/last-applied-configuration: "hunter2", kept: "yes"}
            data: {a: aHVudGVyMg==}
            stringData: {b: hunter2}
            """
        let node = try parse(text)
        let masked = JSONPrinter.print(Masking.masked(node))
        #expect(!masked.contains("hunter2"))
        #expect(!masked.contains("aHVudGVyMg"))
        #expect(masked.contains("\"a\":\"[secret]\""))
        #expect(masked.contains("\"kept\":\"yes\""))
        let list = ConfigNode.object([("kind", .text("List")), ("items", .list([node]))])
        #expect(!JSONPrinter.print(Masking.masked(list)).contains("hunter2"))
        let other = try parse("kind: Secret\nmetadata: {name: s}\ndata: {a: b3RoZXI=}\n")
        let changes = ObjectDiff.fields(from: node, to: other).map(\.description).joined()
        #expect(!changes.contains("b3RoZXI"))
        #expect(!changes.contains("aHVudGVyMg"))
        #expect(changes.contains("data.a"))
    }

    @Test func aMaskedSecretCannotBeAppliedBack() throws {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nFIELD: {a: \"[secret]\"}\n"
        for field in ["data", "stringData"] {
            let load = load(text.split(separator: "FIELD").joined(separator: field))
            #expect(load.diagnostics.map(\.code) == [.invalidValue])
        }
    }

    @Test func objectsDoNotPrintTheirDocuments() throws {
        let load = load("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: hunter2}\n")
        let object = try #require(load.set.objects.first)
        var dumped = ""
        dump(object, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect("\(object)" == "Secret s")
        #expect(!String(reflecting: load.set).contains("hunter2"))
    }
}
