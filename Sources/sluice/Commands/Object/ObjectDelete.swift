import ArgumentParser
import GatewayWorkbench

/// `sluice delete`.
struct ObjectDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove an object from a running gateway.")

    @OptionGroup var object: ObjectName

    @Flag(help: "Only say what would happen.")
    var dryRun = false

    @Option(help: "Only if the object is still at this version.")
    var ifVersion: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let headers = ifVersion.map { [Header("If-Match", "\"\($0)\"")] } ?? []
        let answer = try await state.client.send(
            "DELETE", try object.path(), query: dryRun ? [("dryRun", "1")] : [], headers: headers)
        output.show(answer.node) { ChangeList.report(answer.node) }
    }
}
