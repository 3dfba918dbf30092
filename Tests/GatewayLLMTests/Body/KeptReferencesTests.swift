import GatewayState
import Testing

@testable import GatewayLLM
@testable import GatewayWire

@Suite("Names of what providers keep are found in whatever a request says")
struct KeptReferencesTests {
    private static func found(_ text: String) throws -> [KeptReferences.Found]? {
        let bytes = Array(text.utf8)
        let outline = try JSONOutline(bytes.span)
        guard outline.measure.mayNameKept || outline.measure.hasIDs else { return [] }
        return KeptReferences.find(in: bytes.span)
    }

    private static func names(_ text: String) throws -> [String]? {
        try found(text)?.map { String(decoding: Array(text.utf8)[$0.range], as: UTF8.self) }
    }

    @Test(arguments: [
        (#"{"input_file_id":"a"}"#, ["a"]),
        (#"{ "x" : [ { "file_id" : "a\"b" } , "file_id" ] , "file_ids" : [ "b" , [ "c" ] ] }"#, [#"a\"b"#, "b", "c"]),
        (#"{"\u0066ile_id":"a","file\u005fids":["b"]}"#, ["a", "b"]),
        (#"{"part_ids":["a"],"file_id":null,"x":{"file_id":{"file_id":"b"}}}"#, ["a", "b"]),
        (#"{"file_id":"a","file_id2":"b","x":"file_id"}"#, ["a"]),
        (#"{"File_ID":"a","x":{"FILE_IDs":["b"],"fi\u004Ce_id":"c"},"y":{"file_idſ":["d"]}}"#, ["a", "b", "c", "d"]),
        (
            #"{"input":[{"results":[{"file_id":"c"}],"content":[{"file_id":"a","annotations":[{"file_id":"b"}]}]}]}"#,
            ["a"]
        ),
        (#"{"messages":[{"content":[{"type":"tool_use","input":{"file_id":"b"}}]}],"metadata":{"file_id":"c"}}"#, []),
        (#"{"tools":[{"parameters":{"file_id":"b"}},{"input_schema":{"file_id":"c"}}],"file_id":"a"}"#, ["a"]),
        (#"{"tools":[{"function":{"parameters":{"file_id":"b"}}}],"text":{"format":{"schema":{"file_id":"c"}}}}"#, []),
        (#"{"response_format":{"json_schema":{"schema":{"file_id":"b"}}}}"#, []),
        (#"{"prompt":{"variables":{"metadata":{"file_id":"a"},"input":{"file_id":"b"}}}}"#, ["a", "b"]),
        (#"{"a":[],"b":{},"c":[{},[]],"file_ids":[],"d":"","file_id":""}"#, [""]),
    ])
    func `only what asks for a file counts`(text: String, names: [String]) throws {
        #expect(try Self.names(text) == names)
    }

    @Test(
        "a name that tells elsewhere hides nothing where the API has no such name",
        arguments: [
            #"{"results":{"file_id":"a"}}"#, #"{"annotations":[{"file_id":"a"}]}"#, #"{"schema":{"file_id":"a"}}"#,
            #"{"input":[{"content":[{"metadata":{"file_id":"a"}}]}]}"#, #"{"parameters":[[{"file_id":"a"}]]}"#,
            #"{"input":[{"content":[{"type":"input_file","results":{"file_id":"a"}}]}]}"#,
            #"{"input":[{"input":{"file_id":"a"}}]}"#, #"{"tools":[{"metadata":{"file_ids":["a"]}}]}"#,
            #"{"messages":[{"parameters":{"file_id":"a"}}]}"#,
        ])
    func isAsked(text: String) throws {
        #expect(try Self.names(text) == ["a"])
    }

    @Test(
        arguments: [
            (
                #"{"previous_response_id":"a","x":{"previous_response_id":"b"}}"#,
                [KeptReferences.Kind.object(.response)]
            ),
            (#"{"Conversation":"a"}"#, [.conversation]), (#"{"conversation":{"id":"a","x":"b"}}"#, [.conversation]),
            (#"{"container":"a"}"#, [.object(.container)]),
            (#"{"container":{"skills":[],"id":"a"}}"#, [.object(.container)]),
            (
                #"{"tools":[{"container":"a"},{"container":{"type":"auto","file_ids":["b"]}}]}"#,
                [.object(.container), .object(.file)]
            ),
            (#"{"input":[{"type":"code_interpreter_call","id":"x","container_id":"a"}]}"#, [.object(.container)]),
            (#"{"tools":[{"vector_store_ids":["a","b"]}]}"#, [.vectorStore, .vectorStore]),
            (
                #"{"input":[{"type":"item_reference","id":"a"},{"id":"b"},{"type":null,"id":"c"}]}"#,
                [.item, .item, .item]
            ),
            (#"{"input":[{"id":"a","type":"Item_Reference","role":"user"}]}"#, [.item]),
            (
                #"{"input":[{"type":"image_generation_call","id":"a"},{"type":"message","id":"b","result":"x"}]}"#,
                [.item]
            ),
            (#"{"input":[{"role":"user","id":"a"},{"type":"reasoning","id":"b"},{"type":"message","id":"c"}]}"#, []),
            (#"{"messages":[{"id":"a"}],"prompt":{"variables":{"container":"x","conversation":"y"}}}"#, []),
        ] as [(String, [KeptReferences.Kind])])
    func `responses, containers, conversations, stores and items are found`(
        text: String, kinds: [KeptReferences.Kind]
    ) throws {
        #expect(try Self.found(text)?.map(\.kind) == kinds)
    }

    @Test func `there is a bound`() throws {
        let most = Array(repeating: #""a""#, count: KeptReferences.countMax).joined(separator: ",")
        #expect(try Self.names(#"{"file_ids":[\#(most)]}"#)?.count == KeptReferences.countMax)
        #expect(try Self.names(#"{"file_ids":[\#(most),"a"]}"#) == nil)
    }
}
