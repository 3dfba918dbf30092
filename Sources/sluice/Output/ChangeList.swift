import GatewayModel

/// What became of objects, as `apply`, `delete`, `rollback` and `diff` tell it.
enum ChangeList {
    /// `created HTTPRoute app`, with the fields that differ below.
    static func text(_ objects: [ConfigNode]) -> String {
        objects.map { object in
            let namespace = object["namespace"]?.string ?? ""
            let prefix = namespace.isEmpty || namespace == ObjectMeta.defaultNamespace ? "" : "\(namespace)/"
            var text = "\(object["result"]?.string ?? "") \(object["kind"]?.string ?? "") "
            text += "\(prefix)\(object["name"]?.string ?? "")\n"
            for field in object["fields"]?.elements ?? [] { text += "  \(field.string ?? "")\n" }
            return text
        }.joined()
    }

    /// The answer to a change.
    static func report(_ node: ConfigNode) -> String {
        var text = (node["diagnostics"]?.elements ?? []).map { Findings.line($0) + "\n" }.joined()
        text += self.text(node["objects"]?.elements ?? [])
        let revision = node["revision"].map(NodeTable.cell) ?? ""
        let isDryRun = node["dryRun"]?.value == .bool(true)
        let isApplied = node["applied"]?.value == .bool(true)
        return text
            + (isDryRun
                ? "dry run: nothing is changed\n"
                : isApplied ? "revision \(revision) serves\n" : "nothing to change, revision \(revision) serves\n")
    }
}
