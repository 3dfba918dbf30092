import GatewayControl
import GatewayModel
import GatewayWorkbench

/// Configuration files as one body for the admin API.
struct ConfigurationBody {
    var bytes: [UInt8]
    var mediaType: String
    /// What findings call the text.
    var file: String

    /// Reads and decodes; what is wrong with a file is found here, with its place, before anything is sent.
    init(paths: [String]) throws {
        let read = FileSource(paths: paths).texts()
        var diagnostics = read.diagnostics
        let documents = read.texts.flatMap {
            DocumentReader.read($0.bytes, file: $0.file, syntax: $0.syntax, diagnostics: &diagnostics)
        }
        let objects = DecodedObjects(documents, diagnostics: &diagnostics).objects
        if diagnostics.hasErrors { throw Self.refusal(diagnostics) }
        guard !objects.isEmpty else { throw GatewayError(.usage, "the files have no object") }
        if read.texts.count == 1, let text = read.texts.first {
            (bytes, file) = (text.bytes, text.file)
            mediaType = text.file.hasSuffix(".json") ? "application/json" : "application/yaml"
        } else {
            // Several files become one stream of JSON values; findings then name the object, not the line.
            bytes = Array(objects.map { JSONPrinter.print($0.document) + "\n" }.joined().utf8)
            (mediaType, file) = ("application/json", "admin")
        }
    }

    private static func refusal(_ diagnostics: [Diagnostic]) -> Refusal {
        let count = diagnostics.count { $0.severity == .error }
        let code = diagnostics.first { $0.severity == .error }?.code ?? .invalidValue
        return Refusal(
            error: GatewayError(code, "nothing was sent: \(Findings.count(count, "error")) found"),
            diagnostics: diagnostics.sorted(by: Diagnostic.inOrder).map(\.node))
    }
}

extension AdminClient {
    func post(
        _ path: String, query: [(String, String)] = [], _ body: ConfigurationBody
    ) async throws -> Answer {
        try await send(
            "POST", path, query: query + [("file", body.file)], body: body.bytes,
            headers: [.init("Content-Type", body.mediaType)])
    }
}
