import GatewayWire
import Testing

@testable import GatewayProxy

@Suite("A path is replaced as the Gateway API's table says")
struct PathRewriteTests {
    @Test(
        "prefixes",
        arguments: [
            ("/foo/bar", 4, "/xyz", "/xyz/bar"), ("/foo/bar", 4, "/xyz/", "/xyz/bar"), ("/foo", 4, "/xyz", "/xyz"),
            ("/foo/", 4, "/xyz", "/xyz/"), ("/foo/bar", 4, "", "/bar"), ("/foo/", 4, "", "/"), ("/foo", 4, "", "/"),
            ("/foo/", 4, "/", "/"), ("/foo", 4, "/", "/"), ("/foo/bar", 4, "/", "/bar"), ("/a", 0, "/xyz", "/xyz/a"),
            ("/", 0, "/xyz", "/xyz/"), ("/foo//bar", 4, "/x", "/x//bar"),
        ])
    func prefixes(path: String, matched: Int, replacement: String, expected: String) {
        var bytes = Array(path.utf8)
        let slice = Slice(start: 0, count: bytes.count)
        let start = bytes.count
        PathRewrite.prefix(Array(replacement.utf8)).append(of: slice, matchedBytes: matched, to: &bytes)
        #expect(String(decoding: bytes[start...], as: UTF8.self) == expected)
    }

    @Test("whole paths")
    func full() {
        var bytes = Array("/old".utf8)
        PathRewrite.full(Array("/new".utf8)).append(of: Slice(start: 0, count: 4), matchedBytes: 0, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "/old/new")
    }
}

@Suite("An origin is allowed by scheme, host and port")
struct OriginPatternTests {
    @Test(
        "patterns",
        arguments: [
            ("*", "https://anything:1", true), ("*", "null", true), ("https://a.com", "https://a.com", true),
            ("https://a.com", "https://a.com:443", true), ("https://a.com:443", "https://a.com", true),
            ("https://a.com", "http://a.com", false), ("http://a.com", "http://a.com:80", true),
            ("https://a.com", "https://a.com:8443", false), ("https://a.com:8443", "https://a.com:8443", true),
            ("https://*.a.com", "https://b.a.com", true), ("https://*.a.com", "https://c.b.a.com", true),
            ("https://*.a.com", "https://a.com", false), ("https://*.a.com", "https://xa.com", false),
            ("https://*.a.com", "https://.a.com", false), ("https://*", "https://any", true),
            ("https://*", "http://any", false), ("https://A.com", "HTTPS://a.COM", true),
            ("https://a.com", "null", false), ("https://a.com", "", false), ("https://a.com", "https://a.com/x", false),
            ("https://a.com", "https://a.com.evil.com", false), ("https://a.com", "https://a.com:", false),
            ("https://a.com", "https://a.com:4x3", false),
        ])
    func patterns(pattern: String, origin: String, expected: Bool) throws {
        let compiled = try #require(OriginPattern(pattern))
        let bytes = Array(origin.utf8)
        let isMatch = compiled.matches(bytes.span, bytes.indices)
        #expect(isMatch == expected)
    }

    @Test("what is no origin makes no pattern", arguments: ["", "a.com", "https://", "https://a*b.com", "https://a/b"])
    func invalid(text: String) {
        #expect(OriginPattern(text) == nil)
    }
}
