import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice approval`.
struct ApprovalGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approval", abstract: "Calls of tools that wait for a person.",
        subcommands: [ApprovalList.self, ApprovalShow.self, ApprovalApprove.self, ApprovalDeny.self])
}

/// `sluice approval list`.
struct ApprovalList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List calls that wait or have been decided, the newest first.")

    @Option(name: .customLong("is"), help: "Only pending, approved, denied, used or expired ones.")
    var wanted: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let node = try await state.stateClient.get("/v1/approvals", query: wanted.map { [("state", $0)] } ?? [])
        output.show(node) {
            let items = node["items"]?.elements ?? []
            return items.isEmpty ? "no approvals\n" : NodeTable.rows(items)
        }
    }
}

/// `sluice approval show`.
struct ApprovalShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show such a call, with its exact arguments.")

    @Argument(help: "The approval's id.")
    var id: String

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        output.show(try await state.stateClient.get("/v1/approvals/\(PercentText.encoded(id))"))
    }
}

/// `sluice approval approve`.
struct ApprovalApprove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Approve exactly this call; its caller then calls again.")

    @Argument(help: "The approval's id.")
    var id: String

    @Option(name: .customLong("for"), help: "How often it counts: once, for the caller's run, or for its time.")
    var scope = "once"

    @Option(help: "How long it counts, such as 10m.")
    var lifetime: String?

    @Option(help: "Who approves, for the record.")
    var by: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var query = [("for", scope)]
        if let lifetime { query.append(("lifetime", lifetime)) }
        if let by { query.append(("by", by)) }
        output.show(
            try await state.stateClient.send(
                "POST", "/v1/approvals/\(PercentText.encoded(id))/approve", query: query))
    }
}

/// `sluice approval deny`.
struct ApprovalDeny: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Refuse this call as long as the item is kept.")

    @Argument(help: "The approval's id.")
    var id: String

    @Option(help: "Who denies, for the record.")
    var by: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        output.show(
            try await state.stateClient.send(
                "POST", "/v1/approvals/\(PercentText.encoded(id))/deny", query: by.map { [("by", $0)] } ?? []))
    }
}
