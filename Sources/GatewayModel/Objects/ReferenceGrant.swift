/// Lets namespaces refer to objects of its own namespace.
package struct ReferenceGrant: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ReferenceGrantSpec
}

package struct ReferenceGrantSpec: ConfigObject {
    package struct From: ConfigObject, Hashable {
        package var group: String
        package var kind: String
        package var namespace: String

        package init(_ fields: FieldReader) {
            group = fields.required("group", "the referring object's API group", .group)
            kind = fields.required("kind", "the referring object's kind", .kind)
            namespace = fields.required("namespace", "the referring object's namespace", .label)
        }
    }

    package struct To: ConfigObject, Hashable {
        package var group: String
        package var kind: String
        package var name: String?

        package init(_ fields: FieldReader) {
            group = fields.required("group", "the target's API group; empty for core", .group)
            kind = fields.required("kind", "the target's kind", .kind)
            name = fields.optional("name", "one target; all of the kind by default", .nonEmpty)
        }
    }

    package var from: [From]
    package var to: [To]

    package init(_ fields: FieldReader) {
        from = fields.list("from", "who may refer", count: 1...16)
        to = fields.list("to", "to what", count: 1...16)
    }
}
