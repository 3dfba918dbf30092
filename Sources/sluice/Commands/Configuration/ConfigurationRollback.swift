import ArgumentParser

/// `sluice rollback`.
struct ConfigurationRollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Serve an earlier revision again.",
        discussion: "Files are not touched: the next change of a file brings its content back.")

    @Argument(help: "The revision; see 'sluice history'.")
    var revision: Int

    @Flag(help: "Only say what would happen.")
    var dryRun = false

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let answer = try await state.client.send(
            "POST", "/v1/rollback/\(revision)", query: dryRun ? [("dryRun", "1")] : [])
        output.show(answer.node) { ChangeList.report(answer.node) }
    }
}
