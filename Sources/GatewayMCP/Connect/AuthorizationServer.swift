import GatewayModel
import GatewayWire

/// What an authorization server says of itself (RFC 8414, OpenID Connect Discovery 1.0), as far as it was believed.
struct AuthorizationServer: Sendable {
    /// As its document says it, to the letter: callbacks are compared with it (RFC 9207).
    var issuer: String
    var tokenEndpoint: String
    var authorizationEndpoint: String?
    var registrationEndpoint: String?
    var revocationEndpoint: String?
    /// How clients prove who they are; nil where it does not say.
    var methods: [String]?
    /// Whether codes are bound to who asked for them: PKCE with S256.
    var bindsCodes: Bool
    /// Whether callbacks say whose they are.
    var namesIssuer: Bool
    /// Whether a client may be a URL.
    var takesDocuments: Bool
    var scopes: [String]

    static let endpointBytesMax = 2_048

    /// Throws when a document is not the issuer's, or lacks what nothing goes without. `isClear` lets endpoints be
    /// without TLS.
    init(_ document: JSONTree, of asked: String, isClear: Bool) throws(GatewayError) {
        func text(_ name: String) -> String? { document[name]?.string?.value }
        func texts(_ name: String) -> [String]? {
            document[name]?.array.map { $0.prefix(256).compactMap { $0.string?.value } }
        }
        guard let named = text("issuer"), AuthorizationServer.isSame(named, asked) else {
            throw AuthorizationServer.problem(asked, "its document is another issuer's")
        }
        func endpoint(_ name: String) throws(GatewayError) -> String? {
            guard let url = text(name) else { return nil }
            guard url.utf8.count <= AuthorizationServer.endpointBytesMax, !url.contains("#"),
                let parsed = try? OutboundURL(url)
            else { throw AuthorizationServer.problem(asked, "its \(name) is no URL") }
            guard parsed.isTLS || isClear else { throw AuthorizationServer.problem(asked, "its \(name) is in clear") }
            return url
        }
        guard let token = try endpoint("token_endpoint") else {
            throw AuthorizationServer.problem(asked, "its document has no token_endpoint")
        }
        issuer = named
        tokenEndpoint = token
        authorizationEndpoint = try endpoint("authorization_endpoint")
        registrationEndpoint = try endpoint("registration_endpoint")
        revocationEndpoint = try endpoint("revocation_endpoint")
        methods = texts("token_endpoint_auth_methods_supported")
        bindsCodes = texts("code_challenge_methods_supported")?.contains("S256") ?? false
        namesIssuer = document["authorization_response_iss_parameter_supported"]?.bool ?? false
        takesDocuments = document["client_id_metadata_document_supported"]?.bool ?? false
        scopes = texts("scopes_supported") ?? []
    }

    /// To the letter, but that a URL without a path may end in a slash or not (RFC 3986 section 6.2.3).
    static func isSame(_ one: String, _ other: String) -> Bool {
        if one.utf8.elementsEqual(other.utf8) { return true }
        func root(_ text: String) -> String? {
            guard let url = try? OutboundURL(text), url.target == "/", !text.contains("?"), !text.contains("#") else {
                return nil
            }
            return text.hasSuffix("/") ? String(text.dropLast()) : text
        }
        guard let one = root(one), let other = root(other) else { return false }
        return one.utf8.elementsEqual(other.utf8)
    }

    /// Where its document may be, the likeliest first.
    static func documents(of issuer: String) throws(GatewayError) -> [String] {
        let url = try OutboundURL(issuer)
        guard !issuer.contains("?"), !issuer.contains("#") else {
            throw problem(issuer, "it is no URL of an issuer")
        }
        let origin = "\(url.isTLS ? "https" : "http")://\(url.authority)"
        let path = url.target.hasSuffix("/") ? String(url.target.dropLast()) : url.target
        let inserted = [
            "\(origin)/.well-known/oauth-authorization-server\(path)",
            "\(origin)/.well-known/openid-configuration\(path)",
        ]
        return path.isEmpty ? inserted : inserted + ["\(origin)\(path)/.well-known/openid-configuration"]
    }

    static func problem(_ issuer: String, _ what: String) -> GatewayError {
        GatewayError(
            .credentialUnavailable, "the authorization server cannot be used: \(what)",
            hint: "the operator looks at oauth of the MCPServer", cause: String(issuer.prefix(256)))
    }
}
