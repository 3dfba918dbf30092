import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel
import GatewayWorkbench

/// Where tools are called, and as whom.
struct ToolsEndpoint: ParsableArguments {
    @Option(help: "The gateway; its tools are under /mcp.")
    var url = "http://127.0.0.1:8080"

    @Option(help: "An MCP endpoint to call instead, past any gateway.")
    var endpoint: String?

    @Option(help: "The caller's API key; SLUICE_KEY without it.")
    var key: String?

    @Option(name: [.customShort("H"), .customLong("header")], help: "A header, 'name: value'; may be repeated.")
    var headers: [String] = []

    @Option(help: "The protocol to speak: new (2026-07-28), old (with a session) or auto.")
    var era = ToolClient.Era.auto

    @Option(name: .customLong("timeout-ms"), help: "How long one exchange may take.")
    var timeoutMilliseconds = 60_000

    /// The tool's own name, and a client of where it is. `demo.echo` is the tool `echo` at `/mcp/demo`; a name without
    /// a dot is one of `/mcp`, as is each that is called at an endpoint.
    func client(
        _ text: String, answers: [String: JSONDocument] = [:]
    ) throws -> (name: String, client: ToolClient) {
        var options = ToolClient.Options()
        options.era = era
        options.answers = answers
        // A question that nobody answers would be declined: a call that needs a person waits for one instead.
        options.canBeAsked = !answers.isEmpty
        options.timeoutMilliseconds = timeoutMilliseconds
        options.headers = try headers.map { text throws(GatewayError) in try HeaderText.parse(text) }
        if let key = key ?? ProcessInfo.processInfo.environment["SLUICE_KEY"], !key.isEmpty {
            options.headers.append(Header("authorization", "Bearer \(key)"))
        }
        if let endpoint { return (text, ToolClient(endpoint, options)) }
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        guard let dot = text.firstIndex(of: ".") else { return (text, ToolClient("\(base)/mcp", options)) }
        let server = PercentText.encoded(String(text[..<dot]))
        return (String(text[text.index(after: dot)...]), ToolClient("\(base)/mcp/\(server)", options))
    }
}

extension ToolClient.Era: ExpressibleByArgument {}
