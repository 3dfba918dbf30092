import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice usage`.
struct UsageShow: AsyncParsableCommand {
    /// `-o`, with one form more than other commands have.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table, json, yaml, csv
    }

    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what model calls used and cost, exactly.",
        discussion: """
            Fields are tenant, team, user, agent, run, key, groups, route, model, provider, providerModel, operation, \
            status, outcome, priceVersion, and for --by also day and hour. Times are 2026-11-25T00:00:00Z, \
            2026-11-25, or a length such as 24h: so long ago.
            """)

    @Option(help: "Fields to group by, with commas between, such as user,model; one sum by default.")
    var by: String?

    @Option(help: "From this time on.")
    var since: String?

    @Option(help: "Before this time.")
    var until: String?

    @Option(name: .customLong("where"), help: "Only calls with FIELD=VALUE; may be repeated.")
    var conditions: [String] = []

    @Flag(help: "List single calls, the newest first, instead of sums.")
    var calls = false

    @Option(help: "Rows at most.")
    var limit: Int?

    @OptionGroup var state: StateOptions

    @Option(name: .shortAndLong, help: "How to show the result: table, json, yaml or csv.")
    var output = Format.table

    func run() async throws {
        var query: [(String, String)] = []
        for (name, value) in [("by", by), ("since", since), ("until", until), ("limit", limit.map(String.init))] {
            if let value { query.append((name, value)) }
        }
        if calls, by != nil { throw GatewayError(.usage, "--by with --calls", hint: "leave one of them out") }
        for condition in conditions {
            let parts = condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw GatewayError(.usage, "not FIELD=VALUE: \(condition)") }
            query.append((String(parts[0]), String(parts[1])))
        }
        let path = calls ? "/v1/usage/calls" : "/v1/usage"
        if output == .csv {
            return Terminal.write(try await state.stateClient.text(path, query: query + [("format", "csv")]))
        }
        let node = try await state.stateClient.get(path, query: query)
        switch output {
        case .json: Terminal.out(JSONPrinter.print(node, pretty: true))
        case .yaml: Terminal.out(YAMLPrinter.print(node))
        case .table, .csv:
            let items = node["items"]?.elements ?? []
            Terminal.out(items.isEmpty ? "no usage" : NodeTable.rows(items))
        }
    }
}
