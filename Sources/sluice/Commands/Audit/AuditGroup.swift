import ArgumentParser
import GatewayModel

/// `sluice audit`.
struct AuditGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who did what, and the proof of it.",
        discussion: """
            Asks a running gateway, or its state folder when none runs. Reading the log is itself recorded in it; \
            'verify' reads no record's content aloud, and works on a copy or an export anywhere.
            """,
        subcommands: [
            AuditSearch.self, AuditTail.self, AuditShow.self, AuditExport.self, AuditProve.self, AuditVerify.self,
            AuditStatus.self,
        ])
}

/// Which records are meant; everything that is said must hold.
struct AuditSelection: ParsableArguments {
    @Option(help: "From this time on: 2026-11-25T00:00:00Z, 2026-11-25, or so long ago, such as 24h.")
    var since: String?

    @Option(help: "Before this time.")
    var until: String?

    @Option(help: "The tenant.")
    var tenant: String?

    @Option(help: "The user on whose behalf it was done.")
    var user: String?

    @Option(help: "The agent that did it.")
    var agent: String?

    @Option(help: "The run it belongs to.")
    var run: String?

    @Option(help: "The model, as the catalogue or the caller calls it.")
    var model: String?

    @Option(help: "The tool, agent or object it was done to: demo/echo, demo.echo, demo__echo or echo.")
    var tool: String?

    @Option(help: "Where it went: a host or an address.")
    var destination: String?

    @Option(help: "What policy said: allowed, denied or asked.")
    var verdict: String?

    @Option(
        name: .customLong("where"),
        help: ArgumentHelp(
            "Only records with FIELD=VALUE, * for any text; may be repeated.", valueName: "FIELD=VALUE"))
    var conditions: [String] = []

    func query() throws -> [(String, String)] {
        let named = [
            ("since", since), ("until", until), ("tenant", tenant), ("user", user), ("agent", agent), ("run", run),
            ("model", model), ("tool", tool), ("destination", destination), ("verdict", verdict),
        ]
        var query = named.compactMap { name, value in value.map { (name, $0) } }
        for condition in conditions {
            let parts = condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw GatewayError(.usage, "not FIELD=VALUE: \(condition)") }
            query.append((String(parts[0]), String(parts[1])))
        }
        return query
    }
}
