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
            (
                #"{"input":[{"type":"code_interpreter_call","id":"x","container_id":"a"}]}"#,
                [.object(.container), .copy]
            ),
            (#"{"tools":[{"vector_store_ids":["a","b"]}]}"#, [.vectorStore, .vectorStore]),
            (
                #"{"input":[{"type":"item_reference","id":"a"},{"id":"b"},{"type":null,"id":"c"}]}"#,
                [.object(.item), .object(.item), .object(.item)]
            ),
            (#"{"input":[{"id":"a","type":"Item_Reference","role":"user"}]}"#, [.object(.item)]),
            (
                #"{"input":[[{"type":"item_reference","id":"a"},[{"id":"b","role":"user"}]]]}"#,
                [.object(.item), .copy]
            ),
            (#"{"input":{"type":"item_reference","id":"a"}}"#, [.object(.item)]),
            (
                #"{"container":{"id":"a","skills":[{"type":"custom","skill_id":"b","version":"latest"}]}}"#,
                [.object(.container), .skill]
            ),
            (#"{"tools":[{"environment":{"skills":[{"Skill_ID":"a"}]},"parameters":{"skill_id":"b"}}]}"#, [.skill]),
            (
                #"{"input":[{"type":"image_generation_call","id":"a"},{"type":"message","id":"b","result":"x"}]}"#,
                [.object(.item), .copy]
            ),
            (
                #"{"input":[{"role":"user","id":"a"},{"type":"reasoning","id":"b"},{"type":"message","id":"c"}]}"#,
                [.copy, .object(.item), .copy]
            ),
            (
                #"{"input":[{"type":"reasoning","id":"b","encrypted_content":"x"},{"id":"c","encrypted_content":""}]}"#,
                [.copy, .object(.item)]
            ),
            (#"{"input":[{"role":"user","id":"a","ID":"b"}]}"#, [.object(.item), .object(.item)]),
            (
                #"{"input":[{"type":"mcp_approval_response","approval_request_id":"a","approve":true}]}"#,
                [.object(.item)]
            ),
            (
                #"{"messages":[{"role":"assistant","audio":{"id":"a","x":"b"},"tool_calls":[{"id":"c"}]}]}"#,
                [.object(.audio)]
            ),
            (#"{"prompt":{"id":"a","version":"1","variables":{"id":"b"}}}"#, [.prompt]),
            (#"{"messages":[{"id":"a"}],"prompt":{"variables":{"container":"x","conversation":"y"}}}"#, []),
        ] as [(String, [KeptReferences.Kind])])
    func `responses, containers, conversations, stores and items are found`(
        text: String, kinds: [KeptReferences.Kind]
    ) throws {
        #expect(try Self.found(text)?.map(\.kind) == kinds)
    }

    @Test(arguments: [
        (#"{"input":[{"id":"a","role":"user"}]}"#, #"{"input":[{"role":"user"}]}"#),
        (#"{"input":[{"role":"user", "id" : "a"}]}"#, #"{"input":[{"role":"user"}]}"#),
        (#"{"input":[{"role":"user","id":"a" , "x":1}]}"#, #"{"input":[{"role":"user" , "x":1}]}"#),
        (
            #"{"input":[{ "\u0069d":"a"  ,"role":"user"},{"ID":"b","role":"user"}]}"#,
            #"{"input":[{ "role":"user"},{"role":"user"}]}"#
        ),
    ])
    func `the name of a copy can be taken out`(text: String, rest: String) {
        let bytes = Array(text.utf8)
        var splice = JSONSplice()
        for copy in KeptReferences.find(in: bytes.span) ?? [] { splice.replace(copy, nil) }
        #expect(String(decoding: splice.applied(to: bytes.span), as: UTF8.self) == rest)
    }

    @Test func `there is a bound for copies`() throws {
        let most = Array(repeating: #"{"role":"user","id":"a"}"#, count: KeptReferences.copiesMax)
        #expect(try Self.names(#"{"input":[\#(most.joined(separator: ","))]}"#)?.count == KeptReferences.copiesMax)
        #expect(try Self.names(#"{"input":[\#((most + most.prefix(1)).joined(separator: ","))]}"#) == nil)
    }

    @Test func `there is a bound`() throws {
        let most = Array(repeating: #""a""#, count: KeptReferences.countMax).joined(separator: ",")
        #expect(try Self.names(#"{"file_ids":[\#(most)]}"#)?.count == KeptReferences.countMax)
        #expect(try Self.names(#"{"file_ids":[\#(most),"a"]}"#) == nil)
    }
}
