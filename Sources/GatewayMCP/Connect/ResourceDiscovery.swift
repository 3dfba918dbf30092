import GatewayModel
import GatewayWire

/// What a server is, as a resource that tokens are for (RFC 9728).
struct ProtectedResource: Sendable, Equatable {
    /// The `resource` of every request for a token (RFC 8707).
    var identifier: String
    /// Issuers it takes tokens of.
    var servers: [String]
    var scopes: [String]
}

/// Finds out who gives out tokens for a server.
struct ResourceDiscovery: Sendable {
    let settings: ConnectionSettings
    let http: OAuthHTTP
    let challenge: ResourceChallenge?

    private static let serversMax = 8

    /// The server's own metadata: where its challenge says, else at the well-known places. A server of the time before
    /// there was such metadata is its own authorization server.
    func resource() async throws -> ProtectedResource {
        if let url = challenge?.metadataURL {
            guard let document = try await http.document(url) else {
                throw problem("there is no metadata where it says")
            }
            return try resource(document, isRoot: false)
        }
        let url = try OutboundURL(settings.url)
        let origin = "\(url.isTLS ? "https" : "http")://\(url.authority)"
        let wellKnown = "\(origin)/.well-known/oauth-protected-resource"
        let path = String(url.target.prefix { $0 != "?" })
        if path != "/", let document = try await http.document(wellKnown + path) {
            return try resource(document, isRoot: false)
        }
        if let document = try await http.document(wellKnown) { return try resource(document, isRoot: true) }
        return ProtectedResource(
            identifier: settings.resource ?? settings.url, servers: [settings.issuer ?? origin], scopes: [])
    }

    private func resource(_ document: JSONTree, isRoot: Bool) throws(GatewayError) -> ProtectedResource {
        guard let named = document["resource"]?.string?.value, named.utf8.count <= 2_048 else {
            throw problem("its metadata names no resource")
        }
        // Otherwise one server could have tokens made for another (section 3.3).
        guard isOurs(named, isRoot: isRoot) else { throw problem("its metadata is of another resource") }
        let servers = (document["authorization_servers"]?.array ?? []).prefix(ResourceDiscovery.serversMax)
            .compactMap { $0.string?.value }
        guard !servers.isEmpty || settings.issuer != nil else {
            throw problem("its metadata names no authorization server")
        }
        let scopes = (document["scopes_supported"]?.array ?? []).compactMap { $0.string?.value }
        return ProtectedResource(
            identifier: named, servers: servers.isEmpty ? [settings.issuer].compactMap(\.self) : servers,
            scopes: ResourceChallenge.words(scopes.joined(separator: " ")))
    }

    /// Whether a resource is the one the gateway asks: its URL to the letter, but for the case of the host and a slash
    /// at the end. Metadata of a whole host is of the host.
    private func isOurs(_ named: String, isRoot: Bool) -> Bool {
        if let resource = settings.resource { return named.utf8.elementsEqual(resource.utf8) }
        guard let named = try? OutboundURL(named), let own = try? OutboundURL(settings.url),
            named.isTLS == own.isTLS, named.host == own.host, named.port == own.port
        else { return false }
        func bare(_ target: String) -> String { target.hasSuffix("/") ? String(target.dropLast()) : target }
        return bare(named.target) == bare(own.target) || isRoot && named.target == "/"
    }

    /// The authorization server of a resource: the operator's, if the resource agrees, else the first of its own that
    /// can be used.
    func server(of resource: ProtectedResource) async throws -> AuthorizationServer {
        if let issuer = settings.issuer {
            guard resource.servers.contains(where: { AuthorizationServer.isSame($0, issuer) }) else {
                throw problem("it takes no tokens of the issuer that is configured")
            }
            return try await server(issuer)
        }
        var failure: (any Error)?
        for issuer in resource.servers {
            do { return try await server(issuer) } catch { failure = failure ?? error }
        }
        throw failure ?? problem("it names no authorization server")
    }

    /// What an issuer says of itself.
    func server(_ issuer: String) async throws -> AuthorizationServer {
        for url in try AuthorizationServer.documents(of: issuer) {
            guard let document = try await http.document(url) else { continue }
            return try AuthorizationServer(document, of: issuer, isClear: http.isClear)
        }
        throw AuthorizationServer.problem(issuer, "it has no document")
    }

    private func problem(_ what: String) -> GatewayError {
        GatewayError(
            .credentialUnavailable, "no token can be had for the server \(settings.shownName): \(what)",
            hint: "the operator looks at oauth of the MCPServer")
    }
}
