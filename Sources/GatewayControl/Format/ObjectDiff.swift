package import GatewayModel

/// One field that differs between two versions of an object.
package struct FieldChange: Sendable, Equatable, CustomStringConvertible {
    package var path: String
    /// Nil where the field was not there.
    package var before: ConfigNode?
    package var after: ConfigNode?

    /// `~ spec.rules[0].name: a → b`, `+ …` or `- …`.
    package var description: String {
        let old = before.map { JSONPrinter.print($0) }
        let new = after.map { JSONPrinter.print($0) }
        switch (old, new) {
        case (let old?, let new?): return "~ \(path): \(old) → \(new)"
        case (nil, let new?): return "+ \(path): \(new)"
        case (let old?, nil): return "- \(path): \(old)"
        case (nil, nil): return "  \(path)"
        }
    }
}

/// One object that differs between two sets.
package struct ObjectChange: Sendable, Equatable {
    package enum Kind: String, Sendable { case added, modified, deleted }

    package var key: ObjectKey
    package var kind: Kind
    /// Secrets are masked in these.
    package var fields: [FieldChange]
}

package enum ObjectDiff {
    /// Every object that is in one set only or says something else in the other, in the order of keys.
    package static func between(_ old: ObjectSet, _ new: ObjectSet) -> [ObjectChange] {
        var changes: [ObjectChange] = []
        for object in new.objects {
            guard let before = old[object.key] else {
                changes.append(ObjectChange(key: object.key, kind: .added, fields: []))
                continue
            }
            if wanted(before.document) == wanted(object.document) { continue }
            changes.append(
                ObjectChange(
                    key: object.key, kind: .modified, fields: fields(from: before.document, to: object.document)))
        }
        for object in old.objects where new[object.key] == nil {
            changes.append(ObjectChange(key: object.key, kind: .deleted, fields: []))
        }
        return changes.sorted { $0.key < $1.key }
    }

    /// The fields that differ between two documents of one object; a Secret's values show as masked.
    package static func fields(from old: ConfigNode, to new: ConfigNode) -> [FieldChange] {
        var changes: [FieldChange] = []
        compare(wanted(old), wanted(new), at: .root, into: &changes)
        guard new["kind"]?.string == "Secret" else { return changes }
        return changes.map { change in
            guard change.path.hasPrefix("data") || change.path.hasPrefix("stringData") else { return change }
            return FieldChange(
                path: change.path, before: change.before.map(hidden), after: change.after.map(hidden))
        }
    }

    private static func hidden(_ node: ConfigNode) -> ConfigNode {
        node.fields == nil
            ? .text(Masking.mask) : .object((node.fields ?? []).map { ($0.key, .text(Masking.mask)) })
    }

    /// What someone asked for: without status and what a server keeps.
    private static func wanted(_ document: ConfigNode) -> ConfigNode {
        var copy = document
        copy["status"] = nil
        if var metadata = copy["metadata"] {
            for name in ["resourceVersion", "generation", "uid", "managedFields"] {
                metadata[name] = nil
            }
            copy["metadata"] = metadata
        }
        return copy
    }

    private static func compare(
        _ old: ConfigNode, _ new: ConfigNode, at path: ConfigPath, into changes: inout [FieldChange]
    ) {
        switch (old.value, new.value) {
        case (.mapping(let before), .mapping(let after)):
            for field in before {
                step(field.value, new[field.key], at: path[field.key], into: &changes)
            }
            for field in after where old[field.key] == nil {
                step(nil, field.value, at: path[field.key], into: &changes)
            }
        case (.sequence(let before), .sequence(let after)):
            for index in 0..<max(before.count, after.count) {
                step(
                    before.indices.contains(index) ? before[index] : nil,
                    after.indices.contains(index) ? after[index] : nil, at: path[index], into: &changes)
            }
        default:
            if old != new { changes.append(FieldChange(path: path.description, before: old, after: new)) }
        }
    }

    private static func step(
        _ old: ConfigNode?, _ new: ConfigNode?, at path: ConfigPath, into changes: inout [FieldChange]
    ) {
        if let old, let new {
            compare(old, new, at: path, into: &changes)
        } else if old != nil || new != nil {
            changes.append(FieldChange(path: path.description, before: old, after: new))
        }
    }
}
