import Testing

@testable import GatewayMCP

@Suite("values of header fields carry any text, and say it in one way")
struct HeaderValueTests {
    @Test(arguments: [
        ("us-west1", "us-west1"), ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="), ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ])
    func `the specification's examples`(_ text: String, _ value: String) {
        #expect(HeaderValue.encoded(text) == Array(value.utf8))
        #expect(HeaderValue.decoded(Array(value.utf8)) == Array(text.utf8))
        #expect(HeaderValue.isExactly(text, value))
        #expect(!HeaderValue.isExactly(text + "x", value))
    }

    @Test(arguments: [
        "=?base64?SGVsbG8?=", "=?base64?SGVs bG8=?=", "=?base64?SGVsbG9=?=", "=?base64?/w==?=", "caf\u{e9}",
        "=?base64?====?=", "a\u{1}b",
    ])
    func `what means nothing is refused`(_ value: String) {
        #expect(HeaderValue.decoded(Array(value.utf8)) == nil)
        #expect(!HeaderValue.isExactly(value, value))
    }

    @Test func `the marks are of one case`() {
        #expect(HeaderValue.decoded(Array("=?BASE64?SGVsbG8=?=".utf8)) == Array("=?BASE64?SGVsbG8=?=".utf8))
    }
}
