package import GatewayModel

/// The store's state at one revision.
package struct StoreSnapshot: Sendable {
    package var revision: Int
    package var set: ObjectSet
    package var entries: [ObjectKey: StoredEntry]
    /// Warnings and conditions of the set that serves; never errors.
    package var diagnostics: [Diagnostic]
    /// Why the newest files are not what serves; empty when they are.
    package var refusedFiles: [Diagnostic]

    /// What a person or an API may see of an object: secrets masked, the resource version filled in.
    package func rendered(_ key: ObjectKey) -> ConfigNode? {
        guard let object = set[key] else { return nil }
        var document = Masking.masked(object.document)
        if var metadata = document["metadata"], let entry = entries[key] {
            metadata["namespace"] = key.namespace.isEmpty ? nil : .text(key.namespace)
            metadata["resourceVersion"] = .text(entry.resourceVersion)
            document["metadata"] = metadata
        }
        return document
    }
}

/// A new state of the store, and what is different.
package struct StoreChange: Sendable {
    package var snapshot: StoreSnapshot
    package var cause: ChangeCause
    package var changes: [ObjectChange]
}

/// What an attempt to change the store came to.
package struct StoreOutcome: Sendable {
    /// False after errors, in a dry run, and when nothing would differ.
    package var isApplied: Bool
    /// The revision that serves now.
    package var revision: Int
    package var changes: [ObjectChange]
    package var diagnostics: [Diagnostic]

    /// Whether the change is refused.
    package var isRefused: Bool { diagnostics.hasErrors }
}

/// What a change must find.
package struct Precondition: Sendable {
    /// Resource versions (or `*` for any) that the object must have; nil asks for nothing.
    package var ifMatch: [String]?
    /// The object must not be there yet.
    package var ifNoneMatch: Bool

    package init(ifMatch: [String]? = nil, ifNoneMatch: Bool = false) {
        self.ifMatch = ifMatch
        self.ifNoneMatch = ifNoneMatch
    }

    package static let none = Precondition()
}
