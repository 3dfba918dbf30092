import ArgumentParser
import Foundation
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayWorkbench

/// Where a gateway listens, and what is shown to it.
struct GatewayCaller: ParsableArguments {
    @Option(help: "The gateway's URL; SLUICE_URL or http://127.0.0.1:8080 by default.")
    var url: String?

    @Option(help: "The token or API key to show, - for standard input; SLUICE_TOKEN or that of 'sluice login'.")
    var token: String?

    var base: String { url ?? ProcessInfo.processInfo.environment["SLUICE_URL"] ?? "http://127.0.0.1:8080" }

    func credential() throws(GatewayError) -> String {
        if let token { return try TokenText.read(token) }
        if let text = ProcessInfo.processInfo.environment["SLUICE_TOKEN"], !text.isEmpty { return text }
        if let kept = try LoginFile.standard.token(nowSeconds: Int(Date().timeIntervalSince1970)) { return kept }
        throw GatewayError(
            .usage, "no credential was given", hint: "say --token, set SLUICE_TOKEN, or run 'sluice login' first")
    }

    /// An answer in JSON, whatever its status.
    func send(
        _ method: String, _ path: String, headers: [Header] = [], form: [(String, String)]? = nil
    ) async throws -> (status: Int, node: ConfigNode) {
        let body = form.map { fields in
            fields.map { "\(FormText.encode($0.0))=\(FormText.encode($0.1))" }.joined(separator: "&")
        }
        let kind = form == nil ? [] : [Header("content-type", "application/x-www-form-urlencoded")]
        do {
            let answer = try await WorkbenchClient(version: .http1).call(
                method, OutboundURL.join(base, path), headers: headers + kind, body: body.map { .text($0) } ?? .none,
                timeoutMilliseconds: 30_000)
            return (answer.status, try AdminClient.node(answer.body))
        } catch let error as CallError {
            throw GatewayError(
                .unreachable, "no gateway answers at \(base): \(error)", hint: "say where it is by --url or SLUICE_URL")
        }
    }
}

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

/// `sluice whoami`.
struct WhoAmI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Show who the gateway takes the holder of a credential for, and why.",
        discussion: "Who, for whom, with which scopes and budget, until when, and what each name stands on.")

    @OptionGroup var caller: GatewayCaller
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let answer = try await caller.send(
            "GET", "/oauth/whoami", headers: [Header("authorization", "Bearer \(try caller.credential())")])
        guard answer.status == 200 else {
            throw GatewayError(
                .denied, answer.node["detail"]?.string ?? "the gateway answered \(answer.status)",
                hint: answer.node["hint"]?.string)
        }
        output.show(answer.node) { NodeTable.text(answer.node) }
    }
}
