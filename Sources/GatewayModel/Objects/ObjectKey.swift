/// Names one object: unique in a set.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Empty for the core group.
    package var group: String
    package var kind: String
    /// Empty for kinds without a namespace.
    package var namespace: String
    package var name: String

    package init(group: String, kind: String, namespace: String, name: String) {
        self.group = group
        self.kind = kind
        self.namespace = namespace
        self.name = name
    }

    package init(_ kind: ObjectKind, namespace: String = ObjectMeta.defaultNamespace, name: String) {
        self.init(
            group: kind.group, kind: kind.rawValue, namespace: kind.isNamespaced ? namespace : "", name: name)
    }

    /// `HTTPRoute app`, or `HTTPRoute shop/app` outside the default namespace.
    package var description: String {
        namespace.isEmpty || namespace == ObjectMeta.defaultNamespace
            ? "\(kind) \(name)" : "\(kind) \(namespace)/\(name)"
    }

    package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        (left.group, left.kind, left.namespace, left.name) < (right.group, right.kind, right.namespace, right.name)
    }
}
