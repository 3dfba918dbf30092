import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("What may be asked is told by method and path, and nothing else is let through")
struct ModelEndpointTests {
    private static func accepts(_ method: GatewayWire.HTTPMethod, _ path: String) -> Bool {
        ModelEndpoint(path: Array("/v1/\(path)".utf8))?.accepts(method) ?? false
    }

    @Test(
        arguments: [
            (.post, "files"), (.get, "files"), (.get, "files/f"), (.delete, "files/f"), (.get, "files/f/content"),
            (.post, "uploads"), (.post, "uploads/u/parts"), (.post, "uploads/u/complete"), (.post, "uploads/u/cancel"),
            (.post, "batches"), (.get, "batches"), (.get, "batches/b"), (.post, "batches/b/cancel"),
            (.post, "images/generations"), (.post, "images/edits"), (.post, "images/variations"),
            (.post, "audio/speech"), (.post, "audio/transcriptions"), (.post, "audio/translations"),
            (.post, "moderations"),
            (.get, "responses/r"), (.delete, "responses/r"), (.post, "responses/r/cancel"),
            (.get, "responses/r/input_items"),
        ] as [(GatewayWire.HTTPMethod, String)])
    func `what is known may be asked`(method: GatewayWire.HTTPMethod, path: String) {
        #expect(Self.accepts(method, path))
    }

    @Test(
        arguments: [
            (.get, "uploads"), (.get, "uploads/u"), (.delete, "uploads/u"), (.get, "uploads/u/parts"),
            (.post, "files/f"),
            (.delete, "files"), (.delete, "batches/b"), (.post, "batches/b"), (.delete, "batches"),
            (.get, "batches/b/cancel"),
            (.post, "files/f/content"), (.get, "files/f/Content"), (.get, "files/f/content;x"),
            (.get, "files/f/content/x"),
            (.get, "files/f/cancel"), (.get, "images/generations"), (.post, "images"), (.get, "audio/voices"),
            (.delete, "audio/speech"), (.get, "moderations"), (.get, "responses/r/output"), (.get, "vector_stores"),
            (.get, "Files"), (.post, "containers"), (.get, "conversations/c"), (.post, "messages/batches"),
            (.get, "chat/completions/c"),
        ] as [(GatewayWire.HTTPMethod, String)])
    func `what is not known is refused`(method: GatewayWire.HTTPMethod, path: String) {
        #expect(!Self.accepts(method, path))
    }

    @Test func `a call is sent on under its own path with the provider's id`() throws {
        for path in [
            "files", "files/f", "files/f/content", "uploads/f/parts", "batches/f/cancel", "responses/f/cancel",
        ] {
            let endpoint = try #require(ModelEndpoint(path: Array("/v1/\(path)".utf8)))
            let sent = endpoint.about(Array("own".utf8)).upstreamPath(.openai)
            #expect(String(decoding: sent, as: UTF8.self) == "/" + path.replacing("/f", with: "/own"))
        }
    }

    @Test(
        "the name of a model is what its part of the path means",
        arguments: [
            ("models/a/b", "a/b"), ("models/a%2Fb", "a/b"), ("models/a%2fb%3A1", "a/b:1"), ("models/a%2", "a%2"),
            ("models/%zz", "%zz"),
        ])
    func model(_ path: String, _ name: String) {
        #expect(ModelEndpoint(path: Array("/v1/\(path)".utf8)) == .model(id: Array(name.utf8)))
    }

    @Test(
        "of a query goes on what the API has at that path",
        arguments: [
            ("messages", "beta=true", "beta=true"), ("messages", "beta=false", ""), ("messages", "beta", ""),
            ("messages", "beta=true&key=sk-1", "beta=true"), ("messages", "beta%3Dtrue", ""),
            ("messages/count_tokens", "x=1&beta=true", "beta=true"),
            ("chat/completions", "beta=true&api-version=1", ""), ("responses", "stream=true", ""),
            ("responses/r", "stream=true&starting_after=3", "stream=true&starting_after=3"),
            ("responses/r", "include[]=a&include%5B0%5D=b&include%5Bx%5D=c", "include[]=a&include%5B0%5D=b"),
            ("responses/r", "%73tream=true&=&&x", "%73tream=true"), ("responses/r", "stream=true;key=1", ""),
            ("responses/r", "include_obfuscation=false&limit=2", "include_obfuscation=false"),
            ("responses/r/cancel", "stream=true", ""),
            (
                "responses/r/input_items", "after=a&before=b&limit=2&order=asc&include=x&stream=true",
                "after=a&before=b&limit=2&order=asc&include=x"
            ),
            ("files/f", "key=1", ""), ("audio/speech", "api_key=1", ""), ("moderations", "access_token=1", ""),
        ])
    func query(_ path: String, _ query: String, _ sent: String) throws {
        let endpoint = try #require(ModelEndpoint(path: Array("/v1/\(path)".utf8)))
        let found = ModelQuery(Array(query.utf8), of: endpoint)
        #expect(String(decoding: found.sent, as: UTF8.self) == sent)
        #expect(found.isCut == (query != sent))
    }

    @Test func `the first v1 of a path is the one that counts`() {
        #expect(ModelEndpoint(path: Array("/team/v1/models/v1/models".utf8)) == .model(id: Array("v1/models".utf8)))
    }
}
