/// A reference to an object in the same namespace.
package struct LocalObjectReference: ConfigObject, Hashable {
    package var group: String
    package var kind: String
    package var name: String

    package init(_ fields: FieldReader) {
        group = fields.required("group", "the target's API group; empty for core", .group)
        kind = fields.required("kind", "the target's kind", .kind)
        name = fields.required("name", "the target's name", .nonEmpty)
    }
}

/// A reference to an object, with its kind spelled out (CA certificates).
package struct ObjectReference: ConfigObject, Hashable {
    package var group: String
    package var kind: String
    package var name: String
    package var namespace: String?

    package init(_ fields: FieldReader) {
        group = fields.required("group", "the target's API group; empty for core", .group)
        kind = fields.required("kind", "the target's kind: ConfigMap or Secret", .kind)
        name = fields.required("name", "the target's name", .nonEmpty)
        namespace = fields.optional("namespace", "the target's namespace; needs a ReferenceGrant there", .label)
    }
}

/// A reference to a Secret.
package struct SecretObjectReference: ConfigObject, Hashable {
    package var group: String
    package var kind: String
    package var name: String
    package var namespace: String?

    package init(_ fields: FieldReader) {
        group = fields.value("group", default: "", "the target's API group; empty for core", .group)
        kind = fields.value("kind", default: "Secret", "the target's kind", .kind)
        name = fields.required("name", "the Secret's name", .nonEmpty)
        namespace = fields.optional("namespace", "the Secret's namespace; needs a ReferenceGrant there", .label)
    }
}

/// A reference to where traffic goes: a Service or a Backend.
package struct BackendObjectReference: ConfigObject, Hashable {
    package var group: String
    package var kind: String
    package var name: String
    package var namespace: String?
    package var port: Int?

    package init(_ fields: FieldReader) {
        group = fields.value("group", default: "", "the target's API group; empty for core", .group)
        kind = fields.value("kind", default: "Service", "the target's kind", .kind)
        name = fields.required("name", "the target's name", .nonEmpty)
        namespace = fields.optional("namespace", "the target's namespace; needs a ReferenceGrant there", .label)
        port = fields.optional("port", "the Service's port", .port)
        fields.check(
            !(group.isEmpty && kind == "Service") || port != nil || fields.has("port"), .missingField,
            "missing field \"port\"", hint: "a reference to a Service needs a port")
    }
}

/// Where a route attaches: a Gateway, or one of its listeners by name or port.
package struct ParentReference: ConfigObject, Hashable {
    package var group: String
    package var kind: String
    package var name: String
    package var namespace: String?
    package var sectionName: String?
    package var port: Int?

    package init(_ fields: FieldReader) {
        group = fields.value("group", default: ObjectKind.gatewayGroup, "the parent's API group", .group)
        kind = fields.value("kind", default: "Gateway", "the parent's kind", .kind)
        name = fields.required("name", "the parent's name", .nonEmpty)
        namespace = fields.optional("namespace", "the parent's namespace; the route's own by default", .label)
        sectionName = fields.optional("sectionName", "one listener, by name", .name)
        port = fields.optional("port", "listeners on this port only", .port)
    }
}

/// What a policy is about, in its own namespace.
package struct PolicyTargetReference: ConfigObject, Hashable {
    package var group: String
    package var kind: String
    package var name: String
    package var sectionName: String?

    package init(_ fields: FieldReader) {
        group = fields.required("group", "the target's API group; empty for core", .group)
        kind = fields.required("kind", "the target's kind", .kind)
        name = fields.required("name", "the target's name", .nonEmpty)
        sectionName = fields.optional("sectionName", "one listener, rule or port, by name", .name)
    }
}

/// Picks objects by their labels; everything must hold.
package struct LabelSelector: ConfigObject, Hashable {
    package enum Operator: String, ConfigEnum {
        case `in` = "In"
        case notIn = "NotIn"
        case exists = "Exists"
        case doesNotExist = "DoesNotExist"
    }

    package struct Requirement: ConfigObject, Hashable {
        package var key: String
        package var `operator`: Operator
        package var values: [String]

        package init(_ fields: FieldReader) {
            key = fields.required("key", "the label's name", .nonEmpty)
            `operator` = fields.required("operator", "how the label is compared")
            values = fields.list("values", "what it is compared with")
            let needsValues = `operator` == .in || `operator` == .notIn
            fields.check(
                needsValues != values.isEmpty || fields.isRecording, at: "values",
                "invalid values for operator \(`operator`.rawValue)",
                hint: needsValues ? "In and NotIn need at least one value" : "leave values out")
        }
    }

    package var matchLabels: [String: String]
    package var matchExpressions: [Requirement]

    package init(_ fields: FieldReader) {
        matchLabels = fields.map("matchLabels", "labels that must have exactly these values")
        matchExpressions = fields.list("matchExpressions", "conditions on labels")
    }

    package func matches(_ labels: [String: String]) -> Bool {
        matchLabels.allSatisfy { labels[$0.key] == $0.value }
            && matchExpressions.allSatisfy { requirement in
                let value = labels[requirement.key]
                switch requirement.operator {
                case .in: return value.map { requirement.values.contains($0) } ?? false
                case .notIn: return value.map { !requirement.values.contains($0) } ?? true
                case .exists: return value != nil
                case .doesNotExist: return value == nil
                }
            }
    }
}
