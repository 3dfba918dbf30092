import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice audit tail`.
struct AuditTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Show records as they come, until interrupted.",
        discussion: "With --since or --last it begins with those that are there already.")

    @OptionGroup var selection: AuditSelection

    @Option(help: "Begin with the newest so many of those that are there.")
    var last: Int?

    @Option(help: "End after so many records, those that were there included.")
    var count: Int?

    @Flag(help: "Whole records, as JSON lines.")
    var json = false

    @OptionGroup var state: StateOptions

    func validate() throws {
        if let last, last < 1 { throw ValidationError("--last is not above 0") }
        if let count, count < 1 { throw ValidationError("--count is not above 0") }
    }

    func run() async throws {
        let query = try selection.query() + (last.map { [("last", String($0))] } ?? [])
        var left = count ?? .max
        try await state.client.lines("/v1/audit/tail", query: query) { line in
            Terminal.out(json ? line : AuditLine.text(line))
            left -= 1
            return left > 0
        }
    }
}
