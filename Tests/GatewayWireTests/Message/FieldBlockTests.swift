import GatewayWire
import Testing

@Suite("fields are looked up by name and by how they begin")
struct FieldBlockTests {
    @Test func `names are whole, and beginnings are told in any case`() throws {
        var fields = FieldBlock()
        fields.append("mcp-method", "tools/call")
        fields.append("content-type", "Text/Event-Stream; charset=utf-8")
        fields.append("mcp-method", "later")
        #expect(fields.value(named: "mcp-method") == "tools/call")
        #expect(fields.value(named: "mcp-metho") == nil)
        #expect(fields.value(named: "mcp-methods") == nil)
        #expect(fields.equals(fields.entries[0].name, "mcp-method"))
        let type = try #require(fields.first(.contentType)).value
        #expect(fields.begins(type, with: "text/event-stream"))
        #expect(!fields.begins(type, with: "text/event-stream; charset=utf-8; more"))
        #expect(!fields.begins(type, with: "text/plain"))
    }

    @Test func `no value ends its line, whoever made it`() {
        let bad = Array("a\r\nb: c\u{0}\u{1}\u{7F}\td é".utf8)
        let good = "a  b: c   \td é"
        var fields = FieldBlock()
        fields.append(name: Array("one".utf8), value: bad)
        fields.append("two", bad.span)
        fields.append(FieldLabel("three"), bad.span)
        fields.append(.location, bad)
        fields.append("five", "x")
        fields.set(name: Array("five".utf8), value: bad)
        fields.set(name: Array("six".utf8), value: bad)
        #expect(fields.entries.map { fields.text($0.value) } == Array(repeating: good, count: 6))
    }
}
