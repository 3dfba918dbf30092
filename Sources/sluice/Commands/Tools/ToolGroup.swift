import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice tool`.
struct ToolGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tool", abstract: "Call tools of MCP servers, and say which of their definitions may be used.",
        subcommands: [ToolList.self, ToolShow.self, ToolDiff.self, ToolApprove.self, ToolCall.self])
}

/// `sluice tool list`.
struct ToolList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tools that servers have shown.",
        discussion: "A tool is known once a client has listed it.")

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let node = try await state.stateClient.get("/v1/tools")
        output.show(node) {
            let items = node["items"]?.elements ?? []
            return items.isEmpty ? "no tools\n" : NodeTable.rows(items)
        }
    }
}

/// A tool of a server.
struct ToolPlace: ParsableArguments {
    @Argument(help: "The server's name; NAMESPACE.NAME outside the default namespace.")
    var server: String

    @Argument(help: "The tool's name, as the server knows it.")
    var tool: String

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    var path: String { "/v1/tools/\(PercentText.encoded(server))/\(PercentText.encoded(tool))" }
}

/// `sluice tool show`.
struct ToolShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a tool's definitions: the approved one and the newest.")

    @OptionGroup var place: ToolPlace

    func run() async throws { place.output.show(try await place.state.stateClient.get(place.path)) }
}

/// `sluice tool diff`.
struct ToolDiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what of a tool is not as it was approved.")

    @OptionGroup var place: ToolPlace

    func run() async throws {
        let node = try await place.state.stateClient.get(place.path)
        place.output.show(node) {
            let old = Self.lines(node["approvedDefinition"]?.string ?? "")
            let new = Self.lines(node["seenDefinition"]?.string ?? "")
            guard old != new else { return "nothing differs\n" }
            return LineDiff(from: old, to: new).text(from: "approved", to: "seen")
        }
    }

    /// A definition, one member a line.
    private static func lines(_ text: String) -> String {
        guard let node = try? AdminClient.node(Array(text.utf8)) else { return text }
        return JSONPrinter.print(node, pretty: true)
    }
}

/// `sluice tool approve`.
struct ToolApprove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Let a tool's newest definition be used.",
        discussion: "With --digest only the definition of that digest, which 'sluice tool show' tells.")

    @OptionGroup var place: ToolPlace

    @Option(help: "The seenDigest of the definition that was looked at.")
    var digest: String?

    func run() async throws {
        let query = digest.map { [("digest", $0)] } ?? []
        place.output.show(try await place.state.stateClient.send("POST", "\(place.path)/approve", query: query))
    }
}
