import GatewayModel
import Testing

@testable import GatewayControl

@Suite("Servers of tools are read strictly")
struct ToolInputTests {
    private static func server(_ spec: String) -> String {
        "apiVersion: sluice.dev/v1alpha1\nkind: MCPServer\nmetadata: {name: demo}\nspec: {\(spec)}\n"
    }

    @Test(arguments: [
        ("stdio: {command: [x]}, protocol: stateless", "protocol stateless of a process for each session"),
        ("stdio: {command: [x]}, protocol: sse", "protocol sse of what is not reached by http"),
        ("stdio: {command: [x]}, http: {url: \"http://a.example/mcp\"}", "stdio beside http"),
        ("http: {url: \"http://a.example/mcp\"}, prefix: a__b", "prefix"),
        ("http: {url: \"http://a.example/mcp\"}, prefix: \"caf\u{E9}\"", "prefix"),
    ])
    func `what cannot be meant is refused`(_ spec: String, _ message: String) {
        let found = load(Self.server(spec)).diagnostics
        #expect(found.contains { $0.severity == .error && "\($0)".contains(message) }, "\(found)")
    }

    @Test(arguments: [
        "stdio: {command: [x]}", "stdio: {command: [x], scope: server}, protocol: stateless",
        "http: {url: \"http://a.example/sse\"}, protocol: sse",
    ])
    func `what can be is taken`(_ spec: String) {
        #expect(!load(Self.server(spec)).diagnostics.contains { $0.severity == .error })
    }
}
