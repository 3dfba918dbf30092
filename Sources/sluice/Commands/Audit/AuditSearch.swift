import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice audit search`.
struct AuditSearch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Find records, the newest first.",
        discussion: """
            Fields of --where are tenant, team, user, agent, instance, session, run, sandbox, group, key, issuer, \
            actor, grant, model, provider, tool, destination, credential, verdict, rule, policy, traffic, operation, \
            state, code, request, source, path and proof.
            """)

    @OptionGroup var selection: AuditSelection

    @Option(help: "Records at most.")
    var limit = 100

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let query = try selection.query() + [("limit", String(limit))]
        let node = try await AuditClient(folder: state.folder).node("/v1/audit", query: query)
        output.show(node) {
            let items = node["items"]?.elements ?? []
            return items.isEmpty ? "no records\n" : NodeTable.rows(items.map(AuditLine.summary))
        }
    }
}

/// `sluice audit show`.
struct AuditShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one record, or all of one request, as they are kept.")

    @Argument(help: "The number of a record, or the id of a request.")
    var name: String

    @OptionGroup var state: StateOptions

    func run() async throws {
        let client = AuditClient(folder: state.folder)
        if let index = Int(name) {
            return Terminal.out(JSONPrinter.print(try await client.node("/v1/audit/\(index)"), pretty: true))
        }
        let node = try await client.node("/v1/audit", query: [("request", name)])
        let items = node["items"]?.elements ?? []
        guard !items.isEmpty else {
            throw GatewayError(.notFound, "no record of request \(name)", hint: "'sluice audit search' lists records")
        }
        for item in items.reversed() { Terminal.out(JSONPrinter.print(item, pretty: true)) }
    }
}

/// Records as lines for people.
enum AuditLine {
    static func summary(_ item: ConfigNode) -> ConfigNode {
        let record = item["record"] ?? .object([])
        let unmapped = record["unmapped"] ?? .object([])
        let target: ConfigNode? =
            record["ai_model"]?["name"] ?? record["resources"]?.elements?.first?["name"]
            ?? record["dst_endpoint"]?["domain"]
        let fields: [(String, ConfigNode?)] = [
            ("n", item["index"]),
            ("time", .text(time(record["time"]))),
            ("traffic", unmapped["traffic"]),
            ("user", record["actor"]?["user"]?["uid"]),
            ("agent", record["ai_agent"]?["uid"]),
            ("run", unmapped["run"]),
            ("operation", record["api"]?["operation"]),
            ("target", target),
            ("verdict", unmapped["decision"]?["verdict"]),
            ("effect", unmapped["effect"]?["state"]),
            ("tokens", record["message_context"]?["total_tokens"]),
            ("usd", unmapped["cost_usd"]),
            ("code", record["status_code"]),
        ]
        return .object(fields.map { name, value in (name, value ?? .text("")) })
    }

    static func text(_ line: String) -> String {
        guard let node = try? AdminClient.node(Array(line.utf8)) else { return line }
        return (summary(node).fields ?? []).map { NodeTable.cell($0.value) }.filter { !$0.isEmpty }
            .joined(separator: " ")
    }

    private static func time(_ node: ConfigNode?) -> String {
        guard case .number(let text)? = node?.value, let milliseconds = Int(text) else { return "" }
        return TimeText.text(milliseconds: milliseconds)
    }
}
