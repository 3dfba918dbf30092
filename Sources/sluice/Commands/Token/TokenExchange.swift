import ArgumentParser
import GatewayIdentity
import GatewayModel
import GatewayWorkbench

/// `sluice token exchange`.
struct TokenExchange: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exchange", abstract: "Make a narrower token, or one that acts for a user (RFC 8693).",
        discussion: """
            The subject's token says whose authority it is; --actor who acts for it. What comes out never may more, \
            never lives longer, and names everyone who took part. Only the token is printed.
            """)

    @OptionGroup var caller: GatewayCaller

    @Option(help: "The token of the agent that is to act for the subject.")
    var actor: String?

    @Option(help: "The agent's API key in place of --actor, as ID:SECRET.")
    var client: String?

    @Option(help: "Scopes, with commas between; all of the subject's by default.")
    var scopes: String?

    @Option(help: "Models, with commas between; all of the subject's by default.")
    var models: String?

    @Option(help: "Tools, with commas between; all of the subject's by default.")
    var tools: String?

    @Option(help: "Whom the token is for; the gateway by default.")
    var audience: String?

    @Option(help: "How long it is to be good, in seconds.")
    var seconds: Int?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let type = "urn:ietf:params:oauth:token-type:access_token"
        var form = [
            ("grant_type", TokenService.GrantType.exchange.rawValue), ("subject_token", try caller.credential()),
            ("subject_token_type", type),
        ]
        if let actor { form += [("actor_token", try TokenText.read(actor)), ("actor_token_type", type)] }
        for (name, list) in [("scope", scopes), ("models", models), ("tools", tools)] {
            if let list { form.append((name, list.replacing(",", with: " "))) }
        }
        if let audience { form.append(("audience", audience)) }
        if let seconds { form.append(("requested_expires_in", String(seconds))) }
        try await caller.findTokenService()
        let headers = client.map { [Header("authorization", "Basic " + Base64Text.encode(Array($0.utf8)))] } ?? []
        let answer = try await caller.send("POST", "/oauth/token", headers: headers, form: form)
        guard answer.status == 200, let token = answer.node["access_token"]?.string else {
            throw GatewayError(
                .denied, answer.node["error_description"]?.string ?? "the gateway answered \(answer.status)",
                hint: answer.node["error"]?.string)
        }
        output.show(answer.node) { token + "\n" }
    }
}
