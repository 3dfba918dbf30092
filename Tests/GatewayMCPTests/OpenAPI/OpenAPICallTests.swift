import GatewayMCP
import GatewayModel
import GatewayWire
import Testing

@Suite("A call of a tool becomes a request, and its answer a result")
struct OpenAPICallTests {
    private let base = "https://api.example.com/v1"

    private func operation(_ parameters: String, path: String = "/x", method: String = "get") throws -> OpenAPIOperation
    {
        let document = try OpenAPIDocument(
            try tree(
                """
                {"openapi": "3.1.0", "info": {}, "paths": {"\(path)": {"\(method)": {"operationId": "it",
                 "parameters": [\(parameters)], "responses": {}}}}}
                """))
        return try #require(document["it"], "\(document.findings)")
    }

    @Test func `arguments go where the document says`() throws {
        let document = try Petstore.document()
        let list = try #require(document["listPets"])
        let request = try list.request(
            ["limit": 10, "tags": ["a b", "c&d"]], baseURL: base + "/", credential: Secret("k1"))
        #expect(request.method == "GET")
        #expect(request.url == "https://api.example.com/v1/pets?limit=10&tags=a%20b&tags=c%26d")
        #expect(request.fields.contains(OutboundField("X-Api-Key", "k1")))
        let delete = try #require(document["delete_pets_by_petId"])
        let gone = try delete.request(["petId": "ä/1", "X-Why": "old"], baseURL: base)
        #expect(gone.url == "https://api.example.com/v1/pets/%C3%A4%2F1")
        #expect(gone.fields.contains(OutboundField("X-Why", "old")))
        let create = try #require(document["create_pet"])
        let made = try create.request(["body": ["name": "Rex"]], baseURL: base)
        #expect(String(decoding: made.body, as: UTF8.self) == #"{"name":"Rex"}"#)
        #expect(made.fields.contains(OutboundField("content-type", "application/json")))
    }

