/// Where a vendor's key is found: exactly one of an environment variable, a file, a Secret and a CredentialSource.
package struct ModelCredential: ConfigObject, Hashable {
    package var name: String?
    package var env: String?
    package var file: String?
    package var secretRef: SecretKeyReference?
    package var sourceRef: CredentialSourceReference?
    package var header: String?
    package var weight: Int

    package init(_ fields: FieldReader) {
        name = fields.optional("name", "names it in records; where it comes from by default", .name)
        env = fields.optional("env", "an environment variable of the gateway", .environmentVariable)
        file = fields.optional("file", "a file that holds it, relative to the configuration", .nonEmpty)
        secretRef = fields.optional("secretRef", "a value of a Secret")
        sourceRef = fields.optional("sourceRef", "a CredentialSource, which gets it and keeps it fresh")
        header = fields.optional(
            "header",
            "the field it is sent in; by default x-api-key for a key of anthropic, Authorization for all else",
            .headerName)
        weight = fields.value("weight", default: 1, "its share among several", .range(0...1_000_000))
        // What people write first is told apart from a misspelling: a key in a configuration is a leak.
        let plain: SecretText? = fields.optional("value", "refused: a configuration is no place for a key")
        fields.check(
            plain == nil, at: "value", .unsupportedValue, "a key in the configuration",
            hint: "put it into an environment variable (env), a file (file) or a Secret (secretRef), or name a "
                + "CredentialSource (sourceRef)")
        guard plain == nil else { return }
        let sources = ["env", "file", "secretRef", "sourceRef"].filter { fields.has($0) }
        fields.check(
            sources.count <= 1, at: sources.dropFirst().first,
            "\(sources.dropFirst().first ?? "") beside \(sources.first ?? "")", hint: "set one of them")
        fields.check(
            !sources.isEmpty, .missingField, "missing field \"env\"",
            hint: "say where the key is: env, file, secretRef or sourceRef")
    }

    /// What it is called in records; never the key.
    package var shownName: String {
        if let name { return name }
        if let env { return env }
        if let file { return file.split(separator: "/").last.map(String.init) ?? file }
        if let sourceRef { return sourceRef.name }
        return secretRef.map { reference in reference.key.map { "\(reference.name).\($0)" } ?? reference.name } ?? ""
    }
}

/// One value of a Secret.
package struct SecretKeyReference: ConfigObject, Hashable {
    package var group: String
    package var kind: String
    package var name: String
    package var namespace: String?
    package var key: String?

    package init(_ fields: FieldReader) {
        group = fields.value("group", default: "", "the target's API group; empty for core", .group)
        kind = fields.value("kind", default: "Secret", "the target's kind", .kind)
        name = fields.required("name", "the Secret's name", .nonEmpty)
        namespace = fields.optional("namespace", "the Secret's namespace; needs a ReferenceGrant there", .label)
        key = fields.optional("key", "which of its values; its only one by default", .nonEmpty)
    }
}

extension FieldRule where Value == String {
    /// A name an environment variable can have.
    package static var environmentVariable: FieldRule {
        text(1...256, "^[A-Za-z_][A-Za-z0-9_]*$", "must be the name of an environment variable, not a key") { text in
            guard let first = text.utf8.first, !NameSyntax.isDigit(first) else { return false }
            return text.utf8.allSatisfy { NameSyntax.isLetter($0) || NameSyntax.isDigit($0) || $0 == 0x5F }
        }
    }
}
