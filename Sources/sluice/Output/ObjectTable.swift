import GatewayControl
import GatewayModel

/// Objects as rows: name, what matters of the kind, state, and where it was written.
enum ObjectTable {
    static func text(_ items: [ConfigNode], kind: ObjectKind) -> String {
        guard !items.isEmpty else { return "no \(kind.plural)\n" }
        let columns = columns(of: kind)
        let hasStatus = items.contains { !ConditionList($0).rows.isEmpty }
        let heading =
            (kind.isNamespaced ? ["NAMESPACE"] : []) + [kind.rawValue.uppercased()] + columns.map(\.name)
            + (hasStatus ? ["STATE"] : []) + ["SOURCE"]
        var table = TextTable(heading)
        for item in items {
            let metadata = item["metadata"]
            let namespace = metadata?["namespace"]?.string ?? ObjectMeta.defaultNamespace
            table.add(
                (kind.isNamespaced ? [namespace] : []) + [metadata?["name"]?.string ?? ""]
                    + columns.map { $0.value(item) } + (hasStatus ? [ConditionList(item).summary] : [])
                    + [item["status"]?["source"]?.string ?? ""])
        }
        return table.text
    }

    private struct Column {
        var name: String
        var value: (ConfigNode) -> String

        init(_ name: String, _ value: @escaping (ConfigNode) -> String) {
            self.name = name
            self.value = value
        }
    }

    private static func columns(of kind: ObjectKind) -> [Column] {
        switch kind {
        case .gateway:
            [
                Column("LISTENERS") { item in
                    join(item["spec"]?["listeners"]) { listener in
                        "\(text(listener["protocol"])):\(text(listener["port"]))"
                    }
                }
            ]
        case .httpRoute:
            [
                Column("HOSTNAMES") { join($0["spec"]?["hostnames"], text) },
                Column("PARENTS") { join($0["spec"]?["parentRefs"]) { text($0["name"]) } },
                Column("RULES") { String($0["spec"]?["rules"]?.elements?.count ?? 1) },
            ]
        case .backend:
            [
                Column("ENDPOINTS") { item in
                    join(item["spec"]?["endpoints"]) { "\(text($0["host"])):\(text($0["port"]))" }
                }
            ]
        case .service: [Column("PORTS") { join($0["spec"]?["ports"]) { text($0["port"]) } }]
        case .endpointSlice: [Column("ENDPOINTS") { join($0["endpoints"]) { join($0["addresses"], text) } }]
        case .secret: [Column("TYPE") { text($0["type"]) }, Column("KEYS") { keys($0["data"]) }]
        case .configMap: [Column("KEYS") { keys($0["data"]) }]
        case .trafficPolicy, .listenerPolicy:
            [
                Column("TARGETS") { item in
                    join(item["spec"]?["targetRefs"]) { "\(text($0["kind"]))/\(text($0["name"]))" }
                }
            ]
        case .directResponse: [Column("STATUS") { item in item["spec"]?["status"].map { text($0) } ?? "200" }]
        case .credentialSource:
            [Column("KIND") { item in keys(item["spec"]).split(separator: ",").first.map(String.init) ?? "" }]
        case .modelProvider:
            [
                Column("DIALECT") { text($0["spec"]?["dialect"]) }, Column("URL") { text($0["spec"]?["baseURL"]) },
            ]
        case .modelCatalog: [Column("MODELS") { join($0["spec"]?["models"]) { text($0["name"]) } }]
        case .modelAccessPolicy:
            [
                Column("EFFECT") { item in item["spec"]?["effect"].map { text($0) } ?? "allow" },
                Column("MODELS") { join($0["spec"]?["models"], text) },
            ]
        case .budgetPolicy:
            [
                Column("SCOPE") { text($0["spec"]?["scope"]) },
                Column("LIMITS") { item in
                    join(item["spec"]?["limits"]) { limit in
                        "\(text(limit["max"])) \(text(limit["unit"]))"
                            + (limit["window"].map { "/\(text($0))" } ?? "")
                    }
                },
            ]
        case .mcpServer, .mcpToolPolicy, .toolAccessPolicy: toolColumns(of: kind)
        case .auditPolicy:
            [
                Column("CLASS") { item in item["spec"]?["class"].map { text($0) } ?? "standard" },
                Column("LEVEL") { item in item["spec"]?["level"].map { text($0) } ?? "Metadata" },
                Column("SINKS") { join($0["spec"]?["sinks"]) { text($0["name"]) } },
            ]
        case .gatewayClass, .referenceGrant, .namespace, .identityProvider: []
        }
    }

