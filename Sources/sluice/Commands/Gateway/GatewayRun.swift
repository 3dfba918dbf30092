import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel
import GatewayRecords
import GatewayRuntime

/// `sluice run`.
struct GatewayRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serve a configuration until SIGTERM, then drain.",
        discussion: """
            Without -f it serves a built-in quickstart on port 8080, or --port: models under /v1, from a mock in the \
            process or, with OPENAI_API_KEY or ANTHROPIC_API_KEY, from the vendor, and tools under /mcp; it prints a \
            key, a new one at each start, and commands to try. Files and folders are watched: a good change is swapped \
            in, a bad one is reported and the last good one goes on serving.
            """)

    @OptionGroup var files: FileOptions
    @OptionGroup var state: StateOptions

    @Option(help: "Where the quickstart listens; with -f the listeners of the files say where.")
    var port: Int?

    @Option(help: "Event loops; one per usable core by default.")
    var loops: Int?

    @Option(help: "Where the access log goes: stdout, stderr, none or a file.")
    var accessLog = "stdout"

    @Option(help: "Where the admin API listens beside its socket: HOST:PORT or none.")
    var admin = "127.0.0.1:9180"

    @Option(help: "Where /metrics, /healthz and /readyz listen: HOST:PORT or none.")
    var telemetry = "127.0.0.1:9190"

    @Option(
        help: "OTLP/HTTP collector for traces and metrics: a URL or none; OTEL_EXPORTER_OTLP_ENDPOINT by default.")
    var otlp: String?

    @Option(help: "What happens to model calls while the ledger cannot be written: closed refuses, open serves them.")
    var ledgerFailure = LedgerFailure.closed

    @Option(help: "Days that usage is kept.")
    var usageDays = 90

    @Flag(help: "Let the system dump core when the gateway crashes: a dump holds keys and prompts.")
    var coreDumps = false

    @Option(help: "The URL by which others know the gateway: the issuer of its tokens.")
    var tokenIssuer = "http://localhost:8080"

    @Option(help: "Whom its tokens may be for beside the gateway, such as a vendor's token endpoint; may be repeated.")
    var tokenAudience: [String] = []

    @Option(help: "Whether there is an audit log in the state folder: on or off.")
    var audit = AuditSwitch.on

    enum AuditSwitch: String, CaseIterable, ExpressibleByArgument {
        case on, off
    }

    /// What becomes of calls that cannot be recorded.
    enum LedgerFailure: String, CaseIterable, ExpressibleByArgument {
        case closed, open
    }

    func validate() throws {
        guard (1...3_650).contains(usageDays) else { throw ValidationError("--usage-days is not between 1 and 3650") }
        if let port {
            guard files.all.isEmpty else {
                throw ValidationError("--port is of the quickstart; with -f a listener has it")
            }
            guard (1...65_535).contains(port) else { throw ValidationError("--port is not between 1 and 65535") }
        }
        if let loops, !(1...1_024).contains(loops) { throw ValidationError("--loops is not between 1 and 1024") }
        guard (try? OutboundURL(tokenIssuer)) != nil else { throw ValidationError("--token-issuer is no URL") }
        _ = try (ListenAddress(admin), ListenAddress(telemetry))
    }

    func run() async throws {
        if !coreDumps { ProcessMemory.seal() }
        do {
            let quickstart =
                files.all.isEmpty ? try await Quickstart.prepared(port: port ?? Quickstart.standardPort) : nil
            let gateway = try await GatewayProcess(try options(quickstart))
            try await gateway.start()
            await announce(gateway, quickstart)
            ProgramText.giveBack()
            // The first timers look types up all over the program, once.
            let settled = Task {
                try await Task.sleep(for: .milliseconds(300))
                ProgramText.giveBack()
            }
            defer { settled.cancel() }
            try await gateway.run()
        } catch let refused as ConfigurationRefused {
            // Its findings have been written line by line.
            if files.all.isEmpty, refused.diagnostics.contains(where: { $0.code == .portUnavailable }) {
                Terminal.error("sluice: the quickstart can listen elsewhere: sluice run --port 8081")
            }
            throw ExitStatus.findings.code
        }
    }

    private func options(_ quickstart: Quickstart?) throws -> GatewayOptions {
        let source = quickstart.map { GatewayOptions.Source.text($0.text, name: Quickstart.name) } ?? .files(files.all)
        var options = GatewayOptions(source: source, stateDirectory: state.folder)
        options.loops = loops
        options.accessLog =
            switch accessLog {
            case "stdout": .standardOutput
            case "stderr": .standardError
            case "none": .none
            default: .file(accessLog)
            }
        options.servesUnrecorded = ledgerFailure == .open
        options.usageDays = usageDays
        options.tokenIssuer = tokenIssuer
        options.tokenAudiences = tokenAudience
        options.audits = audit == .on
        options.admin = try ListenAddress(admin).address
        options.telemetry = try ListenAddress(telemetry).address
        var environment = ProcessInfo.processInfo.environment
        if let otlp { environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = otlp == "none" ? nil : otlp }
        options.otlp = try TelemetryCollector(environment: environment)
        options.genAINames = GenAINames(optIn: environment["OTEL_SEMCONV_STABILITY_OPT_IN"] ?? "")
        return options
    }

    /// What to try next, on standard error: standard output belongs to the access log.
    private func announce(_ gateway: GatewayProcess, _ quickstart: Quickstart?) async {
        let urls = Self.urls(await gateway.store.snapshot.set)
        Terminal.error("sluice \(ProductVersion.text) serves \(urls.joined(separator: ", "))")
        if let quickstart, let url = urls.first { await invite(quickstart, url: url) }
        let folder = state.state == nil ? "" : " --state \(state.folder)"
        Terminal.error("state: sluice status\(folder); live requests: sluice tap\(folder)")
        if telemetry != "none" { Terminal.error("metrics: curl http://\(telemetry)/metrics") }
    }

    /// The quickstart's key gets a new secret at each start: no secret is kept that could be shown again.
    private func invite(_ quickstart: Quickstart, url: String) async {
        do {
            let secret = try await QuickstartKey(client: state.stateClient).secret()
            for line in quickstart.invitation(url: url, key: secret) { Terminal.error(line) }
        } catch {
            Terminal.error("there is no key to try it with: \(error)")
        }
    }

    static func urls(_ set: ObjectSet) -> [String] {
        var urls: [String] = []
        for gateway in set.gateways {
            for listener in gateway.spec.listeners {
                let scheme = listener.protocol == "HTTPS" ? "https" : "http"
                let host = listener.hostname.map { "\($0)" } ?? "127.0.0.1"
                let url = "\(scheme)://\(host.hasPrefix("*") ? "127.0.0.1" : host):\(listener.port)/"
                if !urls.contains(url) { urls.append(url) }
            }
        }
        return urls.isEmpty ? ["http://127.0.0.1:8080/"] : urls
    }
}

/// `HOST:PORT` or `none`, as options write an address.
struct ListenAddress {
    var address: GatewayOptions.Address?

    init(_ text: String) throws {
        if text == "none" { return }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw ValidationError("not HOST:PORT or none: \(text)") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw ValidationError("not HOST:PORT or none: \(text)") }
        address = GatewayOptions.Address(host: host, port: port)
    }
}
