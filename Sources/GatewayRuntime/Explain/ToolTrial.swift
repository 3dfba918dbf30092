package import GatewayControl
import GatewayMCP
package import GatewayModel
import GatewayPolicy
import GatewayState
package import GatewayWire

/// Asks the policies of a configuration about a call of a tool that nobody makes.
package struct ToolTrial: Sendable {
    /// A call, as far as policies look at it.
    package struct Question: Sendable {
        package var principal: Principal
        package var server: String
        package var tool: String
        package var arguments: JSONObject
        package var nowSeconds: Int
        /// What the state knows of the tool: the answer of `GET /v1/tools/{server}/{tool}`.
        package var known: ConfigNode?

        package init(
            principal: Principal, server: String, tool: String, arguments: JSONObject, nowSeconds: Int,
            known: ConfigNode? = nil
        ) {
            self.known = known
            self.principal = principal
            self.server = server
            self.tool = tool
            self.arguments = arguments
            self.nowSeconds = nowSeconds
        }
    }

    /// What may still refuse the call, by its condition's name where it can be one: it depends on what the server
    /// lists, or on the moment.
    private static let notAsked: [(condition: String?, text: String)] = [
        ("pin", "pins"), ("schema", "the tool's schema"), (nil, "limits and budgets"),
        (nil, "whether the server answers"),
    ]

    private let access: ToolAccessTable
    private let governance: ToolGovernance
    /// Those that have tools of their own, by the names that callers see.
    package let servers: [String]
    private let prefixes: [String: (text: String, mode: MCPPrefixMode)]

    package init(_ objects: ObjectSet) throws(GatewayError) {
        let index = ObjectIndex(objects.objects)
        access = ToolAccessTable(index.toolPolicies.flatMap { ToolRule.rules($0.metadata.qualifiedName, $0.spec) })
        governance = try ToolGovernance(index.toolGovernance.map(\.spec))
        let own = index.mcpServers.filter { $0.spec.virtual == nil }
        servers = own.map(\.metadata.shownName)
        prefixes = Dictionary(
            own.map { server in
                let name = server.metadata.shownName
                return (name, (CompiledServer.prefix(server.spec, name), server.spec.prefixMode))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The server and its tool of `demo.echo`, `demo/echo` or `demo__echo`; the longest name of a server counts.
    package func parts(of text: String) throws(GatewayError) -> (server: String, tool: String) {
        for server in servers.sorted(by: { $0.count > $1.count }) {
            for separator in [".", "/", "__"] where text.hasPrefix(server + separator) {
                return (server, String(text.dropFirst(server.count + separator.count)))
            }
        }
        throw GatewayError(
            .notFound, "no server of tools has \"\(text)\"",
            hint: servers.isEmpty
                ? "there is no MCPServer" : "write SERVER.TOOL; there is: \(servers.joined(separator: ", "))")
    }

    /// What is decided, what each rule said, and what the call has to meet beside them. Which tools a server has only
    /// it can say: a call of one that it has not is decided all the same.
    package func explain(_ question: Question) -> ConfigNode {
        var asked = ToolAccessTable.Request(
            server: question.server, item: .tool, name: question.tool, arguments: CELMap(question.arguments),
            now: CELTimestamp(seconds: Int64(question.nowSeconds)))
        asked.risk = governance.risk(server: question.server, tool: question.tool)
        let verdict = access.decide(question.principal, asked)
        let conditions = conditions(question)
        // What no rule lets through nothing else can help.
        let refusal = verdict.decision == .deny ? nil : conditions.first { $0.refusal != nil }?.refusal
        let words: [Verdict.Decision: String] = [.allow: "allowed", .ask: "ask", .deny: "denied"]
        var fields: [(String, ConfigNode)] = [
            ("decision", .text(refusal == nil ? words[verdict.decision] ?? "" : "denied")),
            ("server", .text(question.server)), ("tool", .text(question.tool)),
        ]
        if let risk = asked.risk { fields.append(("risk", .text(risk.rawValue))) }
        if !verdict.rule.isEmpty { fields.append(("rule", .text(verdict.rule))) }
        let reason = refusal?.message ?? verdict.reason
        if !reason.isEmpty { fields.append(("reason", .text(reason))) }
        if let code = refusal?.code ?? verdict.code { fields.append(("code", .text(code.rawValue))) }
        if let refusal {
            if let hint = refusal.hint { fields.append(("next", .text(hint))) }
        } else if verdict.decision != .allow {
            fields.append(("next", .text(access.nextStep(question.principal, asked, verdict))))
            // What is not listed is answered as if it did not exist.
            fields.append(("listed", .flag(access.lists(question.principal, asked))))
        }
        let rows = access.trials(question.principal, asked).map { trial in
            ConfigNode.object([
                ("rule", .text(trial.rule)), ("verdict", .text(trial.verdict.rawValue)), ("holds", .flag(trial.holds)),
                ("why", .text(trial.why)),
            ])
        }
        fields.append(("tried", .list(rows)))
        fields.append(("conditions", .list(conditions.map(Self.row))))
        let told = Set(conditions.map(\.name))
        let notAsked = Self.notAsked.filter { each in each.condition.map { !told.contains($0) } ?? true }
        fields.append(("notAsked", .list(notAsked.map { .text($0.text) })))
        return .object(fields)
    }

    private static func row(_ condition: ToolCondition) -> ConfigNode {
        .object([
            ("condition", .text(condition.name)), ("holds", .flag(condition.refusal == nil)),
            ("why", .text(condition.why)),
        ])
    }

    // MARK: What the call has to meet beside rules

    private func conditions(_ question: Question) -> [ToolCondition] {
        let call = ToolGovernance.Call(
            server: question.server, tool: question.tool, arguments: .object(question.arguments),
            scopes: question.principal.scopes, known: question.known.flatMap(Self.known))
        return [reach(question)] + governance.conditions(call)
    }

    /// What the credential lists it may call: as the grant of a run's token does.
    private func reach(_ question: Question) -> ToolCondition {
        let name = "credential"
        guard let grant = question.principal.grant, !grant.tools.isEmpty else {
            return ToolCondition(name: name, why: "it lists no tools of its own")
        }
        let prefix = prefixes[question.server] ?? (question.server, .always)
        let isAllowed = grant.allows(
            tool: question.tool, prefix: prefix.text, mode: prefix.mode, prefixes: prefixes.values.map(\.text))
        if isAllowed { return ToolCondition(name: name, why: "the tools that it lists let it through") }
        let list = grant.tools.map(\.description).joined(separator: ", ")
        return ToolCondition(
            name: name,
            refusal: GatewayError(
                .unknownTool, "the credential may call only what it lists: \(list)",
                hint: "get a token with the tool, by the name that /mcp has for it"),
            why: "it lists \(list)")
    }

    private static func known(_ node: ConfigNode) -> ToolGovernance.Known? {
        guard let text = node["seenDefinition"]?.string, let definition = try? JSONTree.parse(Array(text.utf8)),
            let state = node["state"]?.string.flatMap({ ToolPin.State(rawValue: $0) })
        else { return nil }
        return ToolGovernance.Known(
            definition: definition, state: state, approvedBy: node["approvedBy"]?.string,
            suspicion: node["suspicion"]?.string)
    }
}
