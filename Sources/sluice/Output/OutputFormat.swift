import ArgumentParser
import GatewayControl
import GatewayModel

/// The three ways a command shows data.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json, yaml
}

/// `-o table|json|yaml`.
struct OutputOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "How to show the result: table, json or yaml.")
    var output = OutputFormat.table

    /// Shows a result; the table is made only when it is wanted.
    func show(_ node: ConfigNode, table: () -> String) {
        switch output {
        case .table: Terminal.out(table())
        case .json: Terminal.out(JSONPrinter.print(node, pretty: true))
        case .yaml: Terminal.out(YAMLPrinter.print(node))
        }
    }

    /// The same for a result that is a list of objects or facts.
    func show(_ node: ConfigNode) { show(node) { NodeTable.text(node) } }
}
