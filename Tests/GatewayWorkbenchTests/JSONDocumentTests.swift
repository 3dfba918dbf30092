import GatewayWorkbench
import Testing

@Suite("The workbench reads and writes JSON in its order")
struct JSONDocumentTests {
    @Test(arguments: [
        #"{"b":1,"a":[true,false,null],"c":{"d":"é\n\"\\"}}"#, "[]", "{}", "-12.5e+3", "123456789012345678901234567890",
        #""""#, #"{"a":1,"a":2}"#,
    ])
    func `what is read is written the same`(text: String) throws {
        #expect(try #require(JSONDocument(json: text)).json == text)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":}", "{a:1}", "01x", "+1", "1.", "\"\u{1}\"", "nul", "[1] 2", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\\u0041\"", String(repeating: "[", count: 1000),
    ])
    func `what is no JSON is refused`(text: String) {
        #expect(JSONDocument(json: text) == nil)
    }

    @Test func `escapes are read`() {
        #expect(JSONDocument(json: #""\u00e9\ud83d\ude42\/\t""#)?.text == "é🙂/\t")
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(JSONDocument(json: [0x22, 0xFF, 0x22]) == nil)
    }
}
