/// How the gateway gets the tokens that open a server of tools, as a client of OAuth 2. What a caller shows opens
/// nothing there, in any of these modes.
package struct MCPServerOAuth: ConfigObject {
    package enum Mode: String, ConfigEnum {
        /// Each user authorises the gateway once (`sluice connect`).
        case perUser
        /// The gateway itself, the same for everybody (RFC 6749 section 4.4).
        case service
        /// A token of the gateway that names the caller is exchanged at the authorization server (RFC 8693).
        case exchange
        /// An identity provider of the company vouches for the caller (Enterprise-Managed Authorization of MCP).
        case idJag
    }

    package var mode: Mode
    package var issuer: String?
    package var client: OAuthClientSource?
    package var resource: String?
    package var scopes: [String]
    package var audience: String?
    package var identityProvider: MCPIdentityProvider?
    package var allowedAddresses: [CIDR]
    package var caCertificateRefs: [ObjectReference]

    package init(_ fields: FieldReader) {
        mode = fields.value("mode", default: .perUser, "whose tokens open the server")
        issuer = fields.optional(
            "issuer", "its authorization server, exactly as that names itself; what the server says by default",
            .httpURL)
        client = fields.optional(
            "client", "who the gateway is there; without it a metadata document or a registration, where offered")
        resource = fields.optional(
            "resource", "what tokens are for, where it is not the server's url as the gateway reaches it", .baseURL)
        scopes = fields.list(
            "scopes", "what is asked for; what the server names by default", count: 0...64, each: .scopeToken)
        audience = fields.optional(
            "audience", "for exchange: whom the gateway's own token is for; the issuer by default", .nonEmpty)
        identityProvider = fields.optional(
            "identityProvider", "for idJag: who vouches for callers; the gateway's own token service by default")
        allowedAddresses = fields.list(
            "allowedAddresses",
            "blocks such as 10.1.0.0/16 that addresses named by the server may lie in, beside public ones",
            count: 0...64)
        caCertificateRefs = fields.list(
            "caCertificateRefs", "who vouches for authorization servers, in place of the system's authorities",
            count: 0...8)
        fields.check(
            issuer != nil || mode == .perUser && client == nil, .missingField, "missing field \"issuer\"",
            hint: "say whose client the gateway is: a server must not choose who is sent its secret")
        fields.check(
            client != nil || mode == .perUser || mode == .idJag, .missingField, "missing field \"client\"",
            hint: "say who the gateway is at the issuer: client: {id: …, secret: {env: …}}")
        fields.check(
            client?.secret != nil || mode != .service, at: "client", .missingField, "a client without a secret",
            hint: "a service proves who it is: client: {id: …, secret: {env: …}}")
        fields.check(
            audience == nil || mode == .exchange, at: "audience", "audience beside mode \(mode.rawValue)",
            hint: "it is of mode exchange")
        fields.check(
            identityProvider == nil || mode == .idJag, at: "identityProvider",
            "identityProvider beside mode \(mode.rawValue)", hint: "it is of mode idJag")
    }
}

/// A client of an authorization server that somebody has registered.
package struct OAuthClientSource: ConfigObject, Hashable {
    /// How it proves who it is.
    package enum Method: String, ConfigEnum {
        /// As the server says it can.
        case auto
        case basic
        case post
    }

    package var id: String
    package var secret: SecretPlace?
    package var method: Method

    package init(_ fields: FieldReader) {
        id = fields.required("id", "its client_id", .length(1...1024))
        secret = fields.optional("secret", "its client_secret; nothing for a public client")
        method = fields.value("method", default: .auto, "how the secret is sent")
    }
}

/// Who vouches for callers of a server with enterprise-managed authorization.
package struct MCPIdentityProvider: ConfigObject {
    package enum SubjectType: String, ConfigEnum {
        case jwt
        case accessToken
        case idToken
    }

    package var issuer: String
    package var client: OAuthClientSource
    package var subjectTokenType: SubjectType

    package init(_ fields: FieldReader) {
        issuer = fields.required(
            "issuer", "its URL, exactly as it names itself; it must believe the gateway's tokens", .httpURL)
        client = fields.required("client", "who the gateway is there")
        subjectTokenType = fields.value(
            "subjectTokenType", default: .jwt, "what the gateway's token about the caller is called there")
    }
}
