/// What each kind of CredentialSource needs.

/// Who the gateway is to an OAuth server; written beside a kind's own fields.
package struct OAuthClient: Sendable, Hashable {
    package enum Authentication: String, ConfigEnum {
        case basic, post, privateKeyJWT
        /// The server knows the gateway otherwise, by the subject's token say.
        case none
    }

    package var tokenURL: String
    package var clientID: String?
    package var secret: SecretPlace?
    package var privateKey: SecretPlace?
    package var keyID: String?
    package var authentication: Authentication
    package var assertionAudience: String?
    package var scopes: [String]
    package var audience: String?
    package var resource: String?
    package var parameters: [String: String]

    init(_ fields: FieldReader, isAnonymousAllowed: Bool) {
        tokenURL = fields.required("tokenURL", "the server's token endpoint", .httpURL)
        clientID = fields.optional("clientID", "who the gateway is there", .nonEmpty)
        secret = fields.optional("clientSecret", "the secret of that client")
        privateKey = fields.optional(
            "privateKey", "a PEM key that signs in its place: P-256, P-384 or RSA (private_key_jwt, RFC 7523)")
        keyID = fields.optional("keyID", "kid of what that key signs", .nonEmpty)
        let written: Authentication? = fields.optional(
            "authentication", "how the gateway proves who it is; basic with a secret, privateKeyJWT with a key")
        assertionAudience = fields.optional(
            "assertionAudience", "aud of what the key signs; tokenURL by default", .nonEmpty)
        scopes = fields.list("scopes", "what the token is to allow", count: 0...64, each: .nonEmpty)
        audience = fields.optional("audience", "whom the token is to be for", .nonEmpty)
        resource = fields.optional("resource", "what the token is to open (RFC 8707)", .httpURL)
        parameters = fields.map("parameters", "further fields of the request; no place for a key", countMax: 16)
        let usual: Authentication =
            fields.has("privateKey") ? .privateKeyJWT : fields.has("clientSecret") ? .basic : .none
        authentication = written ?? usual
        check(fields, isAnonymousAllowed)
    }

    private func check(_ fields: FieldReader, _ isAnonymousAllowed: Bool) {
        fields.check(
            !(fields.has("clientSecret") && fields.has("privateKey")), at: "privateKey",
            "privateKey beside clientSecret", hint: "set one of them")
        fields.check(
            isAnonymousAllowed || authentication != .none, .missingField, "missing field \"clientSecret\"",
            hint: "set clientSecret or privateKey")
        fields.check(
            authentication == .none || fields.has("clientID"), .missingField, "missing field \"clientID\"",
            hint: "say who the gateway is to the server")
        let needsSecret = authentication == .basic || authentication == .post
        fields.check(
            !needsSecret || fields.has("clientSecret"), at: "authentication", .missingField,
            "missing field \"clientSecret\"", hint: "authentication \(authentication.rawValue) needs it")
        fields.check(
            authentication != .privateKeyJWT || fields.has("privateKey"), at: "authentication", .missingField,
            "missing field \"privateKey\"", hint: "authentication privateKeyJWT needs it")
        for name in parameters.keys.sorted() where OAuthClient.ownParameters.contains(name) {
            fields.check(false, at: "parameters", "the field \"\(name)\" is the gateway's own", hint: "remove it")
        }
    }

    private static let ownParameters: Set<String> = [
        "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "subject_token",
        "actor_token", "scope", "audience", "resource", "subject_token_type", "requested_token_type",
    ]
}

package struct ClientCredentials: ConfigObject, Hashable {
    package var client: OAuthClient

    package init(_ fields: FieldReader) { client = OAuthClient(fields, isAnonymousAllowed: false) }
}

/// A token that stands for the gateway: of a file, read whenever it is needed, or of the gateway's own issuer.
package struct SubjectToken: ConfigObject, Hashable {
    package var file: String?
    package var gateway: GatewayToken?

    package init(_ fields: FieldReader) {
        file = fields.optional(
            "file", "a file with a JWT, such as a projected service account token; read each time", .nonEmpty)
        gateway = fields.optional("gateway", "a JWT that the gateway signs itself")
        let given = ["file", "gateway"].filter { fields.has($0) }
        fields.check(
            given.count == 1, given.isEmpty ? "neither file nor gateway" : "file beside gateway",
            hint: "set one of them")
    }
}

/// What the gateway's own token says. Its issuer is that of `--token-issuer`.
package struct GatewayToken: ConfigObject, Hashable {
    package var audience: String
    package var subject: String?
    package var lifetime: ConfigDuration

    package init(_ fields: FieldReader) {
        audience = fields.required("audience", "whom it is for", .nonEmpty)
        subject = fields.optional(
            "subject", "whom it is of; credentialsource:NAMESPACE/NAME by default", .length(1...256))
        lifetime = fields.value(
            "lifetime", default: ConfigDuration(milliseconds: 300_000), shown: .text("5m"),
            "how long it is good, at most 1h",
            FieldRule { (30_000...3_600_000).contains($0.milliseconds) ? nil : "must be between 30s and 1h" })
    }
}

