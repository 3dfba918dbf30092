/// Whom we believe (sluice.dev/v1alpha1).
package struct IdentityProvider: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: IdentityProviderSpec
}

package struct IdentityProviderSpec: ConfigObject {
    package enum Kind: String, ConfigEnum {
        case apiKey = "APIKey"
        case clientCertificate = "ClientCertificate"
        case oidc = "OIDC"
        case jwt = "JWT"
        case spiffe = "SPIFFE"
        case introspection = "Introspection"

        /// The field that says the rest.
        var field: String {
            switch self {
            case .apiKey: "apiKeys"
            case .clientCertificate: "clientCertificate"
            case .oidc: "oidc"
            case .jwt: "jwt"
            case .spiffe: "spiffe"
            case .introspection: "introspection"
            }
        }
    }

    package var type: Kind
    package var apiKeys: APIKeySource?
    package var clientCertificate: ClientCertificateMapping?
    package var oidc: OIDCIssuer?
    package var jwt: JWTIssuer?
    package var spiffe: SPIFFEDomain?
    package var introspection: IntrospectionEndpoint?
    package var claims: ClaimExpressions?

    package init(_ fields: FieldReader) {
        type = fields.required("type", "what a caller shows")
        apiKeys = fields.optional("apiKeys", "where the keys are, for type APIKey")
        clientCertificate = fields.optional("clientCertificate", "how a certificate names its user")
        oidc = fields.optional("oidc", "an OpenID or OAuth issuer that publishes its keys, for type OIDC")
        jwt = fields.optional("jwt", "an issuer whose keys are given here, for type JWT")
        spiffe = fields.optional("spiffe", "a SPIFFE trust domain, for type SPIFFE")
        introspection = fields.optional("introspection", "a server that is asked about tokens (RFC 7662)")
        claims = fields.optional("claims", "names made from the claims of a token, an expression for each")
        guard fields.has("type") else { return }
        for kind in Kind.allCases where kind != type {
            fields.check(
                !fields.has(kind.field), at: kind.field, "\(kind.field) with type \(type.rawValue)",
                hint: "set type: \(kind.rawValue), or remove \(kind.field)")
        }
        fields.check(
            type == .clientCertificate || fields.has(type.field), .missingField, "missing field \"\(type.field)\"",
            hint: type == .apiKey
                ? "type APIKey needs apiKeys, such as {secretRef: {name: keys}}"
                : "type \(type.rawValue) needs \(type.field)")
        fields.check(
            claims == nil || ![.apiKey, .clientCertificate].contains(type), at: "claims",
            "claims with type \(type.rawValue)", hint: "only tokens have claims; remove it")
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
