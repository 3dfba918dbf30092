import ArgumentParser

/// `sluice key`.
struct KeyGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "API keys of callers.",
        subcommands: [
            KeyCreate.self, KeyList.self, KeyShow.self, KeyRotate.self, KeyBlock.self, KeyUnblock.self,
            KeyRevoke.self, KeyHash.self,
        ])
}
