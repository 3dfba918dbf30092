import ArgumentParser
import GatewayControl
import GatewayModel
import GatewayRuntime

/// `sluice check`.
struct ConfigurationCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say what is wrong with a configuration, without serving it.",
        discussion: "Exit status 1 when it has an error; with --strict also when it has a warning.")

    @OptionGroup var files: FileOptions
    @OptionGroup var output: OutputOptions

    @Flag(help: "Count warnings as errors.")
    var strict = false

    func run() async throws {
        let load = FileSource(paths: try files.required()).load()
        var diagnostics = load.diagnostics
        if load.isUsable {
            // What only compiling can find: certificates, expressions.
            diagnostics += SnapshotCompiler.compile(load.set.objects, revision: 0).diagnostics
            diagnostics.sort(by: Diagnostic.inOrder)
        }
        output.show(Findings.node(diagnostics)) {
            diagnostics.map { "\($0)\n" }.joined() + summary(load, diagnostics)
        }
        if diagnostics.hasErrors || (strict && !diagnostics.isEmpty) { throw ExitStatus.findings.code }
    }

    private func summary(_ load: ConfigurationLoad, _ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.count { $0.severity == .error }
        let counted = "\(Findings.count(load.set.count, "object")) in \(Findings.count(load.files.count, "file"))"
        if diagnostics.isEmpty { return "ok: \(counted)\n" }
        let others = diagnostics.count - errors
        return "\(counted): \(Findings.count(errors, "error")), \(Findings.count(others, "warning"))\n"
    }
}
