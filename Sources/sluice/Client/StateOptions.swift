import ArgumentParser
import Foundation

/// `--state DIR`: the folder of a gateway, where its socket and token are.
struct StateOptions: ParsableArguments {
    @Option(name: .long, help: "State folder of the gateway; SLUICE_STATE or .sluice by default.")
    var state: String?

    var folder: String { state ?? ProcessInfo.processInfo.environment["SLUICE_STATE"] ?? ".sluice" }
    var client: AdminClient { AdminClient(stateFolder: folder) }
}
