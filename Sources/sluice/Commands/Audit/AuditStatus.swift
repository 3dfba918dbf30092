import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice audit status`.
struct AuditStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show where the log is, how it stands, and who gets its records.",
        discussion: """
            Asks the running gateway, or the folder when none runs. Exit status 1 when the log is damaged, cannot be \
            written, was set aside, or a sink takes no records.
            """)

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let node = try await AuditClient(folder: state.folder).node("/v1/audit/status")
        output.show(node) { NodeTable.text(Self.facts(node)) }
        if case .bool(true)? = node["healthy"]?.value { return }
        throw ExitStatus.findings.code
    }

    /// Without what is of many lines, and without what is empty.
    private static func facts(_ node: ConfigNode) -> ConfigNode {
        let fields = (node.fields ?? []).filter { field in
            field.key != "checkpoint" && field.value.string != "" && field.value.elements?.isEmpty != true
        }
        return .object(fields.map { ($0.key, $0.value) })
    }
}
