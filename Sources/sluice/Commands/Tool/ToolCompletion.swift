import ArgumentParser
import GatewayModel

/// `sluice completion`.
struct ToolCompletion: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a completion script: bash, zsh or fish.")

    @Argument(help: "bash, zsh or fish.")
    var shell: String

    func run() async throws {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw GatewayError(
                .usage, "unknown shell \"\(shell)\"",
                hint: "allowed: \(CompletionShell.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        Terminal.out(Sluice.completionScript(for: shell))
    }
}
