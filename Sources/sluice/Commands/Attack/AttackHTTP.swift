import ArgumentParser
import GatewayModel
import GatewayWorkbench

/// `sluice attack`.
struct AttackGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack", abstract: "Illegal traffic, and what a gateway makes of it.",
        subcommands: [AttackHTTP.self])
}

/// `sluice attack http`.
struct AttackHTTP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http", abstract: "Send smuggling, oversize, slow, truncated and badly framed requests at a URL.",
        discussion: """
            Only at this machine, unless --allow-remote says that the target is yours. With --upstream-mock the \
            command serves the backend itself, so that what was forwarded is judged too. Exit status 1 unless \
            everything is refused as it should be.
            """)

    @Argument(help: "The URL to attack.")
    var url: String

    @Option(help: "Serve the backend on this port and judge what reaches it.")
    var upstreamMock: Int?

    @Option(help: "Only cases whose id starts with this; may be repeated.")
    var only: [String] = []

    @Option(help: "Not the cases whose id starts with this; may be repeated.")
    var except: [String] = []

    @Flag(help: "List the cases and send nothing.")
    var list = false

    @Flag(help: "The target is not on this machine, and is mine.")
    var allowRemote = false

    @Flag(help: "A slow peer that is not cut off in time is a failure.")
    var slowMustEnd = false

    @Option(name: .customLong("slow-ms"), help: "How long a slow peer is watched.")
    var slowMilliseconds = 3_000

    @Flag(name: [.customShort("k"), .long], help: "Accept any certificate.")
    var insecure = false

    @OptionGroup var report: ReportOptions

    func run() async throws {
        var options = AttackRunner.Options()
        (options.only, options.except) = (only, except)
        (options.allowRemote, options.slowMustEnd) = (allowRemote, slowMustEnd)
        options.slowMilliseconds = slowMilliseconds
        options.tls.insecure = insecure
        let runner = AttackRunner(url, options: options)
        guard !runner.cases.isEmpty else {
            throw GatewayError(
                .usage, "no case is left by --only and --except: \((only + except).joined(separator: ", "))",
                hint: "see --list")
        }
        if list { return listCases(runner) }
        var mock: MockHTTPServer?
        if let upstreamMock {
            var mockOptions = MockHTTPServer.Options()
            mockOptions.port = upstreamMock
            do {
                mock = try await MockHTTPServer.start(mockOptions)
            } catch {
                throw GatewayError(.unreachable, "cannot listen on port \(upstreamMock): \(error)")
            }
            options.upstream = mock?.journal
        }
        let results = try await AttackRunner(url, options: options).run()
        await mock?.stop()
        try report.finish(results)
    }

    private func listCases(_ runner: AttackRunner) {
        let items = runner.cases.map {
            ConfigNode.object([
                ("id", .text($0.id)), ("severity", .text($0.severity.rawValue)), ("title", .text($0.title)),
                ("reference", .text($0.reference)),
            ])
        }
        report.output.show(.list(items))
    }
}
