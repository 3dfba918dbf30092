import GatewayControl
import GatewayModel

/// Tables of any JSON: a list of objects becomes rows, an object becomes lines of name and value.
enum NodeTable {
    static func text(_ node: ConfigNode) -> String {
        if let items = node["items"]?.elements ?? node.elements { return rows(items) }
        guard let fields = node.fields else { return cell(node) + "\n" }
        let width = fields.map(\.key.count).max() ?? 0
        var text = ""
        for field in fields {
            if let items = field.value.elements, items.contains(where: { $0.fields != nil }) {
                text += "\(field.key):\n" + rows(items).split(separator: "\n").map { "  \($0)\n" }.joined()
            } else {
                text +=
                    field.key + String(repeating: " ", count: width - field.key.count + 2) + cell(field.value) + "\n"
            }
        }
        return text
    }

    static func rows(_ items: [ConfigNode]) -> String {
        var names: [String] = []
        for item in items {
            for field in item.fields ?? [] where !names.contains(field.key) { names.append(field.key) }
        }
        guard !names.isEmpty else { return items.map { cell($0) + "\n" }.joined() }
        var table = TextTable(names.map { $0.uppercased() })
        for item in items { table.add(names.map { item[$0].map(cell) ?? "" }) }
        return table.text
    }

    /// A value on one line.
    static func cell(_ node: ConfigNode) -> String {
        switch node.value {
        case .null: ""
        case .string(let text): text
        case .number(let text): text
        case .bool(let flag): flag ? "yes" : "no"
        case .sequence(let elements): elements.map(cell).joined(separator: ", ")
        case .mapping: JSONPrinter.print(node)
        }
    }
}
