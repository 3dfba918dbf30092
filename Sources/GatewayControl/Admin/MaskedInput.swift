import GatewayModel

/// Finds values that were masked when they were read: written back, the mask would become the secret.
enum MaskedInput {
    static func diagnostics(_ documents: [ConfigNode]) -> [Diagnostic] {
        documents.filter { $0["kind"]?.string == "Secret" }.flatMap { document in
            ["data", "stringData"].flatMap { part in
                (document[part]?.fields ?? []).filter { $0.value.string == Masking.mask }.map { field in
                    Diagnostic(
                        .invalidValue, at: field.value.position, path: "\(part).\(field.key)",
                        "masked value in Secret \(document["metadata"]?["name"]?.string ?? ""), \(part).\(field.key)",
                        hint: "give the real value, or leave the key out of a PATCH to keep it")
                }
            }
        }
    }
}
