import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice tap`.
struct RequestTap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap", abstract: "Watch requests of a running gateway as they end; secrets are left out.",
        discussion: "Tables show the columns that matter; -o json shows the access log's own lines.")

    @Option(help: "Only this method.")
    var method: String?
    @Option(help: "Only this host, without port.")
    var host: String?
    @Option(help: "Only paths that start with this.")
    var path: String?
    @Option(help: "Only these answers: 404, 5xx or 400-499.")
    var status: String?
    @Option(help: "Only this route: NAME or NAMESPACE/NAME.")
    var route: String?
    @Option(help: "Only this user, tenant, agent or credential.")
    var principal: String?
    @Option(help: "One in so many; errors and slow ones are all shown.")
    var oneIn: Int?
    @Option(name: .customLong("slow-ms"), help: "What counts as slow.")
    var slowMilliseconds: Int?
    @Option(name: [.customShort("c"), .long], help: "End after so many.")
    var count: Int?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var query: [(String, String)] = []
        let words = [
            ("method", method), ("host", host), ("path", path), ("status", status), ("route", route),
            ("principal", principal), ("oneIn", oneIn.map(String.init)),
            ("slowMilliseconds", slowMilliseconds.map(String.init)),
        ]
        for (name, value) in words { if let value { query.append((name, value)) } }
        var shown = 0
        try await state.client.lines("/v1/tap", query: query) { line in
            show(line)
            shown += 1
            return count.map { shown < $0 } ?? true
        }
    }

    private func show(_ line: String) {
        if output.output == .json { return Terminal.out(line) }
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            Array(line.utf8), file: "tap", syntax: .json, unfolding: false, diagnostics: &diagnostics)
        guard let record = documents.first else { return Terminal.out(line) }
        if output.output == .yaml { return Terminal.out(YAMLPrinter.print(record) + "---") }
        Terminal.out(Self.row(record))
    }

    /// One line without heading: a tap has no end at which columns could be measured.
    static func row(_ record: ConfigNode) -> String {
        if let lost = record["lost"] { return "… \(NodeTable.cell(lost)) lost" }
        func text(_ name: String) -> String { record[name].map(NodeTable.cell) ?? "" }
        let milliseconds = Double(text("duration_us")).map { "\(($0 / 100).rounded() / 10)ms" } ?? ""
        let time = text("time").split(separator: "T").last.map(String.init) ?? ""
        var parts = [time, text("status"), text("method"), text("host") + text("path"), milliseconds]
        for name in ["route", "upstream", "user", "error"] where !text(name).isEmpty {
            parts.append("\(name)=\(text(name))")
        }
        return parts.filter { !$0.isEmpty }.joined(separator: "  ")
    }
}
