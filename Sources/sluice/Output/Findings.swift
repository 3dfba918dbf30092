import GatewayControl
import GatewayModel

/// Findings as people and programs read them.
enum Findings {
    static func node(_ diagnostics: [Diagnostic]) -> ConfigNode {
        .object([("ok", .flag(!diagnostics.hasErrors)), ("diagnostics", .list(diagnostics.map(\.node)))])
    }

    /// `file:line:column: error SL-1002: …`, from a gateway's answer.
    static func line(_ node: ConfigNode) -> String {
        func text(_ name: String) -> String { node[name].map(NodeTable.cell) ?? "" }
        var line = "\(text("file")):\(text("line")):\(text("column")): \(text("severity")) \(text("code")): "
        line += text("message")
        if let hint = node["hint"]?.string { line += "; \(hint)" }
        return line
    }

    static func count(_ number: Int, _ word: String) -> String {
        "\(number) \(word)\(number == 1 ? "" : "s")"
    }
}
