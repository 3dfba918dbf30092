import ArgumentParser
import GatewayModel
import GatewayWorkbench

/// `sluice call`.
struct RequestCall: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Send one request exactly as written, and show the answer.",
        discussion: "Exit status 1 for an answer of 400 or more, 3 when none came.")

    @Argument(help: "[METHOD] URL.")
    var request: [String]

    @Option(name: [.customShort("H"), .customLong("header")], help: "A header, 'name: value'; may be repeated.")
    var headers: [String] = []

    @Option(name: [.customShort("d"), .long], help: "The body; - reads standard input.")
    var data: String?

    @Option(help: "h1, h2 or auto.")
    var http = "auto"

    @Option(help: "Connect here instead: HOST:PORT or unix:PATH.")
    var via: String?

    @Flag(name: [.customShort("k"), .long], help: "Accept any certificate.")
    var insecure = false

    @Option(name: .customLong("timeout-ms"), help: "How long the whole exchange may take.")
    var timeoutMilliseconds = 30_000

    @Flag(name: [.customShort("i"), .long], help: "Show status line and headers too.")
    var include = false

    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard let url = request.last, request.count <= 2 else {
            throw GatewayError(.usage, "expected [METHOD] URL", hint: "see 'sluice call --help'")
        }
        guard let version = Destination.HTTPVersion(rawValue: http) else {
            throw GatewayError(.usage, "unknown HTTP version \"\(http)\"", hint: "allowed: h1, h2, auto")
        }
        var tls = ClientTLS()
        tls.insecure = insecure
        let client = WorkbenchClient(version: version, via: try via.map(AddressText.parse), tls: tls)
        let method = request.count == 2 ? request[0] : data == nil ? "GET" : "POST"
        let response: CompletedResponse
        do {
            response = try await client.call(
                method, url, headers: try headers.map { text throws(GatewayError) in try HeaderText.parse(text) },
                body: body, timeoutMilliseconds: timeoutMilliseconds)
        } catch let error as CallError {
            throw GatewayError(.unreachable, "no whole answer: \(error)")
        }
        show(response)
        if response.status >= 400 { throw ExitStatus.findings.code }
    }

    private var body: CallBody {
        switch data {
        case nil: .none
        case "-": .bytes(Terminal.input(bytesMax: 64 << 20))
        case .some(let text): .text(text)
        }
    }

    private func show(_ response: CompletedResponse) {
        guard output.output == .table else {
            let headers = response.headers.map {
                ConfigNode.object([("name", .text($0.name)), ("value", .text($0.value))])
            }
            return output.show(
                .object([
                    ("status", .integer(response.status)), ("protocol", .text(response.proto)),
                    ("headers", .list(headers)), ("body", .text(response.text)),
                    ("headMicroseconds", .integer(response.headMicroseconds)),
                    ("totalMicroseconds", .integer(response.totalMicroseconds)),
                ]))
        }
        if include {
            for interim in response.interim { Terminal.out("\(response.proto) \(interim.status)\n") }
            Terminal.out("\(response.proto) \(response.status) \(response.reason)")
            for header in response.headers { Terminal.out("\(header)") }
            Terminal.write("\n")
        }
        Terminal.write(bytes: response.body)
        if response.body.last != UInt8(ascii: "\n"), !response.body.isEmpty { Terminal.write("\n") }
        for trailer in include ? response.trailers : [] { Terminal.out("\(trailer)") }
    }
}
