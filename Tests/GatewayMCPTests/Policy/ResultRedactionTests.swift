import GatewayModel
import GatewayPolicy
import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("secrets are known wherever they stand in a result")
struct ResultRedactionTests {
    private static let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    private static let key = "AKIAABCDEFGHIJKLMNOP"
    private static let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    private static let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"

    private static func redaction(words: [String] = []) throws -> ResultRedaction {
        let terms = ToolTerms()
        terms.hidesSecrets = true
        terms.words = try words.map { try BytePattern($0) }
        return ResultRedaction(terms)
    }

    @Test(
        arguments: [
            (token, "[redacted]"), ("“\(token)”", "“[redacted]”"), ("密钥是\(key)。", "密钥是[redacted]。"),
            ("key.\(key)", "key.[redacted]"), ("x_\(key) y", "x_[redacted] y"), ("a-\(token)", "a-[redacted]"),
            (pem, "[redacted]"), ("x\(pem) y", "x[redacted] y"), ("é\(pem)", "é[redacted]"),
            ("\(key)\n\(pem)", "[redacted]\n[redacted]"), ("-----BEGIN RSA PRIVATE KEY-----\nnever ends", "[redacted]"),
            ("x.y.\(jwt)", "x.y.[redacted]"), ("eyJa-\(jwt)", "[redacted]"), ("a.b.cé\(jwt)é.", "a.b.cé[redacted]é."),
            ("\(jwt).\(jwt)", "[redacted]"), ("\(jwt)...", "[redacted]"), ("\(jwt).a.b", "[redacted]"),
            ("sk-x-\(key).\(token)", "[redacted]"),
            ("x-\(key)é\(token)", "x-[redacted]é[redacted]"),
            ("ordinary text, a-b_c.d@e and -----BEGIN CERTIFICATE----- x", nil), ("xAKIA", nil), ("", nil),
        ] as [(String, String?)])
    func texts(_ text: String, _ expected: String?) throws {
        var redaction = try Self.redaction()
        #expect(redaction.redacted(text) == expected ?? text)
        #expect((redaction.count > 0) == (expected != nil))
    }

    /// Read anew from each of these places it would take minutes.
    @Test("a word in which secrets could begin everywhere is read once", arguments: ["s-", "eyJ-", "eyK.", "-A", "-é"])
    func places(_ text: String) throws {
        let long = String(repeating: text, count: 400_000 / text.utf8.count)
        var redaction = try Self.redaction()
        #expect(redaction.redacted(long) == long)
        #expect(redaction.redacted(long + " " + Self.token).hasSuffix(" [redacted]"))
    }

    @Test("what is not looked at more closely holds nothing that would be hidden")
    func looking() throws {
        let pieces = [
            Self.token, Self.key, Self.pem, "x", ".", "-", "-----", " ", "é", "。", "\n", "\"",
            "eyJhbGciOi.eyJzdWIi.c2ln",
            "sk-abcdefghijklmnopqrst", "AKIA", "ordinary words",
        ]
        var random = SystemRandomNumberGenerator()
        var (clean, cleanWritten) = (0, 0)
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...4, using: &random)).map { _ in pieces.randomElement() ?? "" }.joined()
            for tree in [
                JSONTree.text(text), .array([.object(JSONObject([.init(name: JSONText(text), value: .null)]))]),
            ] {
                var redaction = try Self.redaction()
                let mayHide = redaction.mayHide(tree)
                let hidden = redaction.redacted(tree)
                #expect(mayHide || hidden == tree, "\(text)")
                if !mayHide { clean += 1 }
                let written = Self.written(tree, &random)
                let mayHideWritten = redaction.mayHide(written: written.span)
                #expect(mayHideWritten || hidden == tree, "\(String(decoding: written, as: UTF8.self))")
                if !mayHideWritten { cleanWritten += 1 }
            }
        }
        #expect(clean > 100 && cleanWritten > 100)
        // An escape hides nothing.
        let escaped = try JSONTree.parse(Array("[\"\\u0067hp_abcdefghijklmnopqrstuvwxyz0123456789\"]".utf8))
        #expect(try Self.redaction().mayHide(escaped))
    }

    /// As a server may write it: any character may be escaped, and a few are.
    private static func written(_ tree: JSONTree, _ random: inout SystemRandomNumberGenerator) -> [UInt8] {
        guard Bool.random(using: &random) else { return tree.bytes }
        let chance = Int.random(in: 1...40, using: &random)
        return tree.bytes.flatMap { byte -> [UInt8] in
            let isLetter = (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x2D
            // A letter behind a backslash is a part of an escape already, and `null` is no text.
            guard isLetter, byte != 0x6E, byte != 0x75, byte != 0x6C, Int.random(in: 0..<chance, using: &random) == 0
            else { return [byte] }
            return Array("\\u00\(String(byte, radix: 16))".utf8)
        }
    }

    @Test("names of which the same is left stay as many as they were")
    func names() throws {
        var redaction = try Self.redaction(words: ["[0-9]{8}"])
        let text = #"{"12345678":1,"[redacted]":2,"a":3,"12345679":{"12345678":4},"[redacted] (2)":5,"x 12345678":6}"#
        let tree = try JSONTree.parse(Array(text.utf8))
        let shown =
            #"{"[redacted] (3)":1,"[redacted]":2,"a":3,"[redacted] (4)":{"[redacted]":4},"[redacted] (2)":5,"#
            + #""x [redacted]":6}"#
        #expect(redaction.redacted(tree).compactText == shown)
        #expect(redaction.count == 4)
    }

    @Test("a listed word may be a number, and is found in names of members too")
    func numbers() throws {
        var redaction = try Self.redaction(words: ["[0-9]{8}"])
        let tree = try JSONTree.parse(Array(#"{"12345678":[12345678,1],"n":123456789}"#.utf8))
        #expect(redaction.redacted(tree).compactText == #"{"[redacted]":["[redacted]",1],"n":123456789}"#)
    }
}
