import ArgumentParser
import GatewayModel

/// `sluice diff`.
struct ConfigurationDiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show how files, or two revisions, differ from what a running gateway serves.",
        discussion: "Exit status 1 when something differs. Without files it compares revisions.")

    @OptionGroup var files: FileOptions

    @Flag(help: "Take the files for the whole configuration: what they leave out counts as deleted.")
    var prune = false

    @Option(help: "Compare this revision; the one before by default.")
    var from: Int?

    @Option(help: "With this one; what serves by default.")
    var to: Int?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if !files.all.isEmpty, from != nil || to != nil {
            throw ValidationError("--from and --to compare revisions, not files")
        }
    }

    func run() async throws {
        let node: ConfigNode
        if files.all.isEmpty {
            var query: [(String, String)] = []
            if let from { query.append(("from", String(from))) }
            if let to { query.append(("to", String(to))) }
            node = try await state.client.get("/v1/diff", query: query).node
        } else {
            let body = try ConfigurationBody(paths: files.all)
            node = try await state.client.post("/v1/diff", query: prune ? [("prune", "1")] : [], body).node
        }
        let changes = node["changes"]?.elements ?? []
        output.show(node) { changes.isEmpty ? "no difference\n" : ChangeList.text(changes) }
        if !changes.isEmpty { throw ExitStatus.findings.code }
    }
}
