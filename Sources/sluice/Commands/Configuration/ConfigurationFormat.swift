import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel

/// `sluice fmt`.
struct ConfigurationFormat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt", abstract: "Print configuration files in their canonical layout; comments stay.",
        discussion: "With --diff it prints what would change and ends with status 1 if anything would.")

    @OptionGroup var files: FileOptions

    @Flag(help: "Show what would change.")
    var diff = false

    @Flag(help: "Write the files in place.")
    var write = false

    func run() async throws {
        var hasErrors = false
        var isChanged = false
        for (file, text) in try texts() {
            let result = Formatter.format(text, file: file)
            for diagnostic in result.diagnostics { Terminal.error("\(diagnostic)") }
            if result.diagnostics.hasErrors {
                hasErrors = true
                continue
            }
            isChanged = isChanged || result.isChanged
            if diff, result.isChanged { Terminal.write(LineDiff(from: text, to: result.text).text(file: file)) }
            if write, result.isChanged, file != "-" { try save(result.text, to: file) }
            if !diff, !write || file == "-" { Terminal.write(result.text) }
        }
        if hasErrors || (diff && !write && isChanged) { throw ExitStatus.findings.code }
    }

    /// The YAML files the paths stand for.
    private func texts() throws -> [(file: String, text: String)] {
        let source = FileSource(paths: try files.required())
        let read = source.texts()
        for problem in read.diagnostics { Terminal.error("\(problem)") }
        if read.diagnostics.hasErrors { throw ExitStatus.findings.code }
        return read.texts.filter { !$0.file.hasSuffix(".json") }
            .map { ($0.file, String(decoding: $0.bytes, as: UTF8.self)) }
    }

    private func save(_ text: String, to file: String) throws(GatewayError) {
        do {
            try Data(text.utf8).write(to: URL(filePath: file), options: .atomic)
        } catch {
            throw GatewayError(.unreadableFile, "cannot write \"\(file)\"", hint: "check its permissions")
        }
    }
}
