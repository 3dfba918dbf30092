import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice key list`.
struct KeyList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List managed keys, without their secrets.")

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let node = try await state.stateClient.get("/v1/keys")
        output.show(node) {
            let items = node["items"]?.elements ?? []
            return items.isEmpty ? "no keys\n" : NodeTable.rows(items)
        }
    }
}

/// `sluice key show`.
struct KeyShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a managed key, without its secret.")

    @Argument(help: "The key's id.")
    var id: String

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        output.show(try await state.stateClient.get("/v1/keys/\(PercentText.encoded(id))"))
    }
}
