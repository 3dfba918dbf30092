import ArgumentParser
import GatewayProxy
import GatewayRecords
import GatewayRuntime

/// The one binary: `sluice <command>`.
@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sluice", abstract: "an API gateway made for agents")
    @Option(name: .short) var f: [String] = []
    @Option var state = ".sluice"
    @Option var accessLog = "/dev/null"
    @Option var loops: Int?
    mutating func run() async throws {
        var o = GatewayOptions(source: .files(f), stateDirectory: state)
        o.accessLog = .file(accessLog)
        o.loops = loops
        o.telemetry = nil
        let g = try await GatewayProcess(o)
        try await g.start()
        print(g.plane.boundPorts)
        try await g.run()
    }
}