package struct ExchangedCredential: ConfigObject, Hashable {
    package var client: OAuthClient
    package var subject: SubjectToken
    package var subjectType: String
    package var actor: SubjectToken?
    package var requestedType: String?

    package init(_ fields: FieldReader) {
        client = OAuthClient(fields, isAnonymousAllowed: true)
        subject = fields.required("subject", "the token that is exchanged: file or gateway")
        subjectType = fields.value(
            "subjectTokenType", default: "urn:ietf:params:oauth:token-type:jwt", "what kind of token it is", .nonEmpty)
        actor = fields.optional("actor", "the token of who acts for the subject: file or gateway")
        requestedType = fields.optional("requestedTokenType", "what kind of token is wanted", .nonEmpty)
    }
}

/// A secret of HashiCorp Vault or OpenBao.
package struct VaultCredential: ConfigObject, Hashable {
    package enum Engine: String, ConfigEnum { case kv1, kv2, dynamic }

    package var address: String
    package var namespace: String?
    package var engine: Engine
    package var mount: String
    package var path: String
    package var field: String?
    package var refresh: ConfigDuration
    package var auth: VaultAuth

    package init(_ fields: FieldReader) {
        address = fields.required("address", "where it is, such as https://vault.example:8200", .baseURL)
        namespace = fields.optional("namespace", "the namespace there", .vaultPath)
        engine = fields.value("engine", default: .kv2, "what keeps the secret; dynamic for one with a lease")
        mount = fields.value("mount", default: "secret", "where that is mounted", .vaultPath)
        path = fields.required("path", "the secret below it, such as models/openai or creds/reader", .vaultPath)
        field = fields.optional("field", "which of its values; its only one by default", .nonEmpty)
        refresh = fields.value(
            "refresh", default: ConfigDuration(milliseconds: 300_000), shown: .text("5m"),
            "how often a secret without a lease is looked at again",
            FieldRule { (5_000...86_400_000).contains($0.milliseconds) ? nil : "must be between 5s and 24h" })
        auth = fields.required("auth", "how the gateway is let in: token, kubernetes, jwt or appRole")
    }
}

package struct VaultAuth: ConfigObject, Hashable {
    package var token: SecretPlace?
    package var kubernetes: VaultJWTLogin?
    package var jwt: VaultJWTLogin?
    package var appRole: VaultAppRole?

    package init(_ fields: FieldReader) {
        token = fields.optional("token", "a token of it")
        kubernetes = fields.optional("kubernetes", "its method for service accounts of Kubernetes")
        jwt = fields.optional("jwt", "its method for JWTs")
        appRole = fields.optional("appRole", "its method for programs")
        let given = ["token", "kubernetes", "jwt", "appRole"].filter { fields.has($0) }
        fields.check(
            given.count == 1,
            given.isEmpty ? "neither token nor kubernetes nor jwt nor appRole" : given.joined(separator: " beside "),
            hint: "set one of them")
    }
}

package struct VaultJWTLogin: ConfigObject, Hashable {
    package var role: String
    package var mount: String?
    package var subject: SubjectToken?

    package init(_ fields: FieldReader) {
        role = fields.required("role", "the role to take", .nonEmpty)
        mount = fields.optional("mount", "where the method is mounted; its name by default", .vaultPath)
        subject = fields.optional(
            "subject", "the JWT: file or gateway; the pod's own service account token by default")
    }
}

package struct VaultAppRole: ConfigObject, Hashable {
    package var roleID: String
    package var secretID: SecretPlace
    package var mount: String?

    package init(_ fields: FieldReader) {
        roleID = fields.required("roleID", "which role", .nonEmpty)
        secretID = fields.required("secretID", "the secret that goes with it")
        mount = fields.optional("mount", "where the method is mounted; approle by default", .vaultPath)
    }
}

package struct GoogleCredential: ConfigObject, Hashable {
    package var key: SecretPlace
    package var scopes: [String]
    package var audience: String?
    package var subject: String?
    package var tokenURL: String

    package init(_ fields: FieldReader) {
        key = fields.required("key", "the service account's key, as Google gives it out (JSON)")
        scopes = fields.list(
            "scopes", "what a token of Google is to allow; https://www.googleapis.com/auth/cloud-platform by default",
            count: 0...32, each: .nonEmpty)
        audience = fields.optional(
            "selfSignedAudience",
            "the API that takes a JWT signed by the key itself, such as https://aiplatform.googleapis.com/; "
                + "no token is fetched then", .nonEmpty)
        subject = fields.optional("subject", "the user to act for, where the domain allows it", .nonEmpty)
        tokenURL = fields.value(
            "tokenURL", default: "https://oauth2.googleapis.com/token",
            "where it is fetched; what the key file says of it is not followed", .httpURL)
        fields.check(
            audience == nil || scopes.isEmpty && subject == nil, at: "selfSignedAudience",
            "selfSignedAudience beside scopes or subject", hint: "a JWT that is signed here has neither")
    }
}

