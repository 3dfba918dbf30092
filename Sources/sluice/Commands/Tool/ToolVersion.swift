import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice version`.
struct ToolVersion: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let node = ConfigNode.object([("name", .text("sluice")), ("version", .text(ProductVersion.text))])
        output.show(node) { "sluice \(ProductVersion.text)\n" }
    }
}
