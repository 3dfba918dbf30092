import ArgumentParser
import GatewayControl
import GatewayModel
import GatewayWorkbench

/// Where the results of checks go.
struct ReportOptions: ParsableArguments {
    @Option(help: "Write a JUnit file.", completion: .file())
    var junit: String?

    @Option(help: "Write a TAP file.", completion: .file())
    var tap: String?

    @OptionGroup var output: OutputOptions

    /// Writes the files, shows the report; throws unless all passed.
    func finish(_ report: CheckReport) throws {
        if let junit { try TextFile.write(report.junit, to: junit) }
        if let tap { try TextFile.write(report.tap, to: tap) }
        output.show(Self.node(report)) { report.table }
        if !report.isSuccess { throw ExitStatus.findings.code }
    }

    private static func node(_ report: CheckReport) -> ConfigNode {
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            Array(report.json.utf8), file: "report", syntax: .json, unfolding: false, diagnostics: &diagnostics)
        return documents.first ?? .object([])
    }
}
