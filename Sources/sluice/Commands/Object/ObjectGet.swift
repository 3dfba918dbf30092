import ArgumentParser
import GatewayControl
import GatewayModel

/// `sluice get`.
struct ObjectGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "List objects, or show one.",
        discussion: "'sluice get all' lists every kind. Values of Secrets are never shown.")

    @OptionGroup var object: ObjectName

    @Flag(name: [.customShort("A"), .long], help: "Of every namespace; a list without -A shows one.")
    var allNamespaces = false

    @Option(name: [.customShort("l"), .customLong("selector")], help: "Only with these labels: app=web,tier!=test.")
    var selector: String?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        if object.kind == "all" { return try await showAll() }
        let (kind, name) = try object.resolve()
        if let name {
            let path = ObjectName.path(kind, namespace: object.namespace, name: name)
            let answer = try await state.client.get(path)
            return output.show(answer.node) { ObjectTable.text([answer.node], kind: kind) }
        }
        let list = try await list(kind)
        output.show(list) { ObjectTable.text(list["items"]?.elements ?? [], kind: kind) }
    }

    private func list(_ kind: ObjectKind) async throws -> ConfigNode {
        var query: [(String, String)] = []
        if kind.isNamespaced, !allNamespaces { query.append(("namespace", object.namespace)) }
        if let selector { query.append(("labelSelector", selector)) }
        return try await state.client.get("/v1/\(kind.plural)", query: query).node
    }

    private func showAll() async throws {
        var items: [ConfigNode] = []
        var tables: [String] = []
        for kind in ObjectKind.allCases {
            let found = try await list(kind)["items"]?.elements ?? []
            if found.isEmpty { continue }
            items += found
            tables.append(ObjectTable.text(found, kind: kind))
        }
        let list = ConfigNode.object([
            ("apiVersion", .text("v1")), ("kind", .text("List")), ("items", .list(items)),
        ])
        output.show(list) { tables.isEmpty ? "no objects\n" : tables.joined(separator: "\n") }
    }
}
