/// `metadata` of any object.
package struct ObjectMeta: ConfigObject {
    package static let defaultNamespace = "default"

    package var name: String
    package var namespace: String
    package var labels: [String: String]
    package var annotations: [String: String]
    /// RFC 3339 text; compares in time order as text because Kubernetes always writes UTC.
    package var creationTimestamp: String?
    package var generation: Int
    package var uid: String?
    package var resourceVersion: String?

    package init(_ fields: FieldReader) {
        name = fields.required("name", "the object's name", .name)
        namespace = fields.value(
            "namespace", default: Self.defaultNamespace, "the namespace it lives in", .label)
        labels = fields.map("labels", "labels others select it by")
        annotations = fields.map("annotations", "notes for people and tools")
        creationTimestamp = fields.optional("creationTimestamp", "when it was made, RFC 3339")
        generation = fields.value("generation", default: 0, "counts changes of the spec")
        uid = fields.optional("uid", "set by the server")
        resourceVersion = fields.optional("resourceVersion", "the version a change is based on")
        // A server adds managedFields, ownerReferences, finalizers and more; none changes what we do.
        for name in ["managedFields", "ownerReferences", "finalizers", "selfLink", "generateName"] {
            let _: ConfigNode? = fields.optional(name, "set by the server; kept")
        }
        let _: ConfigNode? = fields.optional("deletionTimestamp", "set by the server; kept")
        let _: ConfigNode? = fields.optional("deletionGracePeriodSeconds", "set by the server; kept")
    }
}

extension ObjectMeta {
    /// `namespace/name`.
    package var qualifiedName: String { "\(namespace)/\(name)" }

    /// What callers and metrics see: `name` alone in the default namespace.
    package var shownName: String { namespace == ObjectMeta.defaultNamespace ? name : qualifiedName }
}
