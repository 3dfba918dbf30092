import ArgumentParser
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayWire

/// `sluice token inspect`.
struct TokenInspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what a token says, without believing it.",
        discussion: "Reads any JWT, offline. 'sluice whoami' asks the gateway what it makes of one.")

    @Argument(help: "The token; - reads standard input.")
    var token: String

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let text = try TokenText.read(token)
        let parsed = try JSONWebToken(parsing: Array(text.utf8))
        let tree: JSONTree = [
            "header": .object(parsed.header), "claims": .object(parsed.claims), "checked": false,
        ]
        let node = try AdminClient.node(tree.bytes)
        output.show(node) { JSONPrinter.print(node) + "\n" }
    }
}

/// A credential on a command line: in the argument, on standard input, or in `SLUICE_TOKEN`.
enum TokenText {
    static func read(_ argument: String) throws(GatewayError) -> String {
        let text =
            argument == "-" ? String(decoding: Terminal.input(bytesMax: 64 * 1024), as: UTF8.self) : argument
        let trimmed = text.filter { !$0.isWhitespace }
        guard !trimmed.isEmpty else { throw GatewayError(.usage, "no token was given") }
        return trimmed
    }
}
