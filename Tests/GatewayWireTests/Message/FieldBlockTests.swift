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
}
