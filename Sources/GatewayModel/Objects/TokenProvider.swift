/// The issuers of tokens that an IdentityProvider may name.

/// How a token may be signed.
package enum TokenAlgorithm: String, ConfigEnum {
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
}

/// What is asked of every token of an issuer; written beside the issuer's own fields.
package struct TokenRequirements: Sendable, Equatable {
    package var audiences: [String]
    /// Empty for the usual ones.
    package var algorithms: [TokenAlgorithm]
    /// Lower case.
    package var types: [String]
    package var clockSkew: ConfigDuration
    package var scopes: [String]
    package var proofNonce: Bool

    init(_ fields: FieldReader, types usual: [String] = ["at+jwt"]) {
        audiences = fields.list(
            "audiences", "who the token must be for: one of these in aud, exactly", count: 1...32, each: .nonEmpty)
        algorithms = fields.list(
            "algorithms", "how its tokens are signed; ES256, ES384, EdDSA, RS256 and PS256 by default", count: 0...10)
        let written: [String]? = fields.optionalList(
            "tokenTypes", "values of typ that are accepted, \(usual.joined(separator: ", ")) by default; \"\" for none",
            count: 1...8)
        types = (written ?? usual).map { $0.lowercased() }
        clockSkew = fields.value(
            "clockSkew", default: ConfigDuration(milliseconds: 60_000), shown: .text("1m"),
            "how far clocks may be apart, at most 5m",
            FieldRule { (0...300_000).contains($0.milliseconds) ? nil : "must be between 0s and 5m" })
        scopes = fields.list("requiredScopes", "scopes that every token must have", count: 0...64, each: .nonEmpty)
        proofNonce = fields.value(
            "proofNonce", default: false, "whether a proof of possession (DPoP) must carry a nonce of the gateway")
    }
}

/// An issuer that is asked for its keys.
package struct OIDCIssuer: ConfigObject {
    package var issuer: String
    package var jwksURI: String?
    package var allowedAddresses: [CIDR]
    package var caCertificateRefs: [ObjectReference]
    package var requirements: TokenRequirements
    package var actors: [String]

    package init(_ fields: FieldReader) {
        issuer = fields.required("issuer", "its URL, exactly as tokens have it in iss", .httpURL)
        jwksURI = fields.optional("jwksURI", "where its keys are, when it does not say so itself", .httpURL)
        allowedAddresses = fields.list(
            "allowedAddresses", "blocks such as 10.1.0.0/16 that an address it names may lie in, beside public ones",
            count: 0...64)
        caCertificateRefs = fields.list(
            "caCertificateRefs", "who vouches for its server, in place of the system's authorities", count: 0...8)
        requirements = TokenRequirements(fields)
        actors = TokenActors.read(fields)
    }
}

/// An issuer whose keys are given.
package struct JWTIssuer: ConfigObject {
    package var issuer: String
    package var jwks: KeySetSource
    package var requirements: TokenRequirements
    package var actors: [String]

    package init(_ fields: FieldReader) {
        issuer = fields.required("issuer", "exactly as tokens have it in iss", .nonEmpty)
        jwks = fields.required("jwks", "its keys: file, configMapRef, inline or url")
        requirements = TokenRequirements(fields)
        actors = TokenActors.read(fields)
    }
}

/// A trust domain: its workloads show an X.509-SVID to a listener, or a JWT-SVID as a token.
package struct SPIFFEDomain: ConfigObject {
    package var trustDomain: String
    package var bundle: KeySetSource?
    package var requirements: TokenRequirements
    package var actors: [String]

    package init(_ fields: FieldReader) {
        trustDomain = fields.required("trustDomain", "such as prod.example", .name)
        bundle = fields.optional("bundle", "its keys for JWT-SVIDs; without it only certificates are believed")
        requirements = TokenRequirements(svid: fields)
        actors = TokenActors.read(fields)
        fields.check(
            bundle == nil || !requirements.audiences.isEmpty, .missingField, "missing field \"audiences\"",
            hint: "say whom a JWT-SVID must be for")
    }
}

extension TokenRequirements {
    /// SPIFFE JWT-SVID section 2 and 3: types JWT and JOSE, no EdDSA.
    fileprivate init(svid fields: FieldReader) {
        audiences = fields.list(
            "audiences", "who a JWT-SVID must be for: one of these in aud, exactly", count: 0...32, each: .nonEmpty)
        algorithms = fields.list(
            "algorithms", "how its JWT-SVIDs are signed; all that SPIFFE allows by default", count: 0...10)
        types = ["jwt", "jose", ""]
        clockSkew = ConfigDuration(milliseconds: 60_000)
        scopes = []
        proofNonce = false
    }
}

