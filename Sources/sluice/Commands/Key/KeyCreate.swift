import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice key create`.
struct KeyCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a key, and show its secret once.",
        discussion: """
            The key works at once. The gateway keeps its SHA-256 only: a lost secret is replaced with 'sluice key \
            rotate'. Without a running gateway the key is written into the state folder.
            """)

    @Option(help: "Who calls with it.")
    var user: String?

    @Option(help: "The tenant.")
    var tenant: String?

    @Option(help: "The team.")
    var team: String?

    @Option(help: "The agent.")
    var agent: String?

    @Option(help: "The piece of work it is for.")
    var run: String?

    @Option(help: "A group of the caller; may be repeated.")
    var group: [String] = []

    @Option(help: "A model it may use, such as fast or gpt-5-*; may be repeated. All that policies allow by default.")
    var model: [String] = []

    @Option(help: "A limit of its own, such as 5usd/1d, 100000tokens/1m or 8concurrent; may be repeated.")
    var budget: [String] = []

    @Option(help: "Until when it is good: 2027-01-31T00:00:00Z, or a length such as 90d.")
    var expires: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var pairs: [(String, ConfigNode)] = []
        let texts = [
            ("user", user), ("tenant", tenant), ("team", team), ("agent", agent), ("run", run), ("expires", expires),
        ]
        for (name, value) in texts { if let value { pairs.append((name, .text(value))) } }
        for (name, values) in [("groups", group), ("models", model), ("budgets", budget)] where !values.isEmpty {
            pairs.append((name, .list(values.map { .text($0) })))
        }
        let made = try await state.stateClient.send("POST", "/v1/keys", json: .object(pairs))
        KeySecretOutput.show(made, output)
    }
}

/// `sluice key rotate`.
struct KeyRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Give a key another secret, and show it once.")

    @Argument(help: "The key's id.")
    var id: String

    @Option(help: "How long the secret before stays good, such as 1h; not at all by default.")
    var grace: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = "/v1/keys/\(PercentText.encoded(id))/rotate"
        let made = try await state.stateClient.send("POST", path, query: grace.map { [("grace", $0)] } ?? [])
        KeySecretOutput.show(made, output)
    }
}

/// The one time a secret is seen.
enum KeySecretOutput {
    static func show(_ made: ConfigNode, _ output: OutputOptions) {
        output.show(made) { NodeTable.text(made) }
        if output.output == .table { Terminal.error("keep the key: it is not shown again") }
    }
}
