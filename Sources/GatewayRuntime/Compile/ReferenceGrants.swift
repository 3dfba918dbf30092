import GatewayModel

/// Who may refer across namespaces (ReferenceGrant). Grants live in the namespace of the target; any one suffices.
struct ReferenceGrants {
    /// An object that refers.
    struct Source {
        var group: String
        var kind: String
        var namespace: String
    }

    private let byNamespace: [String: [ReferenceGrantSpec]]

    init(_ grants: [ReferenceGrant]) {
        byNamespace = Dictionary(grouping: grants, by: \.metadata.namespace).mapValues { $0.map(\.spec) }
    }

    /// Whether `source` may refer to an object; always inside one namespace.
    func permits(_ source: Source, group: String, kind: String, namespace: String, name: String) -> Bool {
        if source.namespace == namespace { return true }
        return (byNamespace[namespace] ?? []).contains { grant in
            grant.from.contains {
                $0.group == source.group && $0.kind == source.kind && $0.namespace == source.namespace
            }
                && grant.to.contains { to in
                    to.group == group && to.kind == kind && (to.name == nil || to.name == name)
                }
        }
    }
}
