import GatewayModel
import Testing

@testable import GatewayMCP

@Suite("a tool's terms are those of all policies about it, of each the strictest")
struct ToolTermsTests {
    private static func spec(
        _ servers: [String], _ tools: [String], pin: ToolPinning, scopes: [String] = [], words: Bool = false
    ) -> MCPToolPolicySpec {
        let fields = FieldReader([], at: ConfigNode.nowhere, path: .root, sink: DiagnosticSink())
        var spec = MCPToolPolicySpec(fields)
        (spec.servers, spec.tools, spec.pin, spec.scopes) = (servers, tools, pin, scopes)
        if words { spec.redact = ToolRedaction(fields) }
        return spec
    }

    private static func governance() throws -> ToolGovernance {
        try ToolGovernance([
            spec(["*"], ["*"], pin: .firstUse, scopes: ["call"]),
            spec(["demo"], ["delete_*"], pin: .approved, scopes: ["delete"], words: true),
        ])
    }

    @Test func `one policy alone`() throws {
        let terms = try Self.governance().terms(server: "demo", tool: "echo")
        #expect(terms.pin == .firstUse && terms.scopes == ["call"] && !terms.redacts)
    }

    @Test func `several, and the others stay as they are`() throws {
        let governance = try Self.governance()
        let terms = governance.terms(server: "demo", tool: "delete_all")
        #expect(terms.pin == .approved && terms.scopes == ["call", "delete"] && terms.redacts)
        #expect(governance.terms(server: "demo", tool: "echo").scopes == ["call"])
        #expect(governance.terms(server: "other", tool: "delete_all").scopes == ["call"])
    }

    @Test func `none`() {
        let terms = ToolGovernance.none.terms(server: "demo", tool: "echo")
        #expect(terms.pin == .off && terms.scopes.isEmpty && !terms.redacts && terms.resultBytesMax == .max)
    }
}
