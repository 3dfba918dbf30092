import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice token revoke`.
struct TokenRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Let a token, run, agent, user, grant or session be believed no more.",
        discussion: """
            Counts at once, for streams and tunnels that are open too. A token ends with everything made from it; of \
            the others everything that was issued until now ends, and new tokens are good again.
            """)

    @Argument(help: "The token's id (jti).")
    var id: String?

    @Option(help: "Everything of a run.")
    var run: String?

    @Option(help: "Everything of an agent, also where it only acts for others.")
    var agent: String?

    @Option(help: "Everything of a user.")
    var user: String?

    @Option(help: "Everything that goes back to a grant.")
    var grant: String?

    @Option(help: "Everything of a session (sid).")
    var session: String?

    @Option(help: "Only in this tenant.")
    var tenant: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let all = [
            ("token", id), ("run", run), ("agent", agent), ("user", user), ("grant", grant), ("session", session),
        ]
        let given = all.filter { $0.1 != nil }
        guard given.count == 1, let (kind, value) = given.first, let value else {
            throw GatewayError(.usage, "say one thing to revoke", hint: "such as --run run_k3v9, or a token's id")
        }
        var pairs: [(String, ConfigNode)] = [("kind", .text(kind)), ("value", .text(value))]
        if let tenant { pairs.append(("tenant", .text(tenant))) }
        output.show(try await state.client.post("/v1/revocations", json: .object(pairs)).node)
    }
}

/// `sluice token revoked`.
struct TokenRevoked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoked", abstract: "List what is believed no more.")

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws { output.show(try await state.client.get("/v1/revocations").node) }
}
