package import GatewayModel

/// Trees to YAML: block style, two spaces, strings plain where that is safe.
package struct YAMLPrinter {
    /// Comments to put back, by the line their neighbour stood on.
    var comments: PlacedComments?
    private var lines: [String] = []

    init(comments: PlacedComments? = nil) { self.comments = comments }

    package static func print(_ node: ConfigNode) -> String {
        var printer = YAMLPrinter()
        return printer.document(node)
    }

    /// Several documents, divided by `---`.
    package static func print(_ documents: [ConfigNode]) -> String {
        documents.map { print($0) }.joined(separator: "---\n")
    }

    mutating func document(_ node: ConfigNode) -> String {
        lines = comments?.takeHeader(of: node) ?? []
        writeBlock(Self.ordered(node), indent: 0)
        return lines.map { $0 + "\n" }.joined()
    }

    /// apiVersion, kind and metadata first; the rest as written.
    private static func ordered(_ node: ConfigNode) -> ConfigNode {
        guard let fields = node.fields else { return node }
        let first = ["apiVersion", "kind", "metadata"].compactMap { name in fields.first { $0.key == name } }
        let rest = fields.filter { !["apiVersion", "kind", "metadata"].contains($0.key) }
        return ConfigNode(.mapping(first + rest), at: node.position)
    }

    private mutating func writeBlock(_ node: ConfigNode, indent: Int) {
        switch node.value {
        case .mapping(let fields) where !fields.isEmpty:
            for field in fields { write(field, indent: indent, prefix: Self.spaces(indent)) }
        case .sequence(let elements) where !elements.isEmpty:
            for element in elements { writeElement(element, indent: indent) }
        default: lines.append(Self.spaces(indent) + Self.inline(node))
        }
    }

    private mutating func write(_ field: ConfigNode.Field, indent: Int, prefix: String) {
        let trailing = takeComments(at: field.keyPosition.line, indent: indent, prefix: prefix)
        let head = prefix + Self.scalar(field.key) + ":"
        switch field.value.value {
        case .mapping(let fields) where !fields.isEmpty:
            lines.append(head + trailing)
            writeBlock(field.value, indent: indent + 2)
        case .sequence(let elements) where !elements.isEmpty:
            lines.append(head + trailing)
            writeBlock(field.value, indent: indent + 2)
        case .string(let text) where Self.isLiteral(text):
            lines.append(head + " " + Self.literalHeader(text) + trailing)
            appendLiteral(text, indent: indent + 2)
        default: lines.append(head + " " + Self.inline(field.value) + trailing)
        }
    }

    private mutating func writeElement(_ element: ConfigNode, indent: Int) {
        let prefix = Self.spaces(indent) + "- "
        switch element.value {
        case .mapping(let fields) where !fields.isEmpty:
            for (index, field) in fields.enumerated() {
                write(field, indent: indent + 2, prefix: index == 0 ? prefix : Self.spaces(indent + 2))
            }
        case .sequence(let elements) where !elements.isEmpty:
            let trailing = takeComments(at: element.position.line, indent: indent, prefix: prefix)
            lines.append(Self.spaces(indent) + "-" + trailing)
            writeBlock(element, indent: indent + 2)
        case .string(let text) where Self.isLiteral(text):
            let trailing = takeComments(at: element.position.line, indent: indent, prefix: prefix)
            lines.append(prefix + Self.literalHeader(text) + trailing)
            appendLiteral(text, indent: indent + 2)
        default:
            let trailing = takeComments(at: element.position.line, indent: indent, prefix: prefix)
            lines.append(prefix + Self.inline(element) + trailing)
        }
    }

    /// Puts the comments that stood above a line above it again, and returns what stood behind it.
    private mutating func takeComments(at line: Int, indent: Int, prefix: String) -> String {
        guard let taken = comments?.take(at: line) else { return "" }
        let depth = prefix.prefix { $0 == " " }.count
        lines += taken.above.map { Self.spaces(depth) + $0 }
        return taken.behind.map { " \($0)" } ?? ""
    }

    private mutating func appendLiteral(_ text: String, indent: Int) {
        var body = text.split(separator: "\n", omittingEmptySubsequences: false)
        if body.last?.isEmpty == true { body.removeLast() }
        lines += body.map { $0.isEmpty ? "" : Self.spaces(indent) + $0 }
    }

    // MARK: - Scalars

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

    private static func inline(_ node: ConfigNode) -> String {
        switch node.value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let text): text
        case .string(let text): scalar(text)
        case .sequence: "[]"
        case .mapping: "{}"
        }
    }

    /// A block literal keeps a text's lines readable, where nothing in it needs an escape.
    private static func isLiteral(_ text: String) -> Bool {
        text.contains("\n") && !text.hasPrefix(" ") && !text.hasPrefix("\n") && !text.hasSuffix("\n\n") && text != "\n"
            && text.unicodeScalars.allSatisfy { $0 == "\n" || (isPrintable($0) && $0 != "\t") }
            && !text.split(separator: "\n").contains { $0.hasSuffix(" ") }
    }

    private static func literalHeader(_ text: String) -> String { text.hasSuffix("\n") ? "|" : "|-" }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        (0x20..<0x7F).contains(scalar.value)
            || (scalar.value >= 0xA0 && scalar.value != 0x2028 && scalar.value != 0x2029
                && scalar.value != 0xFEFF && !(0xFFFE...0xFFFF).contains(scalar.value))
    }

    /// Plain when it reads back as the same string, otherwise in double quotes.
    static func scalar(_ text: String) -> String {
        if isPlainSafe(text) { return text }
        var quoted = ""
        JSONPrinter.quote(text, into: &quoted)
        return quoted
    }

    private static let indicators = Set("-?:,[]{}#&*!|>'\"%@`=<~".unicodeScalars)
    /// Words that YAML 1.1 readers take for something else.
    private static let words: Set<String> = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]

    private static func isPlainSafe(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last else { return false }
        if indicators.contains(first) || first == " " || first == "." || last == " " || last == ":" { return false }
        if words.contains(text.lowercased()) { return false }
        guard case .string = ScalarSyntax.value(ofPlain: text) else { return false }
        // Dates and 1:30 are numbers to some readers.
        let looksNumeric = (0x30...0x39).contains(first.value)
        if looksNumeric,
            text.unicodeScalars.allSatisfy({
                (0x30...0x39).contains($0.value) || "-:._+eETZ ".unicodeScalars.contains($0)
            }),
            CIDR.addressBytes(text) == nil
        {
            return false
        }
        if text.contains(": ") || text.contains(" #") { return false }
        return text.unicodeScalars.allSatisfy { isPrintable($0) && !",[]{}".unicodeScalars.contains($0) }
    }
}
