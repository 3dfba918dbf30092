package import GatewayControl
import GatewayMCP
package import GatewayModel
import GatewayPolicy
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

        package init(
            principal: Principal, server: String, tool: String, arguments: JSONObject, nowSeconds: Int
        ) {
            self.principal = principal
            self.server = server
            self.tool = tool
            self.arguments = arguments
            self.nowSeconds = nowSeconds
        }
    }

    /// What may still refuse a call that rules let through: it depends on the credential, the server or the moment.
    static let notAsked = ["the credential's own tools and scopes", "pins", "the tool's schema", "limits and budgets"]

    private let access: ToolAccessTable
    private let governance: ToolGovernance
    /// Those that have tools of their own, by the names that callers see.
    package let servers: [String]

    package init(_ objects: ObjectSet) throws(GatewayError) {
        let index = ObjectIndex(objects.objects)
        access = ToolAccessTable(index.toolPolicies.flatMap { ToolRule.rules($0.metadata.qualifiedName, $0.spec) })
        governance = try ToolGovernance(index.toolGovernance.map(\.spec))
        servers = index.mcpServers.filter { $0.spec.virtual == nil }.map(\.metadata.shownName)
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

    /// What is decided, and what each rule said. Which tools a server has only it can say: a call of one that it has
    /// not is decided all the same.
    package func explain(_ question: Question) -> ConfigNode {
        var asked = ToolAccessTable.Request(
            server: question.server, item: .tool, name: question.tool, arguments: CELMap(question.arguments),
            now: CELTimestamp(seconds: Int64(question.nowSeconds)))
        asked.risk = governance.risk(server: question.server, tool: question.tool)
        let verdict = access.decide(question.principal, asked)
        let words: [Verdict.Decision: String] = [.allow: "allowed", .ask: "ask", .deny: "denied"]
        var fields: [(String, ConfigNode)] = [
            ("decision", .text(words[verdict.decision] ?? "")), ("server", .text(question.server)),
            ("tool", .text(question.tool)),
        ]
        if let risk = asked.risk { fields.append(("risk", .text(risk.rawValue))) }
        if !verdict.rule.isEmpty { fields.append(("rule", .text(verdict.rule))) }
        if !verdict.reason.isEmpty { fields.append(("reason", .text(verdict.reason))) }
        if let code = verdict.code { fields.append(("code", .text(code.rawValue))) }
        if verdict.decision != .allow {
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
        fields.append(("notAsked", .list(ToolTrial.notAsked.map { .text($0) })))
        return .object(fields)
    }
}
