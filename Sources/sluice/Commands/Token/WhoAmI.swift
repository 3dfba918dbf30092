import ArgumentParser
import GatewayIdentity
import GatewayModel
import GatewayWorkbench

/// `sluice whoami`.
struct WhoAmI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Show who the gateway takes the holder of a credential for, and why.",
        discussion: """
            Who, for whom, with which scopes and budget, until when, and what each name stands on. The credential is \
            shown to nobody but a gateway's token service.
            """)

    @OptionGroup var caller: GatewayCaller
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let credential = try caller.credential()
        try await caller.findTokenService()
        let path = "/oauth/whoami"
        let answer = try await caller.send("GET", path, headers: [Header("authorization", "Bearer \(credential)")])
        if answer.status == 401 || answer.status == 403, let detail = answer.node["detail"]?.string {
            throw GatewayError(.denied, detail, hint: answer.node["hint"]?.string)
        }
        guard answer.status == 200, Self.isIdentity(answer.node) else {
            throw caller.isNoTokenService("\(answer.status) with something that is no identity", "GET \(path)")
        }
        output.show(answer.node) { NodeTable.text(answer.node) }
    }

    /// What a token service says of a principal, and nothing else.
    static func isIdentity(_ node: ConfigNode) -> Bool {
        guard let proof = node["proof"]?.string.flatMap(Principal.Proof.init(rawValue:)), proof != .none else {
            return false
        }
        return (node.fields ?? []).allSatisfy { Principal.describedFields.contains($0.key) }
    }
}
