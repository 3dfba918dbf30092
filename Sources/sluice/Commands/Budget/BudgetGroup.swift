import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice budget`.
struct BudgetGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget", abstract: "What budgets have left, and starting them anew.",
        subcommands: [BudgetList.self, BudgetShow.self, BudgetReset.self])
}

/// Which budgets are meant.
struct BudgetSelection: ParsableArguments {
    @Option(help: "What it counts by: key, user, team, tenant, agent, run, model or everyone.")
    var scope: String?

    @Option(help: "The tenant of the user, team, agent or run.")
    var tenant: String?

    @Option(help: "The user, team, key …, by name.")
    var value: String?

    func query(policy: String?) -> [(String, String)] {
        [("policy", policy), ("scope", scope), ("tenant", tenant), ("value", value)]
            .compactMap { name, value in value.map { (name, $0) } }
    }
}

/// `sluice budget list`.
struct BudgetList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List budgets that are in use, the fullest first.",
        discussion: "A budget that nobody has drawn on in its window is not listed: all of it is left.")

    @Option(help: "The policy: NAMESPACE/NAME, or key for the keys' own.")
    var policy: String?

    @OptionGroup var selection: BudgetSelection
    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await BudgetOutput.show(selection.query(policy: policy), state, output)
    }
}

/// `sluice budget show`.
struct BudgetShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one policy's budgets.")

    @Argument(help: "The policy: NAMESPACE/NAME, or key for the keys' own.")
    var policy: String

    @OptionGroup var selection: BudgetSelection
    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await BudgetOutput.show(selection.query(policy: policy), state, output)
    }
}

/// `sluice budget reset`.
struct BudgetReset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Forget what a policy's budgets have spent and owe.",
        discussion: "Calls under way stay reserved, and usage rows stay as they are. Needs --yes.")

    @Argument(help: "The policy: NAMESPACE/NAME, or key for the keys' own.")
    var policy: String

    @OptionGroup var selection: BudgetSelection

    @Flag(help: "Yes, really.")
    var yes = false

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard yes else {
            throw GatewayError(
                .usage, "nothing was reset", hint: "add --yes; 'sluice budget show' says what it would be")
        }
        let node = try await state.stateClient.send(
            "POST", "/v1/budgets/reset", query: selection.query(policy: policy))
        output.show(node)
    }
}

/// Budgets as rows.
enum BudgetOutput {
    static func show(_ query: [(String, String)], _ state: StateOptions, _ output: OutputOptions) async throws {
        let node = try await state.stateClient.get("/v1/budgets", query: query)
        output.show(node) {
            let items = node["items"]?.elements ?? []
            return items.isEmpty ? "no budgets in use\n" : NodeTable.rows(items)
        }
    }
}