    private static func toolColumns(of kind: ObjectKind) -> [Column] {
        switch kind {
        case .mcpServer:
            [
                Column("URL") { text($0["spec"]?["http"]?["url"]) },
                Column("PROTOCOL") { item in item["spec"]?["protocol"].map { text($0) } ?? "auto" },
            ]
        case .mcpToolPolicy:
            [
                Column("SERVERS") { join($0["spec"]?["servers"], text) },
                Column("PIN") { item in item["spec"]?["pin"].map { text($0) } ?? "firstUse" },
            ]
        case .toolAccessPolicy:
            [
                Column("SUBJECTS") { String($0["spec"]?["subjects"]?.elements?.count ?? 0) },
                Column("SERVERS") { join($0["spec"]?["rules"]) { rule in rule["server"].map { text($0) } ?? "*" } },
            ]
        default: []
        }
    }

    private static func text(_ node: ConfigNode?) -> String { node.map(NodeTable.cell) ?? "" }

    private static func join(_ list: ConfigNode?, _ each: (ConfigNode) -> String) -> String {
        let elements = list?.elements ?? []
        let shown = elements.prefix(3).map(each).joined(separator: ",")
        return elements.count > 3 ? "\(shown),… (\(elements.count))" : shown
    }

    private static func keys(_ node: ConfigNode?) -> String {
        (node?.fields ?? []).map(\.key).joined(separator: ",")
    }
}

/// Every condition in an object's status, whoever set it.
struct ConditionList {
    struct Row {
        var of: String
        var type: String
        var isTrue: Bool
        var reason: String
        var message: String
    }

    private(set) var rows: [Row] = []

    init(_ object: ConfigNode) {
        guard let status = object["status"] else { return }
        add(status, of: "")
        for part in ["listeners", "parents"] {
            for item in status[part]?.elements ?? [] {
                let reference = item["parentRef"] ?? item
                let section = reference["sectionName"]?.string.map { "/\($0)" } ?? ""
                add(item, of: (reference["name"]?.string ?? "") + section)
            }
        }
    }

    private mutating func add(_ node: ConfigNode, of name: String) {
        for condition in node["conditions"]?.elements ?? [] {
            rows.append(
                Row(
                    of: name, type: condition["type"]?.string ?? "",
                    isTrue: condition["status"]?.string == "True", reason: condition["reason"]?.string ?? "",
                    message: condition["message"]?.string ?? ""))
        }
    }

    /// Conditions that are good when false.
    private static let inverted: Set<String> = ["Conflicted", "PartiallyInvalid"]

    private var bad: [Row] { rows.filter { $0.isTrue == Self.inverted.contains($0.type) } }

    /// `ok`, or the reasons of what is not.
    var summary: String {
        var reasons: [String] = []
        for row in bad where !reasons.contains(row.reason) { reasons.append(row.reason) }
        return rows.isEmpty ? "" : reasons.isEmpty ? "ok" : reasons.joined(separator: ",")
    }

    var table: String {
        var table = TextTable(["OF", "CONDITION", "STATUS", "REASON", "MESSAGE"])
        for row in rows { table.add([row.of, row.type, row.isTrue ? "True" : "False", row.reason, row.message]) }
        return table.text
    }
}
