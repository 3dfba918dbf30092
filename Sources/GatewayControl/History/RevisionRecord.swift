package import GatewayModel

/// One state of the whole configuration, as kept in the history.
package struct RevisionRecord: Sendable {
    package struct Item: Sendable {
        package var object: GatewayObject
        package var entry: StoredEntry
    }

    package var revision: Int
    /// Seconds since 1970.
    package var time: Int
    package var cause: ChangeCause
    package var changes: [ObjectChange]
    package var items: [Item]

    /// Without the objects, for a list.
    package var summary: RevisionSummary {
        RevisionSummary(
            revision: revision, time: time, cause: cause, objectCount: items.count,
            changes: changes.map { "\($0.kind.rawValue) \($0.key)" })
    }
}

package struct RevisionSummary: Sendable, Equatable {
    package var revision: Int
    package var time: Int
    package var cause: ChangeCause
    package var objectCount: Int
    /// `modified HTTPRoute app`, one for each object.
    package var changes: [String]
}

/// What made a revision.
package enum ChangeCause: Sendable, Equatable, CustomStringConvertible {
    case files
    case apply
    case delete
    case rollback(to: Int)
    case unknown

    package init(_ text: String) {
        switch text {
        case "files": self = .files
        case "apply": self = .apply
        case "delete": self = .delete
        default:
            let number = text.hasPrefix("rollback to ") ? Int(text.dropFirst("rollback to ".count)) : nil
            self = number.map { .rollback(to: $0) } ?? .unknown
        }
    }

    package var description: String {
        switch self {
        case .files: "files"
        case .apply: "apply"
        case .delete: "delete"
        case .rollback(let revision): "rollback to \(revision)"
        case .unknown: "unknown"
        }
    }
}

/// What the store knows of an object beside its content.
package struct StoredEntry: Sendable, Equatable {
    /// Where an object came from.
    package enum Origin: Sendable, Equatable {
        /// From a file: only the file can change it.
        case file(String)
        /// From the admin API; lives in the state folder.
        case overlay
    }

    /// The revision that last changed it; the object's ETag.
    package var resourceVersion: String
    package var origin: Origin

    package init(resourceVersion: String, origin: Origin) {
        self.resourceVersion = resourceVersion
        self.origin = origin
    }
}
