import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice token`.
struct TokenGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Short-lived tokens of the gateway.",
        subcommands: [TokenMint.self, TokenInspect.self, TokenExchange.self, TokenRevoke.self, TokenRevoked.self])
}

/// What a token is to say.
struct TokenContent: ParsableArguments {
    @Option(help: "Who it is for.")
    var user: String?

    @Option(help: "The agent that shows it.")
    var agent: String?

    @Option(help: "The tenant.")
    var tenant: String?

    @Option(help: "The team.")
    var team: String?

    @Option(help: "A name for the piece of work; made up by default.")
    var run: String?

    @Option(help: "The sandbox that it works in.")
    var sandbox: String?

    @Option(help: "Groups, with commas between or repeated.")
    var groups: [String] = []

    @Option(help: "Scopes, with commas between or repeated.")
    var scopes: [String] = []

    @Option(help: "Models it may use, such as fast or gpt-5-*; all that policies allow by default.")
    var models: [String] = []

    @Option(help: "Tools it may call, such as git_*; all that policies allow by default.")
    var tools: [String] = []

    @Option(help: "What it and all tokens made from it may cost together, such as 2usd or 100000tokens/1h.")
    var budget: [String] = []

    @Option(help: "How long it is good, at most 24h.")
    var ttl = "15m"

    var node: ConfigNode {
        var pairs: [(String, ConfigNode)] = [("ttl", .text(ttl))]
        let texts = [
            ("user", user), ("agent", agent), ("tenant", tenant), ("team", team), ("run", run), ("sandbox", sandbox),
        ]
        for (name, value) in texts { if let value { pairs.append((name, .text(value))) } }
        let lists = [
            ("groups", groups), ("scopes", scopes), ("models", models), ("tools", tools), ("budgets", budget),
        ]
        for (name, values) in lists {
            let words = values.flatMap { $0.split(separator: ",").map(String.init) }
            if !words.isEmpty { pairs.append((name, .list(words.map { .text($0) }))) }
        }
        return .object(pairs)
    }
}

/// `sluice token mint`.
struct TokenMint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mint", abstract: "Make a token, and show it once.",
        discussion: "A running gateway signs it; whoever may use its admin API may make any.")

    @OptionGroup var content: TokenContent
    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let made = try await state.client.post("/v1/tokens", json: content.node).node
        output.show(made) { NodeTable.text(made) }
        if output.output == .table { Terminal.error("keep the token: it is not shown again") }
    }
}

/// `sluice run-token`.
struct RunToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-token", abstract: "Make one token for a piece of work: who, what, and for how much.",
        discussion: """
            The token carries identity, scope and a budget of the ledger. Tokens made from it by 'sluice token \
            exchange' draw on the same budget and never may more. Only the token is printed, so that it fits into a \
            variable: export OPENAI_API_KEY=$(sluice run-token --agent builder --user ann --budget 2usd).
            """)

    @OptionGroup var content: TokenContent
    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let made = try await state.client.post("/v1/tokens", json: content.node).node
        output.show(made) { (made["token"]?.string ?? "") + "\n" }
        if output.output == .table, let run = made["run"]?.string {
            Terminal.error("run \(run); 'sluice token revoke --run \(run)' ends it")
        }
    }
}
