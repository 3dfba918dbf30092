import ArgumentParser
import GatewayModel
import GatewayWorkbench

/// `sluice scenario`.
struct ScenarioGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario", abstract: "Requests and what to expect of them, in files.",
        subcommands: [ScenarioRun.self])
}

/// `sluice scenario run`.
struct ScenarioRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Play scenario files against a running gateway.",
        discussion: "A scenario brings its own backends. Exit status 1 unless every step passes.")

    @Argument(help: "Scenario files.", completion: .file())
    var files: [String]

    @Option(name: .customLong("set"), help: "NAME=VALUE: a variable, over the file's own; may be repeated.")
    var variables: [String] = []

    @OptionGroup var report: ReportOptions

    func run() async throws {
        var values: [String: String] = [:]
        for text in variables {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw GatewayError(.usage, "not NAME=VALUE: \(text)") }
            values[parts[0]] = parts[1]
        }
        // All files are read before the first one runs.
        let scenarios = try files.map { file throws(GatewayError) in try ScenarioDecoder.load(file) }
        var results: [CheckResult] = []
        for scenario in scenarios {
            let part = try await ScenarioRunner(scenario, variables: values).run()
            results += part.results.map { result in
                var result = result
                if scenarios.count > 1 { result.name = "\(scenario.name): \(result.name)" }
                return result
            }
        }
        let name = scenarios.map(\.name).joined(separator: ", ")
        try report.finish(CheckReport(name: name, results: results))
    }
}
