import GatewayWire
import Testing

@Suite("JSON-RPC messages are read by the letter, and pass on what they hold byte for byte")
struct JSONRPCMessageTests {
    private func read(_ text: String) throws(JSONRPCFault) -> (JSONRPCMessage, [UInt8]) {
        let bytes = Array(text.utf8)
        return (try JSONRPCMessage(bytes.span), bytes)
    }

    @Test(arguments: [
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}", JSONRPCMessage.Kind.request, "1"),
        ("{\"method\":\"a\",\"jsonrpc\":\"2.0\",\"id\":\"\\u0061\"}", .request, "\"\\u0061\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":-7,\"result\":{}}", .result, "-7"),
        ("{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999,\"error\":{}}", .error, "99999999999999999999"),
        ("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}", .error, ""),
        (" {\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":{}} ", .notification, ""),
    ])
    func `each kind, with its id as it was written`(_ text: String, _ kind: JSONRPCMessage.Kind, _ id: String) throws {
        let (message, bytes) = try read(text)
        #expect(message.kind == kind)
        #expect(message.id.map { String(decoding: bytes[$0], as: UTF8.self) } ?? "" == id)
    }

    @Test(arguments: [
        ("", JSONRPCFault.Reason.parseError), ("{", .parseError), ("nul", .parseError),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\u{1}\"}", .parseError), ("1", .invalidRequest),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}", .invalidRequest),
        ("{\"id\":1,\"method\":\"a\"}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a\"}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"a\"}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"result\":1}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{}}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", .invalidRequest), ("{\"jsonrpc\":\"2.0\",\"result\":1}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"a\"}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}", .invalidRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":1}", .invalidParams),
    ])
    func `what is no message says why`(_ text: String, _ reason: JSONRPCFault.Reason) {
        #expect(throws: JSONRPCFault.self) { try read(text) }
        do throws(JSONRPCFault) { _ = try read(text) } catch { #expect(error.reason == reason, "\(text)") }
    }

    @Test func `a fault carries the id that could be read`() {
        do throws(JSONRPCFault) { _ = try read("{\"jsonrpc\":\"1\",\"id\":\"x\",\"method\":\"a\"}") } catch {
            #expect(error.id == Array("\"x\"".utf8))
        }
    }

    @Test func `a batch is told apart`() {
        do throws(JSONRPCFault) { _ = try read(" [{\"jsonrpc\":\"2.0\"}]") } catch { #expect(error.isBatch) }
    }

    @Test func `long ids and methods are refused`() {
        let long = String(repeating: "x", count: 2_000)
        #expect(throws: JSONRPCFault.self) { try read("{\"jsonrpc\":\"2.0\",\"id\":\"\(long)\",\"method\":\"a\"}") }
        #expect(throws: JSONRPCFault.self) { try read("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(long)\"}") }
    }

    @Test func `nesting is bounded`() {
        let deep = String(repeating: "[", count: 10_000)
        let text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":\(deep)"
        #expect(throws: JSONRPCFault.self) { try read(text) }
    }

    @Test func `what is written is read again`() throws {
        let bytes = JSONRPCWriter.error(id: Array("\"a\"".utf8), code: -32601, message: "no \"x\"", data: [0x31])
        let message = try JSONRPCMessage(bytes.span)
        #expect(message.kind == .error)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "{\"jsonrpc\":\"2.0\",\"id\":\"a\","
                + "\"error\":{\"code\":-32601,\"message\":\"no \\\"x\\\"\",\"data\":1}}")
        #expect(JSONRPCWriter.request(id: nil, method: "n") == Array("{\"jsonrpc\":\"2.0\",\"method\":\"n\"}".utf8))
    }

    @Test func `params go on as they are written, but for what is edited`() throws {
        let text = Array(#"{"jsonrpc":"2.0","id":1,"method":"a","params": {"n":"x", "k":[1]} }"#.utf8)
        let params = try #require(try JSONRPCMessage(text.span).params)
        var outline = JSONOutline()
        try outline.read(text.span, range: params)
        var edits = JSONSplice()
        edits.set("n", to: Array("\"y\"".utf8), in: outline, of: text.span)
        edits.set("m", to: Array("2".utf8), in: outline, of: text.span)
        let written = JSONRPCWriter.request(id: [0x32], method: "b", paramsIn: text.span, at: params, edits)
        let expected = #"{"jsonrpc":"2.0","id":2,"method":"b","params":{"n":"y", "k":[1],"m":2}}"#
        #expect(String(decoding: written, as: UTF8.self) == expected)
    }
}
