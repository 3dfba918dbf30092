import ArgumentParser
import GatewayModel

/// `sluice history`.
struct ConfigurationHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List the revisions of a running gateway, or show one.")

    @Argument(help: "A revision; all of them by default.")
    var revision: Int?

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        if let revision {
            let node = try await state.client.get("/v1/history/\(revision)").node
            return output.show(node) {
                ListedObjects.text(node["items"]?.elements ?? [])
            }
        }
        let node = try await state.client.get("/v1/history").node
        let current = node["revision"].map(NodeTable.cell)
        output.show(node) {
            var table = TextTable(["REVISION", "TIME", "CAUSE", "OBJECTS", "CHANGES"])
            for item in node["items"]?.elements ?? [] {
                let number = item["revision"].map(NodeTable.cell) ?? ""
                let changes = item["changes"]?.elements ?? []
                let shown = changes.prefix(3).map(NodeTable.cell).joined(separator: ", ")
                table.add([
                    number == current ? "\(number) *" : number, item["time"].map(NodeTable.cell) ?? "",
                    item["cause"].map(NodeTable.cell) ?? "", item["objects"].map(NodeTable.cell) ?? "",
                    changes.count > 3 ? "\(shown), … (\(changes.count))" : shown,
                ])
            }
            return table.text
        }
    }
}

/// Objects of several kinds in one list.
enum ListedObjects {
    static func text(_ items: [ConfigNode]) -> String {
        var table = TextTable(["KIND", "NAMESPACE", "NAME"])
        for item in items {
            table.add([
                item["kind"]?.string ?? "",
                item["metadata"]?["namespace"]?.string ?? ObjectMeta.defaultNamespace,
                item["metadata"]?["name"]?.string ?? "",
            ])
        }
        return table.text
    }
}
