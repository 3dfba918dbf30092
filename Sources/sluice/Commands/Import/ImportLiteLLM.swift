import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel

/// `sluice import`.
struct ImportGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Configurations of others, as Sluice objects.",
        subcommands: [ImportLiteLLM.self, ImportLiteLLMPrices.self])
}

/// `sluice import litellm`.
struct ImportLiteLLM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "litellm", abstract: "Print a LiteLLM proxy's configuration as Sluice objects.",
        discussion: """
            What could not be carried is listed on standard error, with its place: an error for what works no more, a \
            warning for what works differently. Exit status 1 when there is an error; with --strict also when there \
            is a warning. Keys are never carried, only the names of their environment variables.
            """)

    @Argument(help: "LiteLLM's config.yaml, - for standard input.", completion: .file())
    var file: String

    @Option(help: "LiteLLM's model_prices_and_context_window.json, for prices and context.", completion: .file())
    var prices: String?

    @Flag(help: "Count warnings as errors.")
    var strict = false

    func run() async throws {
        let known = try prices.map { LiteLLMPrices(try ImportText.document($0, syntax: .json)) } ?? LiteLLMPrices()
        let result = LiteLLMImport(try ImportText.document(file, syntax: .yaml), prices: known)
        try ImportText.show(result.objects, result.findings, strict: strict)
    }
}

/// `sluice import litellm-prices`.
struct ImportLiteLLMPrices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "litellm-prices", abstract: "Print LiteLLM's price list as a ModelCatalog.",
        discussion: """
            For the models of OpenAI and Anthropic. Dollars for a token become dollars for a million, exactly: a \
            price that cannot be written so is listed on standard error and left out. The targets name the providers \
            openai and anthropic.
            """)

    @Argument(help: "LiteLLM's model_prices_and_context_window.json, - for standard input.", completion: .file())
    var file: String

    @Flag(help: "Count warnings as errors.")
    var strict = false

    func run() async throws {
        var findings = ImportFindings()
        let catalog = LiteLLMPrices(try ImportText.document(file, syntax: .json)).catalog(&findings)
        try ImportText.show([catalog], findings, strict: strict)
    }
}

/// What both read and say.
private enum ImportText {
    static func document(_ file: String, syntax: DocumentReader.Syntax) throws -> ConfigNode {
        let bytes: [UInt8]
        if file == "-" {
            bytes = Array(FileHandle.standardInput.readDataToEndOfFile())
        } else {
            bytes = Array(try TextFile.read(file).utf8)
        }
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            bytes, file: file, syntax: syntax, unfolding: false, diagnostics: &diagnostics)
        for diagnostic in diagnostics { Terminal.error("\(diagnostic)") }
        if diagnostics.hasErrors { throw ExitStatus.findings.code }
        guard let first = documents.first else {
            throw GatewayError(.syntax, "there is no document in \"\(file)\"")
        }
        return first
    }

    static func show(_ objects: [ConfigNode], _ findings: ImportFindings, strict: Bool) throws {
        Terminal.write(YAMLPrinter.print(objects))
        for finding in findings.inOrder { Terminal.error("\(finding)") }
        if findings.diagnostics.hasErrors || (strict && !findings.diagnostics.isEmpty) {
            throw ExitStatus.findings.code
        }
    }
}
