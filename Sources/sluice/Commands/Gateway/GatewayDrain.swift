import ArgumentParser

/// `sluice drain`.
struct GatewayDrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let a running gateway finish what is under way, and end.")

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let answer = try await state.client.send("POST", "/v1/drain")
        output.show(answer.node) { "draining\n" }
    }
}