package struct AWSCredential: ConfigObject, Hashable {
    package var region: String
    package var service: String
    package var roleARN: String
    package var sessionName: String
    package var duration: ConfigDuration
    package var subject: SubjectToken
    package var stsURL: String?

    package init(_ fields: FieldReader) {
        region = fields.required("region", "the region of the API that is called", .awsWord)
        service = fields.value("service", default: "bedrock", "its name in signatures", .awsWord)
        roleARN = fields.required("roleARN", "the role to take", .length(20...2048))
        sessionName = fields.value(
            "sessionName", default: "sluice", "the session's name in CloudTrail",
            .text(2...64, "^[A-Za-z0-9_=,.@-]+$", "must be letters, digits and _=,.@-") { text in
                text.utf8.allSatisfy {
                    NameSyntax.isLetter($0) || NameSyntax.isDigit($0) || "_=,.@-".utf8.contains($0)
                }
            })
        duration = fields.value(
            "duration", default: ConfigDuration(milliseconds: 3_600_000), shown: .text("1h"),
            "how long its keys are good",
            FieldRule { (900_000...43_200_000).contains($0.milliseconds) ? nil : "must be between 15m and 12h" })
        subject = fields.required("subject", "the JWT that the role trusts: file or gateway")
        stsURL = fields.optional("stsURL", "the token service; that of the region by default", .httpURL)
    }
}

/// A vendor of models that believes the gateway's own issuer, or another whose token is in a file.
package struct FederatedCredential: ConfigObject, Hashable {
    package enum Provider: String, ConfigEnum { case anthropic, openai, openrouter, google }

    package var vendor: Provider
    package var subject: SubjectToken
    package var federationRule: String?
    package var organization: String?
    package var serviceAccount: String?
    package var workspace: String?
    package var identityProvider: String?
    package var tokenURL: String?

    package init(_ fields: FieldReader) {
        vendor = fields.required("vendor", "whose token it is")
        subject = fields.required("subject", "the JWT that the vendor trusts: file or gateway")
        federationRule = fields.optional(
            "federationRule", "the rule there that matches it: fdrl_… of Anthropic, the policy of OpenRouter",
            .nonEmpty)
        organization = fields.optional("organization", "the organisation's id at Anthropic", .nonEmpty)
        serviceAccount = fields.optional(
            "serviceAccount", "the service account to act as, at Anthropic and OpenAI; at Google its address",
            .serviceAccount)
        workspace = fields.optional("workspace", "the workspace at Anthropic", .nonEmpty)
        identityProvider = fields.optional(
            "identityProvider",
            "the identity provider's id at OpenAI; at Google "
                + "//iam.googleapis.com/projects/…/workloadIdentityPools/…/providers/…", .nonEmpty)
        tokenURL = fields.optional("tokenURL", "where it is fetched; the vendor's own address by default", .httpURL)
        guard fields.has("vendor") else { return }
        let all = ["federationRule", "organization", "serviceAccount", "workspace", "identityProvider"]
        let (needed, allowed): ([String], [String]) =
            switch vendor {
            case .anthropic: (["federationRule", "organization"], ["serviceAccount", "workspace"])
            case .openai: (["identityProvider", "serviceAccount"], [])
            case .openrouter: (["federationRule"], [])
            case .google: (["identityProvider"], ["serviceAccount"])
            }
        for name in needed {
            fields.check(
                fields.has(name), .missingField, "missing field \"\(name)\"",
                hint: "vendor \(vendor.rawValue) needs it")
        }
        for name in all where !needed.contains(name) && !allowed.contains(name) {
            fields.check(
                !fields.has(name), at: name, "\(name) with vendor \(vendor.rawValue)", hint: "remove it")
        }
    }
}

extension FieldRule where Value == String {
    /// A path below a mount of Vault: nothing that leads elsewhere, nothing to be encoded.
    static var vaultPath: FieldRule {
        text(1...512, "^[A-Za-z0-9._/-]+$", "must be names of letters, digits and ._- with / between them") { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            return parts.allSatisfy { part in
                !part.isEmpty && part != "." && part != ".."
                    && part.utf8.allSatisfy {
                        NameSyntax.isLetter($0) || NameSyntax.isDigit($0) || "._-".utf8.contains($0)
                    }
            }
        }
    }

    /// What stands in a path, too: nothing to be encoded there, and nothing that leads elsewhere.
    static var serviceAccount: FieldRule {
        text(1...256, "^[A-Za-z0-9@._-]+$", "must be letters, digits and @._-") { text in
            text.utf8.allSatisfy {
                NameSyntax.isLetter($0) || NameSyntax.isDigit($0) || "@._-".utf8.contains($0)
            }
        }
    }

    /// The name of a region or service.
    static var awsWord: FieldRule {
        text(1...64, "^[a-z0-9-]+$", "must be lower-case letters, digits and -") { text in
            text.utf8.allSatisfy { NameSyntax.isDigit($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
        }
    }
}
