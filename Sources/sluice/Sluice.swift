import ArgumentParser
import Foundation
import GatewayRuntime

/// The one binary: `sluice <command>`.
@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice", abstract: "an API gateway made for agents", subcommands: [Run.self])
}

/// `sluice run`: serves a configuration until it is told to stop.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "serve a configuration")

    @Option(name: [.short, .customLong("file")], help: "a file or folder of objects; may be repeated")
    var files: [String] = []
    @Option(help: "where the gateway keeps its state")
    var state = ".sluice"
    @Option(help: "event loops; one per core by default")
    var loops: Int?

    func run() async throws {
        var options = GatewayOptions(source: .files(files), stateDirectory: state)
        options.loops = loops
        options.otlp = try TelemetryCollector(environment: ProcessInfo.processInfo.environment)
        let gateway = try await GatewayProcess(options)
        try await gateway.start()
        try await gateway.run()
    }
}
