import Testing

@testable import GatewayLLM

@Suite("What an answer is about is told by the path of its request")
struct ModelEndpointTests {
    @Test(
        "documents about files are known by name: all else under a file may be what its owner wrote",
        arguments: [
            ("files", true), ("files/file-1", true), ("uploads/u/parts", true), ("uploads/u/complete", true),
            ("batches/b/cancel", true), ("files/f/content", false), ("files/f/Content", false),
            ("files/f/content;x", false), ("files/f/content%2F", false), ("files/f/cancel/content", false),
        ])
    func tellsOfKept(path: String, isTold: Bool) throws {
        let endpoint = try #require(ModelEndpoint(path: Array("/v1/\(path)".utf8)))
        #expect(endpoint.tellsOfKept == isTold)
    }
}
