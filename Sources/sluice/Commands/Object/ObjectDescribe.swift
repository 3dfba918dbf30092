import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice describe`.
struct ObjectDescribe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Show everything about an object: where from, what it says, how it fares.")

    @OptionGroup var object: ObjectName
    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let node = try await state.client.get(try object.path()).node
        output.show(node) { Self.text(node) }
    }

    static func text(_ node: ConfigNode) -> String {
        let metadata = node["metadata"]
        func line(_ name: String, _ value: ConfigNode?) -> String {
            guard let value, value != .object([]) else { return "" }
            let pairs = value.fields?.map { "\($0.key)=\(NodeTable.cell($0.value))" }.joined(separator: ", ")
            let text = pairs ?? NodeTable.cell(value)
            return name + String(repeating: " ", count: max(1, 13 - name.count)) + text + "\n"
        }
        var text = line("Name:", metadata?["name"]) + line("Namespace:", metadata?["namespace"])
        text += line("Kind:", node["kind"]) + line("API version:", node["apiVersion"])
        text += line("Labels:", metadata?["labels"]) + line("Annotations:", metadata?["annotations"])
        text += line("Version:", metadata?["resourceVersion"]) + line("Source:", node["status"]?["source"])
        for field in node.fields ?? [] where !["apiVersion", "kind", "metadata", "status"].contains(field.key) {
            text += "\n" + YAMLPrinter.print(.object([(field.key, field.value)]))
        }
        let conditions = ConditionList(node)
        if !conditions.rows.isEmpty { text += "\n" + conditions.table }
        return text
    }
}
