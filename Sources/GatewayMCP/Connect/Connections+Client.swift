import GatewayModel
import GatewayState
import GatewayWire

/// Who the gateway is at an authorization server: the client that the operator has registered, else the document that
/// says who it is (Client ID Metadata Document), else a registration of its own (RFC 7591).
extension Connections {
    package static let documentPath = "/oauth/client.json"
    package static let callbackPath = "/oauth/connect/callback"

    var callbackURL: String { OutboundURL.join(environment.publicURL, Connections.callbackPath) }
    private var documentURL: String { OutboundURL.join(environment.publicURL, Connections.documentPath) }
    /// A client that is a URL must be one of https.
    private var hasDocument: Bool { (try? OutboundURL(environment.publicURL))?.isTLS ?? false }

    private static let grants: JSONTree = [
        "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ]

    /// The document itself; its URL is the client's id.
    package var document: [UInt8] {
        let document: JSONTree = [
            "client_id": .text(documentURL), "client_name": "Sluice", "client_uri": .text(environment.publicURL),
            "redirect_uris": .array([.text(callbackURL)]), "grant_types": Connections.grants,
            "response_types": ["code"], "token_endpoint_auth_method": "none", "application_type": "web",
        ]
        return document.bytes
    }

    func client(_ settings: ConnectionSettings, at server: AuthorizationServer) async throws -> OAuthClient {
        if let client = settings.client { return try OAuthClient(client, at: server) }
        if server.takesDocuments, hasDocument {
            return OAuthClient(id: documentURL, secret: nil, method: .none, origin: .document)
        }
        if let known = registered(at: server) { return known }
        guard let endpoint = server.registrationEndpoint else {
            throw GatewayError(
                .credentialUnavailable, "the gateway is no client of the server's issuer: \(settings.shownName)",
                hint: "the operator registers one there and sets oauth.client and oauth.issuer of the MCPServer")
        }
        return try await register(endpoint, settings, at: server)
    }

    // MARK: Registration

    /// A registration belongs to its issuer, and to the callback it was made with.
    private func name(_ server: AuthorizationServer) -> String { "\(server.issuer) \(callbackURL)" }

    private func registered(at server: AuthorizationServer) -> OAuthClient? {
        let name = name(server)
        guard let sealed = book.client(name), let bytes = environment.seal.open(sealed, .oauthClient),
            let tree = try? JSONTree.parse(bytes), tree["n"]?.string?.value == name,
            tree["x"]?.int.map({ now < $0 }) ?? true
        else { return nil }
        return tree["c"].flatMap { OAuthClient($0) }
    }

    /// The server does not know this client any more: a registration of the gateway's own is not used again.
    func forget(_ client: OAuthClient, at server: AuthorizationServer) {
        guard client.origin == .registration, registered(at: server)?.id == client.id else { return }
        try? book.removeClient(name(server))
    }

    private func register(
        _ endpoint: String, _ settings: ConnectionSettings, at server: AuthorizationServer
    ) async throws -> OAuthClient {
        let isLocal = !hasDocument
        let methods = server.methods ?? [OAuthClient.Method.basic.rawValue]
        let method = [OAuthClient.Method.basic, .post, .none].first { methods.contains($0.rawValue) } ?? .none
        let request: JSONTree = [
            "client_name": "Sluice", "redirect_uris": .array([.text(callbackURL)]),
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": .text(method.rawValue),
            // Otherwise a provider of OpenID takes it for one of the web, whose callbacks cannot be local.
            "application_type": isLocal ? "native" : "web",
        ]
        let answer = try await http(settings).post(endpoint, request.bytes, type: "application/json")
        guard (200...201).contains(answer.status), let id = answer.body["client_id"]?.string?.value,
            (1...2_048).contains(id.utf8.count), id.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            let code = answer.body["error"]?.string?.value ?? ""
            throw GatewayError(
                .credentialUnavailable, "the server's issuer does not register the gateway: \(settings.shownName)",
                hint: "the operator registers it there and sets oauth.client and oauth.issuer of the MCPServer",
                cause: "it answers \(answer.status) \(code.prefix(64))")
        }
        let secret = answer.body["client_secret"]?.string.map { Secret($0.value) }
        let given = answer.body["token_endpoint_auth_method"]?.string.flatMap { OAuthClient.Method(rawValue: $0.value) }
        let client = OAuthClient(
            id: id, secret: secret, method: secret == nil ? .none : given ?? method, origin: .registration)
        var object: JSONObject = ["n": .text(name(server)), "c": client.tree]
        if let end = answer.body["client_secret_expires_at"]?.int, end > 0 { object["x"] = .integer(end) }
        if let sealed = environment.seal.seal(JSONTree.object(object).bytes, .oauthClient) {
            try book.keep(client: sealed, name(server))
        }
        return client
    }
}
