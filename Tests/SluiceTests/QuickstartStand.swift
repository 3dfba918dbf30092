import GatewayRecords
import GatewayRuntime
import GatewayWorkbench
import Testing

@testable import sluice

/// What plain `sluice run` serves, on ports the kernel chose.
struct QuickstartStand {
    let gateway: GatewayProcess
    let folder: TemporaryFolder
    let url: String
    let key: String

    static func run(more: String = "", _ body: (QuickstartStand) async throws -> Void) async throws {
        let quickstart = try await Quickstart.prepared()
        let folder = try TemporaryFolder()
        let state = folder.path + "/state"
        let gateway = try await GatewayProcess(
            .quiet(.text(quickstart.text + more, name: Quickstart.name), state: state))
        do {
            try await gateway.start()
            let key = try await QuickstartKey(client: StateClient(folder: state)).secret()
            let url = "http://127.0.0.1:\(try #require(gateway.boundPorts[8080]))"
            try await body(QuickstartStand(gateway: gateway, folder: folder, url: url, key: key))
        } catch {
            try await gateway.stop()
            throw error
        }
        try await gateway.stop()
        await quickstart.tools?.stop()
        await quickstart.mock?.stop()
    }

    /// A command that asks the gateway by its state folder.
    func command(_ words: String...) async -> CommandRun {
        await CommandRun.of(words + ["--state", folder.path + "/state"])
    }

    /// A command that calls it as the quickstart's user.
    func tool(_ words: String...) async -> CommandRun {
        await CommandRun.of(["tool", "call"] + words + ["--url", url, "--key", key])
    }
}

extension GatewayOptions {
    /// On ports the kernel chooses, without a log and nobody's to administer but by its state folder.
    static func quiet(_ source: GatewayOptions.Source, state: String) -> GatewayOptions {
        var options = GatewayOptions(source: source, stateDirectory: state)
        options.loops = 1
        options.accessLog = .none
        options.admin = nil
        options.telemetry = nil
        options.addresses = ["127.0.0.1"]
        options.bindPort = { _ in 0 }
        options.drainTimeout = .seconds(2)
        return options
    }
}
