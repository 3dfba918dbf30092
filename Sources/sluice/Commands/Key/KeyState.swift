import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice key block`.
struct KeyBlock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "block", abstract: "Refuse a key until it is unblocked.")

    @OptionGroup var change: KeyChange

    func run() async throws { try await change.run("block") }
}

/// `sluice key unblock`.
struct KeyUnblock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unblock", abstract: "Accept a blocked key again.")

    @OptionGroup var change: KeyChange

    func run() async throws { try await change.run("unblock") }
}

/// `sluice key revoke`.
struct KeyRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Refuse a key for ever.",
        discussion: "Its usage stays, and so does its row in 'sluice key list'.")

    @OptionGroup var change: KeyChange

    func run() async throws { try await change.run("revoke") }
}

/// A key, and what it becomes.
struct KeyChange: ParsableArguments {
    @Argument(help: "The key's id.")
    var id: String

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run(_ action: String) async throws {
        output.show(try await state.stateClient.send("POST", "/v1/keys/\(PercentText.encoded(id))/\(action)"))
    }
}
