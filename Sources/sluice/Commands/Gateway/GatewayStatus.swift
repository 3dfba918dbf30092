import ArgumentParser
import GatewayModel

/// `sluice status`.
struct GatewayStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what a running gateway serves, and what is wrong with it.",
        discussion: "Exit status 1 when its newest files are refused.")

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let node = try await state.client.get("/v1/status").node
        let refused = node["refused"]?.elements ?? []
        output.show(node) {
            var facts = node
            facts["warnings"] = nil
            facts["refused"] = nil
            var text = NodeTable.text(facts)
            let warnings = node["warnings"]?.elements ?? []
            text += warnings.map { Findings.line($0) + "\n" }.joined()
            if !refused.isEmpty {
                text += "the newest files are refused, the last good configuration serves:\n"
                text += refused.map { Findings.line($0) + "\n" }.joined()
            }
            return text
        }
        if !refused.isEmpty { throw ExitStatus.findings.code }
    }
}
