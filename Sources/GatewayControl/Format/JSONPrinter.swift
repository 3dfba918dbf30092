package import GatewayModel

/// Trees to JSON.
package enum JSONPrinter {
    /// One line, or two-space indented lines.
    package static func print(_ node: ConfigNode, pretty: Bool = false) -> String {
        var text = ""
        write(node, into: &text, indent: pretty ? 0 : nil)
        if pretty { text += "\n" }
        return text
    }

    private static func write(_ node: ConfigNode, into text: inout String, indent: Int?) {
        switch node.value {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .number(let number): text += jsonNumber(number)
        case .string(let string): quote(string, into: &text)
        case .sequence(let elements):
            let parts = elements.map { element in
                { (text: inout String, deeper: Int?) in write(element, into: &text, indent: deeper) }
            }
            block("[", "]", parts, into: &text, indent: indent)
        case .mapping(let fields):
            let parts = fields.map { field in
                { (text: inout String, deeper: Int?) in
                    quote(field.key, into: &text)
                    text += deeper == nil ? ":" : ": "
                    write(field.value, into: &text, indent: deeper)
                }
            }
            block("{", "}", parts, into: &text, indent: indent)
        }
    }

    private static func block(
        _ open: String, _ close: String, _ parts: [(inout String, Int?) -> Void], into text: inout String, indent: Int?
    ) {
        text += open
        let deeper = indent.map { $0 + 2 }
        for (index, part) in parts.enumerated() {
            if index > 0 { text += "," }
            if let deeper { text += "\n" + String(repeating: " ", count: deeper) }
            part(&text, deeper)
        }
        if let indent, !parts.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
        text += close
    }

    /// YAML allows more ways to write a number than JSON does.
    private static func jsonNumber(_ text: String) -> String {
        if text.hasPrefix("0x"), let number = Int(text.dropFirst(2), radix: 16) { return String(number) }
        if text.hasPrefix("0o"), let number = Int(text.dropFirst(2), radix: 8) { return String(number) }
        var digits = text.hasPrefix("+") ? String(text.dropFirst()) : text
        let isNegative = digits.hasPrefix("-")
        if isNegative { digits.removeFirst() }
        while digits.utf8.count > 1, digits.hasPrefix("0"),
            digits.utf8.dropFirst().first.map({ (48...57).contains($0) }) == true
        {
            digits.removeFirst()
        }
        if digits.hasPrefix(".") { digits = "0" + digits }
        if let point = digits.firstIndex(of: "."), !(digits[digits.index(after: point)...].first?.isNumber ?? false) {
            digits.remove(at: point)
        }
        return (isNegative ? "-" : "") + digits
    }

    static func quote(_ string: String, into text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _
            where scalar.value < 0x20 || scalar.value == 0x7F || (0x80...0x9F).contains(scalar.value)
                || scalar.value == 0x2028 || scalar.value == 0x2029 || scalar.value == 0xFEFF || scalar.value == 0x85:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
