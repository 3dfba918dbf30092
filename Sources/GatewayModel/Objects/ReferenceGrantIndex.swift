/// Answers whether a reference across namespaces is permitted. Entries and grants are alternatives.
package struct ReferenceGrantIndex: Sendable {
    private struct From: Hashable {
        var group: String
        var kind: String
        var namespace: String
    }

    /// Who may refer into a namespace, to what.
    private var grants: [String: [(from: Set<From>, to: [ReferenceGrantSpec.To])]] = [:]

    package init(_ grants: some Sequence<ReferenceGrant>) {
        for grant in grants {
            let from = Set(grant.spec.from.map { From(group: $0.group, kind: $0.kind, namespace: $0.namespace) })
            self.grants[grant.metadata.namespace, default: []].append((from, grant.spec.to))
        }
    }

    /// True inside one namespace, and where a grant in the target's namespace says so.
    package func permits(from source: ObjectKey, to target: ObjectKey) -> Bool {
        if source.namespace == target.namespace { return true }
        let from = From(group: source.group, kind: source.kind, namespace: source.namespace)
        return (grants[target.namespace] ?? []).contains { grant in
            grant.from.contains(from)
                && grant.to.contains {
                    $0.group == target.group && $0.kind == target.kind && ($0.name == nil || $0.name == target.name)
                }
        }
    }
}
