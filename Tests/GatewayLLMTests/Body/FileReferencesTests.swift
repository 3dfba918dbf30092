import Testing

@testable import GatewayLLM
@testable import GatewayWire

@Suite("Names of files are found in whatever a request says")
struct FileReferencesTests {
    private static func names(_ text: String) throws -> [String]? {
        let bytes = Array(text.utf8)
        let outline = try JSONOutline(bytes.span)
        guard outline.measure.mayNameFiles else { return [] }
        return FileReferences.find(in: bytes.span)?.map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    @Test(arguments: [
        (#"{"input_file_id":"a"}"#, ["a"]),
        (#"{ "x" : [ { "file_id" : "a\"b" } , "file_id" ] , "file_ids" : [ "b" , [ "c" ] ] }"#, [#"a\"b"#, "b", "c"]),
        (#"{"\u0066ile_id":"a","file\u005fids":["b"]}"#, ["a", "b"]),
        (#"{"part_ids":["a"],"file_id":null,"x":{"file_id":{"file_id":"b"}}}"#, ["a", "b"]),
        (#"{"file_id":"a","file_id2":"b","File_id":"c","x":"file_id"}"#, ["a"]),
        (#"{"input":[{"file_id":"a","annotations":[{"file_id":"b"}],"results":[{"file_id":"c"}]}]}"#, ["a"]),
        (#"{"messages":[{"type":"tool_use","input":{"file_id":"b"}}],"metadata":{"file_id":"c"}}"#, []),
        (#"{"tools":[{"parameters":{"file_id":"b"}},{"input_schema":{"file_id":"c"}}],"file_id":"a"}"#, ["a"]),
        (#"{"prompt":{"variables":{"metadata":{"file_id":"a"},"input":{"file_id":"b"}}}}"#, ["a", "b"]),
        (#"{"a":[],"b":{},"c":[{},[]],"file_ids":[],"d":"","file_id":""}"#, [""]),
    ])
    func `only what asks for one counts`(text: String, names: [String]) throws {
        #expect(try Self.names(text) == names)
    }

    @Test func `there is a bound`() throws {
        let most = Array(repeating: #""a""#, count: FileReferences.countMax).joined(separator: ",")
        #expect(try Self.names(#"{"file_ids":[\#(most)]}"#)?.count == FileReferences.countMax)
        #expect(try Self.names(#"{"file_ids":[\#(most),"a"]}"#) == nil)
    }
}
