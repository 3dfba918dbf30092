import GatewayModel
import Testing

@testable import GatewayMCP

@Suite("policies and servers read the same names")
struct ResourceURITests {
    @Test(arguments: [
        "file:///docs/a.md", "docs://a/b..c/.hidden", "https://x/a?path=../b#/../c", "urn:isbn:1", "a",
        "x://é/%20%C3%A9%3F",
        "file:///docs/", "x://a//b", "fetch://https://x/a", "file:///~a", "file:///%7Ea", "x:%", "x:%4",
    ])
    func plain(_ uri: String) { #expect(ResourceURI.isPlain(uri)) }

    @Test(arguments: [
        "file:///docs/../etc/passwd", "file:///docs/..", "file:///./a", "file:///docs/%2e%2e/a", "file:///a%2Fb",
        "FILE:///etc/passwd", "File:///a", "file:///a\\..\\b", "file:///a%5c..", "file:///a b", "file:///a\r\nb",
        "file:///a%00", "file:///%73ecret", "file:///secre%74", "x://é/%41", "x://a/%5f", "file:////etc/passwd",
        "file:///docs//a", "file://host//a", "x://a%2d", "file:/etc/passwd", "file:/a//b",
        "file://LocalHost/etc/passwd",
    ])
    func disguised(_ uri: String) { #expect(!ResourceURI.isPlain(uri)) }

    @Test("two spellings of a letter are two names, with a star and without")
    func spelling() {
        let (composed, decomposed) = ("l\u{F6}schen", "lo\u{308}schen")
        #expect(NamePattern(composed).matches(composed) && !NamePattern(composed).matches(decomposed))
        #expect(NamePattern("l\u{F6}*").matches(composed) && !NamePattern("l\u{F6}*").matches(decomposed))
    }
}
