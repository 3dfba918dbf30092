package import GatewayModel

/// Hides what must not be seen. Everything that renders a document for a person, a log or an API goes through here.
package enum Masking {
    /// What stands where a secret was.
    package static let mask = Secret("").description

    /// The document with every value of a Secret replaced, lists of objects included.
    package static func masked(_ document: ConfigNode) -> ConfigNode {
        guard document.fields != nil else { return document }
        var copy = document
        if let items = document["items"]?.elements { copy["items"] = .list(items.map(masked)) }
        guard document["kind"]?.string == "Secret" else { return copy }
        for name in ["data", "stringData"] {
            guard let values = document[name] else { continue }
            copy[name] = .object((values.fields ?? []).map { ($0.key, .text(mask)) })
        }
        // `kubectl apply` keeps a copy of the whole object, values included, in an annotation.
        if var metadata = copy["metadata"], var annotations = metadata["annotations"] {
            annotations["kubectl.kubernetes.io/last-applied-configuration"] = nil
            metadata["annotations"] = annotations
            copy["metadata"] = metadata
        }
        return copy
    }
}
