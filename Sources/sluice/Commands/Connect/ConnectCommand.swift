import ArgumentParser
import Foundation
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayWire
import GatewayWorkbench

/// `sluice connect`.
struct ConnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect", abstract: "Let the gateway use a protected server of tools for you.",
        discussion: """
            Prints a URL to open in a browser, and waits on a loopback port for it to come back; with --code for the \
            code that the last page shows, where the browser runs on another machine. The gateway keeps the tokens \
            sealed, and uses them for your calls alone. --list shows what there is to connect to, --remove ends a \
            connection.
            """)

    @Argument(help: "The MCPServer.")
    var server: String?

    @Flag(help: "Show the servers that can be connected to, and how that stands.")
    var list = false

    @Flag(help: "End the connection; its authorization server is told where it can be.")
    var remove = false

    @Flag(help: "Ask for the code that the browser shows in the end.")
    var code = false

    @Option(help: "How many seconds to wait for the browser.")
    var wait = 300

    @OptionGroup var caller: GatewayCaller
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard list != (server != nil) else { throw ValidationError("name a server, or say --list") }
        guard !(remove && list) else { throw ValidationError("--remove needs a server") }
    }

    func run() async throws {
        let header = try Header("authorization", "Bearer \(caller.credential())")
        try await caller.findTokenService()
        if let server {
            // A name is one or two words of a path: NAME, or NAMESPACE/NAME.
            let words = server.split(separator: "/").map { FormText.encode(String($0)) }
            let path = "/oauth/connections/" + words.joined(separator: "/")
            let node = remove ? try await ask("DELETE", path, header) : try await connect(path, header)
            return output.show(node) { "\(server): \(node["state"]?.string ?? "")\n" }
        }
        let node = try await ask("GET", "/oauth/connections", header)
        output.show(node) {
            var table = TextTable(["SERVER", "STATE", "ISSUER", "SCOPES"])
            for item in node["items"]?.elements ?? [] {
                table.add([
                    item["server"]?.string ?? "", item["state"]?.string ?? "", item["issuer"]?.string ?? "",
                    (item["scopes"]?.elements ?? []).compactMap(\.string).joined(separator: " "),
                ])
            }
            return table.text
        }
    }

    // MARK: Connecting

    private func connect(_ path: String, _ header: Header) async throws -> ConfigNode {
        let loopback = code ? nil : try await CallbackServer.start()
        defer { Task { await loopback?.stop() } }
        let begun = try await ask(
            "POST", path, header, form: loopback.map { [("return_port", String($0.port))] } ?? [])
        guard let flow = begun["flow"]?.string, let url = begun["url"]?.string else {
            throw GatewayError(.upstreamProtocolError, "the gateway names no URL to open")
        }
        Terminal.error("open \(url)")
        let proof: String
        if let loopback { proof = try await self.proof(from: loopback, of: flow) } else { proof = try typed() }
        return try await ask(
            "POST", "/oauth/connect/confirm", header, form: [("flow", flow), ("proof", proof)])
    }

    private func proof(from loopback: CallbackServer, of flow: String) async throws -> String {
        let deadline = ContinuousClock.now.advanced(by: .seconds(wait))
        while loopback.query == nil {
            guard ContinuousClock.now < deadline else {
                throw GatewayError(
                    .denied, "nobody allowed the access in time",
                    hint: "run the command again, with --code if the browser runs on another machine")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let fields = FormText.decode(loopback.query ?? []) ?? []
        guard fields.first(where: { $0.name == "flow" })?.value == flow,
            let proof = fields.first(where: { $0.name == "proof" })?.value
        else { throw GatewayError(.denied, "the browser brought an answer to something else", hint: "begin again") }
        return proof
    }

    private func typed() throws -> String {
        Terminal.error("the code that the browser shows: ")
        guard let line = readLine(), !line.isEmpty else {
            throw GatewayError(.usage, "no code was given", hint: "begin again")
        }
        return line
    }

    /// An answer of the gateway; what it refuses is an error here.
    private func ask(
        _ method: String, _ path: String, _ header: Header, form: [(String, String)]? = nil
    ) async throws -> ConfigNode {
        let answer = try await caller.send(method, path, headers: [header], form: form)
        guard answer.status >= 300 else { return answer.node }
        let code = answer.node["code"]?.string.flatMap { ErrorCode(rawValue: $0) }
        let usual: ErrorCode = answer.status == 401 || answer.status == 403 ? .denied : .notFound
        throw GatewayError(
            code ?? usual, answer.node["detail"]?.string ?? "the gateway answers \(answer.status)",
            hint: answer.node["hint"]?.string.flatMap { $0.isEmpty ? nil : $0 })
    }
}
