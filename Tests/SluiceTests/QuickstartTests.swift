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

    static func run(_ body: (QuickstartStand) async throws -> Void) async throws {
        let quickstart = try await Quickstart.prepared()
        let folder = try TemporaryFolder()
        let state = folder.path + "/state"
        var options = GatewayOptions(source: .text(quickstart.text, name: Quickstart.name), stateDirectory: state)
        options.loops = 1
        options.accessLog = .none
        options.admin = nil
        options.telemetry = nil
        options.addresses = ["127.0.0.1"]
        options.bindPort = { _ in 0 }
        options.drainTimeout = .seconds(2)
        let gateway = try await GatewayProcess(options)
        try await gateway.start()
        let key = try await QuickstartKey(client: StateClient(folder: state)).secret()
        let url = "http://127.0.0.1:\(try #require(gateway.boundPorts[8080]))"
        try await body(QuickstartStand(gateway: gateway, folder: folder, url: url, key: key))
        try await gateway.stop()
        await quickstart.tools?.stop()
        await quickstart.mock?.stop()
    }
}

@Suite("The quickstart has what the commands ask for", .timeLimit(.minutes(1)))
struct QuickstartTests {
    @Test("its key is somebody, gets tokens, and calls the tools of the server that it names")
    func commands() async throws {
        try await QuickstartStand.run { stand in
            let who = await CommandRun.of("whoami", "--token", stand.key, "--url", stand.url, "-o", "json")
            #expect(who.status == 0 && who.out.contains("\"user\": \"quickstart\""), "\(who.error)\(who.out)")
            let unknown = await CommandRun.of("whoami", "--token", "slk_nobody", "--url", stand.url)
            #expect(unknown.status == 4 && unknown.error.contains("the API key is not known"), "\(unknown.error)")
            let minted = await CommandRun.of(
                "run-token", "--user", "ada", "--groups", "quickstart", "--state", stand.folder.path + "/state")
            let token = minted.out.filter { $0 != "\n" }
            let narrower = await CommandRun.of(
                "token", "exchange", "--token", token, "--models", "fast", "--url", stand.url)
            #expect(narrower.status == 0 && narrower.out.hasPrefix("ey"), "\(narrower.error)")
            let called = await CommandRun.of(
                "tool", "call", "demo.echo", "--arg", "text=hello", "--url", stand.url, "--key", stand.key)
            #expect(called.status == 0 && called.out.contains("hello"), "\(called.error)")
        }
    }

    @Test("a server that does not exist is not the one that does")
    func noServer() async throws {
        try await QuickstartStand.run { stand in
            let run = await CommandRun.of(
                "tool", "call", "nosrv.echo", "--arg", "text=hello", "--url", stand.url, "--key", stand.key)
            #expect(run.status != 0 && run.out.isEmpty)
            #expect(run.error.contains("SL-4001") && run.error.contains("there is no such server of tools"))
            for path in ["/mcp/nosrv", "/mcp/demo/more", "/mcp/dem"] {
                let answer = try await WorkbenchClient(version: .http1).call(
                    "POST", stand.url + path, headers: [Header("authorization", "Bearer \(stand.key)")],
                    body: .text(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#))
                #expect(answer.status == 404 && answer.text.contains("\"jsonrpc\""), "\(answer.text)")
                #expect(answer.text.contains("SL-4001"), "\(answer.text)")
            }
        }
    }
}
