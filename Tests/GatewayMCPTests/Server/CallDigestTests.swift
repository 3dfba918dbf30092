import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("The next round of a call is told from another call")
struct CallDigestTests {
    private func digest(_ params: String) throws -> [UInt8] {
        try RequestParams(Array(params.utf8)).digest(method: "tools/call")
    }

    @Test("what changes from round to round does not count; everything else does")
    func rounds() throws {
        let first = try digest(#"{"name":"a","arguments":{"x":1},"_meta":{"k":1}}"#)
        #expect(try digest(#"{"name":"a","arguments":{"x":1},"requestState":"s","inputResponses":{}}"#) == first)
        #expect(try digest(#"{"name":"a","arguments":{"x":2},"requestState":"s"}"#) != first)
        #expect(try digest(#"{"name":"b","arguments":{"x":1},"requestState":"s"}"#) != first)
    }

    @Test("params that hold a name twice further in are never the next round of others, nor of themselves")
    func unreadable() throws {
        let twice = #""_meta":{"z":{"a":1,"a":1}}"#
        let first = try digest(#"{"name":"a","arguments":{"x":1},\#(twice)}"#)
        #expect(try digest(#"{"name":"b","arguments":{"x":2},\#(twice)}"#) != first)
        #expect(try digest(#"{"name":"a","arguments":{"x":1},\#(twice),"requestState":"s"}"#) != first)
        #expect(try digest("{}") != first)
    }

    @Test("an approval of a call with half a character is not one of a call with another half")
    func halves() throws {
        func digest(_ arguments: String) throws -> String {
            ToolDigest.ofCall(server: "s", tool: "t", arguments: try JSONTree.parse(Array(arguments.utf8)))
        }
        let first = try digest(#"{"a":"\ud800"}"#)
        #expect(try digest(#"{"a":"\udfff"}"#) != first)
        #expect(try digest(#"{"a":"\ufffd"}"#) != first)
        #expect(try digest(#"{"a":"\ud800"}"#) == first)
        #expect(try digest(#"{"\ud800":1}"#) != digest(#"{"\udfff":1}"#))
        // However it is written.
        #expect(try digest(#"{"a":"\u0041"}"#) == digest(#"{"a":"A"}"#))
    }
}
