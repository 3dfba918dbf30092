import GatewayMCP
import GatewayModel
import GatewayWire
import Testing

func tree(_ text: String) throws -> JSONTree { try JSONTree.parse(Array(text.utf8)) }

enum Petstore {
    /// A document with a little of everything; `paths` come behind its own.
    static func document(
        _ paths: String = "", openapi: String = "3.0.3", components: String = ""
    ) throws -> OpenAPIDocument {
        try OpenAPIDocument(
            try tree(
                """
                {"openapi": "\(openapi)", "info": {"title": "Pets", "version": "1.2"},
                 "servers": [{"url": "https://{region}.example.com/v1", "variables": {"region": {"default": "eu"}}}],
                 "security": [{"key": []}],
                 "paths": {
                  "/pets": {
                   "get": {"operationId": "listPets", "summary": "All pets",
                    "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                     {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                     {"name": "cursor", "in": "query", "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "ok", "content": {"application/json": {"schema":
                     {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}}}},
                   "post": {"operationId": "create pet!", "requestBody": {"required": true, "content":
                    {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
                    "responses": {"201": {"description": "made", "content": {"application/json": {"schema":
                     {"$ref": "#/components/schemas/Pet"}}}}}}},
                  "/pets/{petId}": {
                   "parameters": [{"$ref": "#/components/parameters/PetId"}],
                   "get": {"responses": {"200": {"description": "ok"}}},
                   "delete": {"parameters": [{"name": "X-Why", "in": "header", "required": true,
                     "schema": {"type": "string"}}, {"name": "Authorization", "in": "header", "schema": {}},
                     {"name": "X-Api-Key", "in": "header", "schema": {"type": "string"}}],
                    "responses": {"204": {"description": "gone"}}}}
                  \(paths.isEmpty ? "" : ",\(paths)")},
                 "components": {
                  "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
                  "parameters": {"PetId": {"name": "petId", "in": "path", "required": true,
                   "schema": {"type": "string", "x-internal": 1}}},
                  "schemas": {
                   "Pet": {"type": "object", "required": ["id", "name"], "properties": {
                    "id": {"type": "integer", "readOnly": true}, "name": {"type": "string", "example": "Rex"},
                    "age": {"type": "integer", "nullable": true, "minimum": 0, "exclusiveMinimum": true},
                    "parent": {"$ref": "#/components/schemas/Pet"}}}
                   \(components.isEmpty ? "" : ",\(components)")}}}
                """))
    }
}

@Suite("An OpenAPI document becomes tools")
struct OpenAPIDocumentTests {
    @Test func `each operation is a tool under a name of its own`() throws {
        let document = try Petstore.document()
        #expect(document.title == "Pets")
        #expect(document.serverURL == "https://eu.example.com/v1")
        #expect(
            document.operations.map(\.name) == ["listPets", "create_pet", "get_pets_by_petId", "delete_pets_by_petId"])
        #expect(document.findings.isEmpty)
        let hints = try #require(document["delete_pets_by_petId"]?.definition["annotations"])
        #expect(hints["destructiveHint"] == true)
        #expect(document["listPets"]?.definition["annotations"]?["readOnlyHint"] == true)
        #expect(document["listPets"]?.description.hasSuffix("comes in pages: limit, cursor.") == true)
    }

    @Test func `names that collide are told apart in the order of the document`() throws {
        let get = #"{"get": {"operationId": "listPets", "responses": {}}}"#
        let document = try Petstore.document("\"/a\": \(get), \"/b\": \(get)")
        #expect(document.operations.map(\.name).suffix(2) == ["listPets_2", "listPets_3"])
    }

    @Test func `schemas stand by themselves, in the dialect of tools`() throws {
        let input = try #require(try Petstore.document()["create_pet"]?.inputSchema)
        #expect(input["properties"]?["body"] == ["$ref": "#/$defs/Pet"])
        #expect(input["required"] == ["body"])
        let pet = try #require(input["$defs"]?["Pet"])
        #expect(pet["properties"]?["id"] == nil)
        #expect(pet["required"] == ["name"])
        #expect(pet["properties"]?["name"] == ["type": "string"])
        #expect(pet["properties"]?["parent"] == ["$ref": "#/$defs/Pet"])
        let age: JSONTree = ["type": ["integer", "null"], "exclusiveMinimum": 0]
        #expect(pet["properties"]?["age"]?["type"] == age["type"])
        #expect(pet["properties"]?["age"]?["exclusiveMinimum"] == 0)
        #expect(pet["properties"]?["age"]?["minimum"] == nil)
    }

    @Test func `an answer that is no object is told under a name`() throws {
        let document = try Petstore.document()
        let list = try #require(document["listPets"]?.outputSchema)
        #expect(list["type"] == "object")
        #expect(list["properties"]?["result"]?["type"] == "array")
        #expect(list["$defs"]?["Pet"]?["properties"]?["id"] != nil)
        #expect(document["create_pet"]?.outputSchema?["type"] == "object")
    }

    @Test func `what carries a credential or frames a message is no argument`() throws {
        let operation = try #require(try Petstore.document()["delete_pets_by_petId"])
        #expect(operation.parameters.map(\.argument) == ["petId", "X-Why"])
        #expect(operation.credentials == [.header("X-Api-Key")])
        #expect(operation.inputSchema["additionalProperties"] == false)
    }

    @Test(arguments: [
        (##""/a": {"get": {"parameters": [{"$ref": "other.yaml#/P"}], "responses": {}}}"##, "out of the document"),
        (##""/a": {"get": {"parameters": [{"$ref": "#/nowhere"}], "responses": {}}}"##, "leads nowhere"),
        (##""/a": {"$ref": "#/paths/~1a"}"##, "in a circle"),
        (##""/a/{x}": {"get": {"responses": {}}}"##, "no parameter is called so"),
        (
            ##""/a": {"post": {"requestBody": {"required": true, "content": {"application/pdf": {}}}}}"##,
            "no media type"
        ),
        (
            ##""/a": {"get": {"parameters": [{"name": "q", "in": "query", "##
                + ##""schema": {"$ref": "http://169.254.169.254/"}}]}}"##,
            "out of the document"
        ),
    ])
    func `what cannot be a tool is left out and said`(paths: String, finding: String) throws {
        let document = try Petstore.document(paths)
        #expect(document.operations.count == 4)
        #expect(document.findings.count == 1)
        #expect(document.findings.first?.contains(finding) == true)
    }

    @Test func `schemas have a limit, in size and in depth`() throws {
        let wide = (0..<20_001).map { "\"p\($0)\": {}" }.joined(separator: ",")
        let body = ##"{"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wide"}}}}"##
        let document = try Petstore.document(
            "\"/wide\": {\"post\": {\"requestBody\": \(body), \"responses\": {}}}",
            components: "\"Wide\": {\"properties\": {\(wide)}}")
        #expect(document.findings == ["POST /wide: its schemas are too large"])
        let deep = String(repeating: #"{"items": "#, count: 80) + "{}" + String(repeating: "}", count: 80)
        let second = try Petstore.document(
            "\"/deep\": {\"post\": {\"requestBody\": {\"content\": {\"application/json\": {\"schema\": \(deep)}}}}}")
        #expect(second.findings == ["POST /deep: a schema is too deep"])
    }

    @Test(arguments: [
        #"{"swagger": "2.0"}"#, #"{"openapi": "4.0.0"}"#, "[]", #"{"openapi": 3}"#,
    ])
    func `another kind of document is refused`(text: String) throws {
        let document = try tree(text)
        #expect(throws: GatewayError.self) { try OpenAPIDocument(document) }
    }
}
