package import GatewayModel

/// What an import could not carry, with its place in the file it came from.
package struct ImportFindings: Sendable {
    package private(set) var diagnostics: [Diagnostic] = []

    package init() {}

    /// Something works differently from before.
    mutating func note(_ code: ErrorCode, at position: SourcePosition, _ message: String, hint: String? = nil) {
        diagnostics.append(Diagnostic(code, .warning, at: position, message, hint: hint))
    }

    /// Something works no more.
    mutating func drop(_ code: ErrorCode, at position: SourcePosition, _ message: String, hint: String? = nil) {
        diagnostics.append(Diagnostic(code, .error, at: position, message, hint: hint))
    }

    package var inOrder: [Diagnostic] { diagnostics.sorted(by: Diagnostic.inOrder) }
}

/// Objects as an import writes them.
enum ImportedObject {
    static func make(
        _ kind: String, _ name: String, _ spec: [(String, ConfigNode)], version: String = "sluice.dev/v1alpha1"
    ) -> ConfigNode {
        .object([
            ("apiVersion", .text(version)), ("kind", .text(kind)),
            ("metadata", .object([("name", .text(name))])), ("spec", .object(spec)),
        ])
    }

    /// A name an object may have, as near to `text` as possible.
    static func name(_ text: String) -> String {
        let mapped = text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let parts = String(mapped).split(separator: "-")
        return parts.isEmpty ? "unnamed" : String(parts.joined(separator: "-").prefix(63))
    }
}
