import GatewayModel
import GatewayPolicy
import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("secrets are known wherever they stand in a result")
struct ResultRedactionTests {
    private static let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    private static let key = "AKIAABCDEFGHIJKLMNOP"
    private static let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"

    private static func redaction(words: [String] = []) throws -> ResultRedaction {
        var terms = ToolTerms()
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
            ("ordinary text, a-b_c.d@e and -----BEGIN CERTIFICATE----- x", nil), ("xAKIA", nil), ("", nil),
        ] as [(String, String?)])
    func texts(_ text: String, _ expected: String?) throws {
        var redaction = try Self.redaction()
        #expect(redaction.redacted(text) == expected ?? text)
        #expect((redaction.count > 0) == (expected != nil))
    }

    @Test("a listed word may be a number, and is found in names of members too")
    func numbers() throws {
        var redaction = try Self.redaction(words: ["[0-9]{8}"])
        let tree = try JSONTree.parse(Array(#"{"12345678":[12345678,1],"n":123456789}"#.utf8))
        #expect(redaction.redacted(tree).compactText == #"{"[redacted]":["[redacted]",1],"n":123456789}"#)
    }
}