    @Test(arguments: [
        (#"{"name": "q", "in": "query", "explode": false, "schema": {}}"#, #"["a","b"]"#, "?q=a,b"),
        (
            #"{"name": "q", "in": "query", "style": "pipeDelimited", "explode": false, "schema": {}}"#, #"["a","b"]"#,
            "?q=a%7Cb"
        ),
        (
            #"{"name": "q", "in": "query", "style": "deepObject", "schema": {}}"#, #"{"a":1,"b":"x y"}"#,
            "?q%5Ba%5D=1&q%5Bb%5D=x%20y"
        ),
        (#"{"name": "q", "in": "query", "schema": {}}"#, #"{"a":1}"#, "?a=1"),
        (
            #"{"name": "q", "in": "query", "content": {"application/json": {"schema": {}}}}"#, #"{"a":[1]}"#,
            "?q=%7B%22a%22%3A%5B1%5D%7D"
        ),
        (#"{"name": "q", "in": "query", "allowReserved": true, "schema": {}}"#, #""a/b?c&d""#, "?q=a/b?c%26d"),
        (#"{"name": "q", "in": "query", "schema": {}}"#, "true", "?q=true"),
    ])
    func `each style of a query is written as it should`(parameter: String, value: String, query: String) throws {
        let request = try operation(parameter).request(["q": try tree(value)], baseURL: base)
        #expect(request.url == base + "/x" + query)
    }

    @Test(arguments: [
        ("simple", false, #"["a","b"]"#, "a,b"), ("label", false, #"["a","b"]"#, ".a,b"),
        ("label", true, #"["a","b"]"#, ".a.b"), ("matrix", false, #"["a","b"]"#, ";id=a,b"),
        ("matrix", true, #"["a","b"]"#, ";id=a;id=b"), ("simple", true, #"{"k":"v"}"#, "k=v"),
        ("simple", false, #"{"k":"v"}"#, "k,v"),
    ])
    func `each style of a path is written as it should`(
        style: String, explode: Bool, value: String, segment: String
    ) throws {
        let parameter =
            #"{"name": "id", "in": "path", "required": true, "style": "\#(style)", "explode": \#(explode), "#
            + #""schema": {}}"#
        let request = try operation(parameter, path: "/x/{id}/y").request(["id": try tree(value)], baseURL: base)
        #expect(request.url == "\(base)/x/\(segment)/y")
    }

    @Test(arguments: ["..", ".", "", "../admin", "a/../../b", #"..\\b"#, "/.."])
    func `no argument climbs out of its path`(value: String) throws {
        let parameter = #"{"name": "id", "in": "path", "required": true, "schema": {}}"#
        let it = try operation(parameter, path: "/x/{id}")
        #expect(throws: OpenAPIProblem.self) { try it.request(["id": .text(value)], baseURL: base) }
    }

    @Test(arguments: [
        #"{"X-A": "a\r\nX-Evil: 1"}"#, #"{"X-A": "Grüße"}"#, #"{"X-A": [["deep"]]}"#, #"{"unknown": 1}"#, "{}", "[]",
    ])
    func `what no header may have, and what nobody asked for, is refused`(arguments: String) throws {
        let it = try operation(#"{"name": "X-A", "in": "header", "required": true, "schema": {}}"#)
        let given = try tree(arguments)
        #expect(throws: OpenAPIProblem.self) { try it.request(given, baseURL: base) }
    }

    @Test func `forms are written, and no text closes its part`() throws {
        func body(_ media: String) throws -> OutboundRequest {
            let document = try OpenAPIDocument(
                try tree(
                    """
                    {"openapi": "3.1.0", "info": {}, "paths": {"/x": {"post": {"operationId": "it", "requestBody":
                     {"content": {"\(media)": {"schema": {}}}}, "responses": {}}}}}
                    """))
            return try #require(document["it"]).request(["body": ["a": "1 --sluice", "b": ["x", "y"]]], baseURL: base)
        }
        let form = try body("application/x-www-form-urlencoded")
        #expect(String(decoding: form.body, as: UTF8.self) == "a=1%20--sluice&b=x&b=y")
        let parts = try body("multipart/form-data")
        let type = try #require(field("content-type", of: parts))
        let boundary = type.dropFirst("multipart/form-data; boundary=".utf8.count)
        #expect(boundary.hasPrefix("sluice-") && boundary.utf8.count > 20)
        let text = String(decoding: parts.body, as: UTF8.self)
        #expect(text.hasSuffix("--\(boundary)--\r\n"))
        #expect(text.split(separator: boundary).count == 4)
        #expect(try body("multipart/form-data").fields != parts.fields)
    }

    // MARK: what a caller cannot reach

    private func field(_ name: String, of request: OutboundRequest) -> String? {
        request.fields.first { $0.name == name }?.value
    }

    @Test func `an object in the query sets no other argument, nor the credential`() throws {
        let object = #"{"name": "q", "in": "query", "schema": {}}"#
        let it = try operation(object + #", {"name": "role", "in": "query", "schema": {}}"#)
        #expect(throws: OpenAPIProblem.self) {
            try it.request(["q": ["role": "admin"], "role": "user"], baseURL: base)
        }
        let request = try it.request(["q": ["q": 1, "b": 2], "role": "user"], baseURL: base)
        #expect(request.url == base + "/x?q=1&b=2&role=user")
    }

    @Test func `an object in a form sets no other field`() throws {
        let document = try OpenAPIDocument(
            try tree(
                """
                {"openapi": "3.1.0", "info": {}, "paths": {"/x": {"post": {"operationId": "it", "requestBody":
                 {"content": {"application/x-www-form-urlencoded": {"schema": {}}}}, "responses": {}}}}}
                """))
        let it = try #require(document["it"])
        let request = try it.request(["body": ["a": ["role": "admin"], "role": "user"]], baseURL: base)
        #expect(String(decoding: request.body, as: UTF8.self) == "a=%7B%22role%22%3A%22admin%22%7D&role=user")
    }

    @Test func `JSON in a cookie or a header stays one value`() throws {
        let content = #""content": {"application/json": {"schema": {}}}"#
        let cookie = try operation(#"{"name": "p", "in": "cookie", \#(content)}"#)
        let sent = try cookie.request(["p": ["a": "x; session=evil"]], baseURL: base)
        #expect(field("cookie", of: sent) == "p=%7B%22a%22%3A%22x%3B%20session%3Devil%22%7D")
        let header = try operation(#"{"name": "X-A", "in": "header", \#(content)}"#)
        let told = try header.request(["X-A": ["a": 1]], baseURL: base)
        #expect(field("X-A", of: told) == #"{"a":1}"#)
        #expect(throws: OpenAPIProblem.self) { try header.request(["X-A": "Grüße"], baseURL: base) }
    }

    @Test(arguments: ["1?admin=true", "a/b", "a;b", "a#b"])
    func `reserved characters stay in their segment, whatever the document allows`(value: String) throws {
        let parameter = #"{"name": "id", "in": "path", "required": true, "allowReserved": true, "schema": {}}"#
        let it = try operation(parameter, path: "/x/{id}")
        let segment = try it.request(["id": .text(value)], baseURL: base).url.dropFirst(base.utf8.count + 3)
        #expect(!segment.contains { "?/;#".contains($0) })
    }

    @Test(arguments: [#"/x\r\nX-Evil: 1"#, "/a b", "/a?b", "/a#b", #"/\u007f"#])
    func `a path of a document that ends a line is none`(path: String) throws {
        let document = try OpenAPIDocument(
            try tree(#"{"openapi": "3.1.0", "info": {}, "paths": {"\#(path)": {"get": {"responses": {}}}}}"#))
        #expect(document.operations.isEmpty && document.findings.count == 1)
    }

    @Test func `a path in other letters is encoded`() throws {
        #expect(try operation("", path: "/café").request([:], baseURL: base).url == base + "/caf%C3%A9")
    }

    // MARK: answers

    private func answer(
        _ status: Int, _ body: String, type: String = "application/json", _ more: [OutboundField] = []
    ) -> OutboundResponse {
        OutboundResponse(status: status, fields: [OutboundField("content-type", type)] + more, body: Array(body.utf8))
    }

    @Test func `JSON is told twice, as text and structured`() throws {
        let document = try Petstore.document()
        let list = try #require(document["listPets"]).result(answer(200, "[1]"))
        #expect(list["structuredContent"] == ["result": [1]])
        #expect(list["content"] == [["type": "text", "text": "[1]"]])
        let pet = try #require(document["create_pet"]).result(answer(201, #"{"id":1}"#))
        #expect(pet["structuredContent"] == ["id": 1])
        #expect(pet["isError"] == nil)
    }

    @Test func `an error is the tool's, in the API's own words`() throws {
        let list = try #require(try Petstore.document()["listPets"])
        let problem = list.result(
            answer(404, #"{"title":"Not here","detail":"no pet"}"#, type: "application/problem+json"))
        #expect(problem["isError"] == true)
        #expect(problem["content"] == [["type": "text", "text": "HTTP 404: Not here: no pet"]])
        #expect(problem["_meta"]?["sluice.dev/httpStatus"] == 404)
        let later = list.result(
            answer(429, #"{"error":{"message":"slow down"}}"#, [OutboundField("retry-after", "7")]))
        #expect(later["content"] == [["type": "text", "text": "HTTP 429, try again after 7: slow down"]])
        let long = list.result(answer(500, String(repeating: "x", count: 100_000), type: "text/plain"))
        #expect(long.bytes.count < 5_000)
        #expect(list.result(answer(302, "", [OutboundField("location", "http://127.0.0.1/")]))["isError"] == true)
    }

    @Test func `what is no text comes as what it is`() throws {
        let it = try operation("")
        #expect(it.result(answer(200, "abc", type: "image/png"))["content"]?.array?.first?["data"] == "YWJj")
        let bytes = OutboundResponse(status: 200, fields: [], body: [0xFF, 0xFE])
        #expect(it.result(bytes)["content"]?.array?.first?["resource"]?["blob"] == "//4=")
        #expect(it.result(OutboundResponse(status: 204))["content"]?.array?.first?["text"] == "204, without a body")
    }

    @Test func `a next page is told as arguments`() throws {
        let list = try #require(try Petstore.document()["listPets"])
        let link = OutboundField("link", #"<https://api.example.com/pets?cursor=a%20b&evil=1&limit=5>; rel="next""#)
        let linked = list.result(answer(200, "[]", [link]))
        #expect(linked["_meta"]?["sluice.dev/next"] == ["cursor": "a b", "limit": 5])
        let token = list.result(answer(200, #"{"next_cursor":"c2"}"#))
        #expect(token["_meta"]?["sluice.dev/next"] == ["cursor": "c2"])
        #expect(list.result(answer(200, #"{"next_cursor":null}"#))["_meta"] == nil)
    }
}
