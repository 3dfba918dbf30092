import GatewayControl
import GatewayModel
import GatewayRuntime
import GatewayWire
import Testing

@Suite("a question about a call asks what configuration and state can tell")
struct ToolTrialTests {
    private static let configuration = """
        {apiVersion: sluice.dev/v1alpha1, kind: MCPServer, metadata: {name: demo},
         spec: {http: {url: "http://127.0.0.1:1/mcp"}}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: MCPServer, metadata: {name: plain},
         spec: {http: {url: "http://127.0.0.1:2/mcp"}, prefixMode: never}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: all}
        spec:
          subjects: [{user: alice}]
          rules: [{server: demo, tools: [echo, add, pinned]}, {server: plain, tools: [echo]}]
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: MCPToolPolicy, metadata: {name: scoped},
         spec: {servers: [demo], tools: [add], scopes: [tools:add, tools:all]}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: MCPToolPolicy, metadata: {name: pins},
         spec: {servers: [demo], tools: [pinned], pin: approved}}
        """

    private static let definition = """
        {"name":"echo","inputSchema":{"type":"object","required":["text"],"properties":{"text":{"type":"string"}}}}
        """

    private static func known(_ state: String, by: String = "operator", suspicion: String? = nil) -> ConfigNode {
        var fields: [(String, ConfigNode)] = [
            ("state", .text(state)), ("approvedBy", .text(by)), ("seenDefinition", .text(definition)),
        ]
        if let suspicion { fields.append(("suspicion", .text(suspicion))) }
        return .object(fields)
    }

    private static func answer(
        _ tool: String, at server: String = "demo", _ arguments: JSONObject = ["text": "a"], tools: [String] = [],
        scopes: [String] = [], known: ConfigNode? = nil
    ) throws -> ConfigNode {
        let load = ConfigurationLoad(
            texts: [ConfigurationLoad.Text(bytes: Array(configuration.utf8), file: "tools.yaml")])
        #expect(load.isUsable, "\(load.diagnostics)")
        var caller = Principal(proof: .token, user: "alice")
        if !scopes.isEmpty { caller.detail = PrincipalDetail(scopes: scopes) }
        if !tools.isEmpty { caller.grant = KeyGrant(tools: tools.map { NamePattern($0) }) }
        return try ToolTrial(load.set).explain(
            ToolTrial.Question(
                principal: caller, server: server, tool: tool, arguments: arguments, nowSeconds: 0, known: known))
    }

    private static func notAsked(_ answer: ConfigNode) -> [String] {
        answer["notAsked"]?.elements?.compactMap(\.string) ?? []
    }

    @Test func `a scope that is lacking denies what a rule lets through`() throws {
        let denied = try Self.answer("add", scopes: ["tools:add"])
        #expect(denied["decision"]?.string == "denied")
        #expect(denied["code"]?.string == ErrorCode.forbidden.rawValue)
        #expect(denied["reason"]?.string?.contains("tools:all") == true)
        #expect(try Self.answer("add", scopes: ["tools:all", "tools:add"])["decision"]?.string == "allowed")
    }

    @Test(
        "a credential that lists tools calls no others",
        arguments: [
            ("demo", "demo__*", true), ("demo", "echo", false), ("demo", "plain__echo", false), ("plain", "echo", true),
        ])
    func reach(_ server: String, _ pattern: String, _ isAllowed: Bool) throws {
        let answer = try Self.answer("echo", at: server, tools: [pattern])
        #expect(answer["decision"]?.string == (isAllowed ? "allowed" : "denied"))
    }

    @Test func `a pin and a schema are asked once the tool is known`() throws {
        let unknown = try Self.answer("echo")
        #expect(unknown["decision"]?.string == "allowed")
        #expect(Self.notAsked(unknown).contains("pins") && Self.notAsked(unknown).contains("the tool's schema"))
        let fits = try Self.answer("echo", known: Self.known("approved"))
        #expect(fits["decision"]?.string == "allowed")
        #expect(Self.notAsked(fits) == ["limits and budgets", "whether the server answers"])
        let number = try Self.answer("echo", ["text": 123], known: Self.known("approved"))
        #expect(number["decision"]?.string == "denied")
        #expect(number["reason"]?.string?.contains("do not fit the tool's schema: argument /text") == true)
        let suspicious = try Self.answer("echo", known: Self.known("new", suspicion: "hides text"))
        #expect(suspicious["code"]?.string == ErrorCode.toolChanged.rawValue)
    }

    @Test func `what only a person approves is denied until one has`() throws {
        #expect(try Self.answer("pinned")["code"]?.string == ErrorCode.toolChanged.rawValue)
        let first = try Self.answer("pinned", known: Self.known("approved", by: "first use"))
        #expect(first["decision"]?.string == "denied")
        #expect(try Self.answer("pinned", known: Self.known("changed"))["decision"]?.string == "denied")
        #expect(try Self.answer("pinned", known: Self.known("approved"))["decision"]?.string == "allowed")
    }
}
