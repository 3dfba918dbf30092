import ArgumentParser

/// `sluice apply`.
struct ConfigurationApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Create or replace objects in a running gateway, all or none.",
        discussion: "Objects that the gateway read from its own files are changed there, not here.")

    @OptionGroup var files: FileOptions

    @Flag(help: "Only say what would happen.")
    var dryRun = false

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let body = try ConfigurationBody(paths: try files.required())
        let answer = try await state.client.post("/v1/apply", query: dryRun ? [("dryRun", "1")] : [], body)
        output.show(answer.node) { ChangeList.report(answer.node) }
    }
}
