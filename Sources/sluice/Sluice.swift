import ArgumentParser

/// The one binary: `sluice <command>`.
@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sluice", abstract: "an API gateway made for agents")
}
