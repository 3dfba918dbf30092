import GatewayModel
import Testing

@testable import GatewayRecords

@Suite("Records are found by what people know of them")
struct AuditFilterTests {
    @Test(
        "a tool is found as records, the command line, clients and lists spell it",
        arguments: ["demo/echo", "demo.echo", "demo__echo", "echo", "ec*", "demo/*"])
    func spellings(_ text: String) throws {
        let folder = try AuditTestFolder()
        let log = try AuditLog(folder.folder)
        let trail = AuditTrail(log: log)
        for name in ["demo/echo", "demo/other", "a/b/echo", "audit log"] {
            var event = AuditEvent(.toolCall, timeMilliseconds: 1)
            event.resource = name
            trail.record(event)
        }
        log.close()
        var filter = AuditFilter()
        filter.terms = [AuditFilter.Term(.tool, text)]
        let found = AuditReader(folder.folder).search(filter, limit: 10).map(\.index)
        #expect(found == (text == "demo/*" ? [1, 0] : [0]), "\(text)")
    }
}
