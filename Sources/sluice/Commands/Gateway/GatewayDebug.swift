import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice debug`.
struct GatewayDebug: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "debug", abstract: "Look inside a running gateway.",
        discussion: "VIEW is connections, pools, endpoints, workers or snapshot.")

    @Argument(help: "What to look at.")
    var view: String

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let names = AdminServices.View.allCases.map(\.rawValue) + ["snapshot"]
        guard names.contains(view) else {
            throw GatewayError(.usage, "unknown view \"\(view)\"", hint: NearestName.hint(view, among: names))
        }
        output.show(try await state.client.get(view == "snapshot" ? "/v1/snapshot" : "/debug/\(view)").node)
    }
}
