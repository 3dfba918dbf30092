package import GatewayModel

/// `sluice fmt`: the canonical text of a configuration file, comments in place.
package enum Formatter {
    package struct Result: Sendable {
        /// The canonical text; the text as it was where `diagnostics` has an error or a warning.
        package var text: String
        package var isChanged: Bool
        package var diagnostics: [Diagnostic]
    }

    /// Formats YAML. What cannot be formatted without losing a comment or a meaning is returned untouched.
    package static func format(_ text: String, file: String, limits: Limits = .standard) -> Result {
        var diagnostics: [Diagnostic] = []
        let bytes = Array(text.utf8)
        let documents = plainDocuments(bytes, file: file, limits: limits, diagnostics: &diagnostics)
        guard let documents else { return Result(text: text, isChanged: false, diagnostics: diagnostics) }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let comments = confirmed(PlacedComments.candidates(in: lines), lines: lines, documents: documents, file: file)
        var output: [String] = []
        var placed = PlacedComments(comments ?? [], documents: documents)
        for (index, document) in documents.enumerated() {
            var printer = YAMLPrinter(comments: placed)
            var body = printer.document(document)
            placed = printer.comments ?? placed
            if index == documents.count - 1 { body += placed.takeRest().map { $0 + "\n" }.joined() }
            output.append(body)
        }
        let result = output.joined(separator: "---\n")
        var ignored: [Diagnostic] = []
        let again = plainDocuments(Array(result.utf8), file: file, limits: limits, diagnostics: &ignored)
        let kept = PlacedComments.candidates(in: result.split(separator: "\n", omittingEmptySubsequences: false))
        guard let comments, again == documents.map(canonicalOrder), kept.count >= comments.count else {
            diagnostics.append(
                Diagnostic(
                    .unsupportedValue, .warning, at: SourcePosition(file: file, line: 1, column: 1),
                    "file is left as it is: a comment would be lost", hint: "move comments to lines of their own"))
            return Result(text: text, isChanged: false, diagnostics: diagnostics)
        }
        return Result(text: result, isChanged: result != text, diagnostics: diagnostics)
    }

    /// Documents as written, or nil after an error.
    private static func plainDocuments(
        _ bytes: [UInt8], file: String, limits: Limits, diagnostics: inout [Diagnostic]
    ) -> [ConfigNode]? {
        var findings: [Diagnostic] = []
        let documents = DocumentReader.read(
            bytes, file: file, syntax: .yaml, limits: limits, unfolding: false, diagnostics: &findings)
        diagnostics += findings
        return findings.hasErrors ? nil : documents
    }

    private static func canonicalOrder(_ node: ConfigNode) -> ConfigNode {
        guard let fields = node.fields else { return node }
        let names = ["apiVersion", "kind", "metadata"]
        return ConfigNode(
            .mapping(
                names.compactMap { name in fields.first { $0.key == name } } + fields.filter { !names.contains($0.key) }
            ))
    }

    /// The candidates that are comments: the ones whose removal changes no document. Nil when that cannot be told
    /// cheaply.
    private static func confirmed(
        _ candidates: [PlacedComments.Comment], lines: [Substring], documents: [ConfigNode], file: String
    ) -> [PlacedComments.Comment]? {
        if keepsMeaning(without: candidates, lines: lines, documents: documents, file: file) { return candidates }
        guard candidates.count <= 256 else { return nil }
        let real = candidates.filter {
            keepsMeaning(without: [$0], lines: lines, documents: documents, file: file)
        }
        return keepsMeaning(without: real, lines: lines, documents: documents, file: file) ? real : nil
    }

    private static func keepsMeaning(
        without comments: [PlacedComments.Comment], lines: [Substring], documents: [ConfigNode], file: String
    ) -> Bool {
        var lines = lines.map(String.init)
        for comment in comments {
            // A mark in its place tells a comment from the last line of a literal that ignores trailing space.
            let line = lines[comment.line - 1]
            guard let start = line.range(of: comment.text)?.lowerBound else { return false }
            lines[comment.line - 1] = line[..<start] + "# x"
        }
        var findings: [Diagnostic] = []
        let again = plainDocuments(
            Array(lines.joined(separator: "\n").utf8), file: file, limits: .standard, diagnostics: &findings)
        return again == documents
    }
}

extension String {
    /// The first place where `other` occurs, without Foundation.
    fileprivate func range(of other: String) -> Range<String.Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(other) { return index..<self.index(index, offsetBy: other.count) }
            index = self.index(after: index)
        }
        return nil
    }
}
