/// Whom we believe (sluice.dev/v1alpha1).
package struct IdentityProvider: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: IdentityProviderSpec
}

package struct IdentityProviderSpec: ConfigObject {
    package enum Kind: String, ConfigEnum {
        case apiKey = "APIKey"
        case clientCertificate = "ClientCertificate"
    }

    package var type: Kind
    package var apiKeys: APIKeySource?
    package var clientCertificate: ClientCertificateMapping?

    package init(_ fields: FieldReader) {
        type = fields.required("type", "what a caller shows")
        apiKeys = fields.optional("apiKeys", "where the keys are, for type APIKey")
        clientCertificate = fields.optional("clientCertificate", "how a certificate names its user")
        guard fields.has("type") else { return }
        fields.check(
            type != .apiKey || fields.has("apiKeys"), .missingField, "missing field \"apiKeys\"",
            hint: "type APIKey needs apiKeys, such as {secretRef: {name: keys}}")
        fields.check(
            type == .apiKey || !fields.has("apiKeys"), at: "apiKeys", "apiKeys with type \(type.rawValue)",
            hint: "set type: APIKey, or remove apiKeys")
        fields.check(
            type == .clientCertificate || !fields.has("clientCertificate"), at: "clientCertificate",
            "clientCertificate with type \(type.rawValue)", hint: "set type: ClientCertificate, or remove it")
    }
}

/// Keys in a file or a Secret, one a line: `ID SHA256-OF-KEY user=… tenant=… agent=… groups=a,b expires=…`; or those
/// that the gateway made itself.
package struct APIKeySource: ConfigObject {
    package var file: String?
    package var secretRef: SecretObjectReference?
    package var managed: Bool
    /// The request header that carries the key; `Authorization: Bearer` is read too.
    package var header: String

    package init(_ fields: FieldReader) {
        file = fields.optional(
            "file", "a file of lines USER:KEY or ID SHA256-OF-KEY user=NAME, relative to the configuration", .nonEmpty)
        secretRef = fields.optional(
            "secretRef", "a Secret whose value keys is such a file, or with one key for each user")
        managed = fields.value("managed", default: false, "the keys of 'sluice key create'")
        header = fields.value("header", default: "X-API-Key", "the header that carries the key", .headerName)
        let sources = [("file", fields.has("file")), ("secretRef", fields.has("secretRef")), ("managed", managed)]
        let given = sources.filter(\.1).map(\.0)
        fields.check(
            given.count == 1,
            given.isEmpty ? "neither file nor secretRef nor managed" : given.joined(separator: " beside "),
            hint: "set one of them")
    }
}

package struct ClientCertificateMapping: ConfigObject {
    package enum Source: String, ConfigEnum { case commonName, uri, dns }

    package var userFrom: Source

    package init(_ fields: FieldReader) {
        userFrom = fields.value("userFrom", default: .commonName, "the part of the certificate that names the user")
    }
}