/// Who may pass a caller's authority on: written beside an issuer's other fields.
enum TokenActors {
    static func read(_ fields: FieldReader) -> [String] {
        fields.list(
            "actors",
            "agents that may exchange its tokens to act for their users, such as builder or spiffe://prod.example/ci/*",
            count: 0...256, each: .nonEmpty)
    }
}

/// A JWK set.
package struct KeySetSource: ConfigObject {
    package var file: String?
    package var configMapRef: ConfigMapKeyReference?
    package var inline: String?
    package var url: String?

    package init(_ fields: FieldReader) {
        file = fields.optional("file", "a file that holds it, relative to the configuration", .nonEmpty)
        configMapRef = fields.optional("configMapRef", "a value of a ConfigMap")
        inline = fields.optional("inline", "the JSON itself", .nonEmpty)
        url = fields.optional("url", "where it is published", .httpURL)
        let given = ["file", "configMapRef", "inline", "url"].filter { fields.has($0) }
        fields.check(
            given.count == 1,
            given.isEmpty ? "neither file nor configMapRef nor inline nor url" : given.joined(separator: " beside "),
            hint: "set one of them")
    }
}

/// One value of a ConfigMap in the object's own namespace.
package struct ConfigMapKeyReference: ConfigObject {
    package var name: String
    package var key: String?

    package init(_ fields: FieldReader) {
        name = fields.required("name", "the ConfigMap's name", .nonEmpty)
        key = fields.optional("key", "which of its values; its only one by default", .nonEmpty)
    }
}

/// A server that knows whether a token is good (RFC 7662).
package struct IntrospectionEndpoint: ConfigObject {
    package var url: String
    package var clientID: String
    package var clientSecret: SecretPlace
    package var issuer: String?
    package var audiences: [String]
    package var cache: ConfigDuration
    package var caCertificateRefs: [ObjectReference]

    package init(_ fields: FieldReader) {
        url = fields.required("url", "where it is asked", .httpURL)
        clientID = fields.required("clientID", "who asks", .nonEmpty)
        clientSecret = fields.required("clientSecret", "the secret of who asks")
        issuer = fields.optional("issuer", "the issuer its answers must name", .nonEmpty)
        audiences = fields.list("audiences", "who the token must be for, when answers say", count: 0...32)
        cache = fields.value(
            "cache", default: ConfigDuration(milliseconds: 60_000), shown: .text("1m"),
            "how long an answer is believed, at most 1h; a token that ends earlier ends it",
            FieldRule { (1_000...3_600_000).contains($0.milliseconds) ? nil : "must be between 1s and 1h" })
        caCertificateRefs = fields.list("caCertificateRefs", "who vouches for its server", count: 0...8)
    }
}

/// Where a secret is found: exactly one of an environment variable, a file and a Secret.
package struct SecretPlace: ConfigObject, Hashable {
    package var env: String?
    package var file: String?
    package var secretRef: SecretKeyReference?

    package init(_ fields: FieldReader) {
        env = fields.optional("env", "an environment variable of the gateway", .environmentVariable)
        file = fields.optional("file", "a file that holds it, relative to the configuration", .nonEmpty)
        secretRef = fields.optional("secretRef", "a value of a Secret")
        let given = ["env", "file", "secretRef"].filter { fields.has($0) }
        fields.check(
            given.count == 1,
            given.isEmpty ? "neither env nor file nor secretRef" : given.joined(separator: " beside "),
            hint: "set one of them")
    }
}

/// Names that claims give, an expression for each over the variable `claims`.
package struct ClaimExpressions: ConfigObject {
    /// By the name they make.
    package var expressions: [String: String]

    package init(_ fields: FieldReader) {
        var expressions: [String: String] = [:]
        for (name, documentation) in ClaimExpressions.names {
            let text: String? = fields.optional(name, documentation, .nonEmpty)
            if let text { expressions[name] = text }
        }
        self.expressions = expressions
    }

    private static let names = [
        ("user", "the user, such as claims.email; sub by default"),
        ("tenant", "the tenant, such as claims.org_id"), ("team", "the team"),
        ("agent", "the agent; the outermost act by default"), ("instance", "which copy of the agent"),
        ("session", "the session; sid by default"), ("run", "the piece of work"),
        ("sandbox", "the sandbox"), ("groups", "a list of groups; groups by default"),
    ]
}

extension FieldRule where Value == String {
    /// An absolute `http` or `https` URL.
    package static var httpURL: FieldRule {
        FieldRule(keywords: [("pattern", .text("^[hH][tT][tT][pP][sS]?://.+"))]) { text in
            do throws(GatewayError) {
                _ = try OutboundURL(text)
                return nil
            } catch {
                return "must be a URL such as https://login.example"
            }
        }
    }
}
