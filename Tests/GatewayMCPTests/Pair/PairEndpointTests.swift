import GatewayModel
import Testing

@testable import GatewayMCP

@Suite("A server of 2024-11-05 says where messages go, at its own origin only")
struct PairEndpointTests {
    @Test(arguments: [
        ("/messages?session=1", "/messages?session=1"),
        ("messages/?session_id=ab", "/base/messages/?session_id=ab"),
        ("?session=1", "/base/sse?session=1"),
        ("http://tools.example:8000/m?s=1", "/m?s=1"),
        ("HTTP://TOOLS.example:8000/m", "/m"),
        ("//tools.example:8000/m", "/m"),
        ("/m#part", "/m"),
    ])
    func `at its own origin`(_ said: String, _ target: String) throws {
        let server = try OutboundURL("http://tools.example:8000/base/sse")
        #expect(PairSession.target(said, of: server) == target)
    }

    @Test(arguments: [
        "http://169.254.169.254/latest/meta-data", "https://tools.example:8000/m", "http://tools.example/m",
        "http://tools.example:8001/m", "//evil.example:8000/m", "http://tools.example:8000@evil.example/m",
        "javascript:alert(1)", "file:///etc/passwd", "http:/m", "\\\\evil.example\\m", "/a b", "/a\r\nHost: evil", "",
        "http://evil.example:8000/m", "unix:/run/docker.sock", "/\(String(repeating: "x", count: 9_000))",
    ])
    func `nowhere else`(_ said: String) throws {
        let server = try OutboundURL("http://tools.example:8000/base/sse")
        #expect(PairSession.target(said, of: server) == nil)
    }
}
