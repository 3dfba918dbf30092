import ArgumentParser
import GatewayControl
import GatewayModel
import GatewayRecords
import GatewayRuntime

/// `sluice replay`.
struct AuditReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Decide recorded calls again, and say which verdicts would be others.",
        discussion: """
            Each call is decided under the configuration that decided it, which the log keeps by its digest: then \
            nothing may change. With --policy under those files: what would a new policy have done to last week's \
            traffic? Files without a ModelCatalog, such as a policy alone, are laid over the configuration of each \
            call; what both have is the file's. Calls that a spent budget or a key's own list refused are not decided \
            again. Exit status 1 when a verdict would be another.
            """)

    @Option(help: "From this time on, or so long ago, such as 7d.")
    var since: String?

    @Option(help: "Files or folders with the objects to decide by; may be repeated.", completion: .file())
    var policy: [String] = []

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var objects: ObjectSet?
        if !policy.isEmpty {
            let load = FileSource(paths: policy).load()
            guard load.isUsable else {
                throw Refusal(
                    error: GatewayError(.invalidValue, "the files have errors"),
                    diagnostics: load.diagnostics.map(\.node))
            }
            objects = load.set
        }
        let folder = AuditFolder(stateFolder: state.folder)
        guard folder.exists else {
            throw GatewayError(.notFound, "no audit log in \(folder.path)", hint: "name the state folder with --state")
        }
        // The reading is recorded, like every other.
        _ = try await AuditClient(folder: state.folder).node("/v1/audit", query: [("limit", "0")])
        var replay = DecisionReplay(folder, objects: objects)
        replay.run(sinceMilliseconds: try since.map { try AuditAPI.milliseconds($0) })
        output.show(Self.node(replay)) { Self.text(replay) }
        if !replay.changes.isEmpty { throw ExitStatus.findings.code }
    }

    private static func row(_ change: DecisionReplay.Change) -> ConfigNode {
        .object([
            ("n", .integer(change.index)), ("time", .text(TimeText.text(milliseconds: change.timeMilliseconds))),
            ("user", .text(change.principal.user ?? "")), ("agent", .text(change.principal.agent ?? "")),
            ("model", .text(change.model)), ("was", .text(change.recorded.rawValue)),
            ("would", .text(change.replayed.rawValue)), ("rule", .text(change.rule)), ("why", .text(change.reason)),
        ])
    }

    private static func node(_ replay: DecisionReplay) -> ConfigNode {
        .object([
            ("replayed", .integer(replay.replayed)), ("changed", .integer(replay.changes.count)),
            ("skipped", .integer(replay.skipped)), ("unknownPolicies", .integer(replay.unknownPolicies)),
            ("items", .list(replay.changes.map(row))),
        ])
    }

    private static func text(_ replay: DecisionReplay) -> String {
        var text = replay.changes.isEmpty ? "" : NodeTable.rows(replay.changes.map(row)) + "\n"
        text += "\(replay.replayed) calls decided again, \(replay.changes.count) otherwise; \(replay.skipped) hang on "
        text += "budgets or keys, \(replay.unknownPolicies) on configurations that are not kept\n"
        return text
    }
}
