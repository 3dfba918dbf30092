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

    @Test("params that an approval cannot be about are told for what they are")
    func problems() throws {
        let params = try RequestParams(Array(#"{"name":"a","_meta":{"z":{"a":1,"a":1}}}"#.utf8))
        do throws(JSONTreeError) {
            _ = try CallExtras(params, removed: [], fields: [])
            Issue.record("it is taken")
        } catch {
            #expect(CallExtras.problem(error).contains("a name twice"))
        }
        for (text, said) in [(String(repeating: "[", count: 200), "deep"), ("\"\u{1}\"", "cannot be read")] {
            do throws(JSONTreeError) {
                _ = try JSONTree.parse(Array(text.utf8))
                Issue.record("it is read")
            } catch {
                #expect(CallExtras.problem(error).contains(said))
            }
        }
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
