import GatewayIdentity
import GatewayModel
import GatewayState
import GatewayWire
import Synchronization

/// How a user connects: begins as somebody the gateway knows, allows the access in a browser, and shows that both were
/// the same person. Only then is the code worth anything: a URL that somebody else began, and sent on, connects nobody.
extension Connections {
    /// What who begins is told.
    struct Begun: Sendable {
        var flow: String
        /// For the browser; it lets nobody in anywhere.
        var url: String
        var lifetimeSeconds: Int
    }

    package static let startPath = "/oauth/connect/start"

    func begin(
        _ settings: ConnectionSettings, _ principal: Principal, end: ConnectFlow.End
    ) async throws -> Begun {
        guard settings.mode == .perUser else {
            throw GatewayError(
                .conflict, "nobody connects to this server: the gateway has tokens of its own for it",
                hint: "call its tools as they are")
        }
        try Connections.checkUser(principal)
        let place = try await discover(settings)
        let server = place.server
        guard server.authorizationEndpoint != nil else {
            throw AuthorizationServer.problem(server.issuer, "it lets no users authorise anything")
        }
        guard server.bindsCodes else {
            throw AuthorizationServer.problem(server.issuer, "it does not say that it binds codes (PKCE, S256)")
        }
        // Otherwise the code of an honest server could be brought to one that a server of tools has made up (RFC 9207).
        guard server.namesIssuer || settings.issuer != nil else {
            throw AuthorizationServer.problem(server.issuer, "its answers do not say whose they are; set oauth.issuer")
        }
        try checkCallback()
        let client = try await client(settings, at: server)
        let owner = UpstreamConnection.Key(principal, server: settings.server)
        var scopes = scopes(settings, place, Connections.key(settings, principal))
        for known in book.connection(owner)?.scopes ?? [] where !scopes.contains(known) { scopes.append(known) }
        if server.scopes.contains("offline_access"), !scopes.contains("offline_access") {
            scopes.append("offline_access")
        }
        let now = now
        let flow = ConnectFlow(
            id: SessionID.make(), state: Base64URL.random(), verifier: Base64URL.random(), owner: owner,
            settings: settings, server: server, client: client, resource: place.resource.identifier,
            scopes: Array(scopes.prefix(ResourceChallenge.scopesMax)), callbackURL: callbackURL,
            end: end, expiresSeconds: now + ConnectFlows.lifetimeSeconds)
        let added = state.withLock { state -> Result<Void, GatewayError> in
            do throws(GatewayError) { return .success(try state.flows.add(flow, now: now)) } catch {
                return .failure(error)
            }
        }
        try added.get()
        return Begun(flow: flow.id, url: url(of: flow), lifetimeSeconds: ConnectFlows.lifetimeSeconds)
    }

    /// What a browser opens.
    func url(of flow: ConnectFlow) -> String {
        OutboundURL.join(environment.publicURL, "\(Connections.startPath)?flow=\(flow.id)")
    }

    /// Connections are users' own: what has no user would share them with whatever else has none.
    static func checkUser(_ principal: Principal) throws(GatewayError) {
        guard principal.user == nil else { return }
        throw GatewayError(
            .forbidden, "only a user connects to a server, and the credential names none",
            hint: "use a user's credential; for machines the operator sets oauth.mode to service or exchange")
    }

    /// A code must not travel in clear, but on one machine.
    private func checkCallback() throws(GatewayError) {
        let url = try OutboundURL(environment.publicURL)
        guard url.isTLS || ["localhost", "127.0.0.1", "::1"].contains(url.host) else {
            throw GatewayError(
                .credentialUnavailable, "nobody can connect: the gateway's public URL is without TLS",
                hint: "the operator starts it with the https URL that browsers know it by")
        }
    }

    /// The flow of a URL that a browser opens; nil for one that is not.
    func opened(_ flow: String) -> ConnectFlow? {
        let now = now
        return state.withLock { $0.flows.begun(flow, now: now) }
    }

    /// The flow of a URL in whose place its owner has made another; nil for one that is not.
    func superseded(_ flow: String) -> ConnectFlow? {
        let now = now
        return state.withLock { $0.flows.superseded(flow, now: now) }
    }

    func callback(
        _ fields: [(name: String, value: String)], cookie: (ConnectFlow) -> String?
    ) -> ConnectFlow? {
        let now = now
        return state.withLock { state in
            let flow = state.flows.callback(fields, cookie: cookie, now: now)
            // Scopes that are not given are not asked for again and again.
            if let flow, case .failed = flow.phase { state.wanted[flow.settings.key + flow.owner.text] = nil }
            return flow
        }
    }

    /// Redeems the code for who has begun and was at the browser.
    func confirm(
        _ id: String, proof: String, _ principal: Principal, check: (ConnectFlow) throws -> Void = { _ in }
    ) async throws -> UpstreamConnection {
        try Connections.checkUser(principal)
        let owner = UpstreamConnection.Key(principal, server: "")
        let now = now
        let (flow, code) = try state.withLock {
            $0.flows.confirm(id, of: (owner.tenant, owner.kind, owner.name), proof: proof, now: now)
        }.get()
        try check(flow)
        return try await redeem(code, of: flow)
    }

    /// Whoever began the flow was at the browser.
    func redeem(_ code: Secret, of flow: ConnectFlow) async throws -> UpstreamConnection {
        let answer: TokenAnswer
        do {
            answer = try await http(flow.settings).token(
                [
                    ("grant_type", "authorization_code"), ("code", SealedConnection.text(code)),
                    ("redirect_uri", flow.callbackURL), ("code_verifier", flow.verifier),
                    ("resource", flow.resource),
                ], at: flow.server, as: flow.client)
        } catch let refusal as TokenRefusal {
            if refusal.code == "invalid_client" { forget(flow.client, at: flow.server) }
            throw GatewayError(
                .denied, "the authorization server gives no token for the code: \(flow.settings.shownName)",
                hint: "connect again", cause: "it answers \(refusal.status) \(refusal.code)")
        }
        let kept = SealedConnection(
            key: flow.owner, url: flow.settings.url, resource: flow.resource, issuer: flow.server.issuer,
            answer: answer, client: flow.client, nowSeconds: self.now)
        let row = UpstreamConnection(
            key: flow.owner, id: TokenName.make(), issuer: flow.server.issuer, scopes: answer.scopes ?? flow.scopes,
            createdSeconds: self.now, changedSeconds: self.now, sealed: try kept.sealed(environment.seal))
        do { try book.keep(row) } catch {
            // Nobody will ever use what has just been got.
            await revoke(
                [answer.refreshToken, answer.token], as: flow.client, at: flow.server, by: http(flow.settings))
            throw error
        }
        let key = flow.settings.key + flow.owner.text
        let waiters = state.withLock { state in
            state.forget(key)
            return state.watchers.removeValue(forKey: flow.owner.text) ?? [:]
        }
        for waiter in waiters.values { waiter() }
        return row
    }

    /// Ends a connection: here at once, and at the authorization server where that can be told (RFC 7009).
    func disconnect(_ settings: ConnectionSettings, _ principal: Principal) async throws -> UpstreamConnection? {
        let owner = UpstreamConnection.Key(principal, server: settings.server)
        let key = Connections.key(settings, principal)
        state.withLock { state in
            state.forget(key)
            state.flows.drop(of: owner)
        }
        guard let row = try book.remove(owner) else { return nil }
        state.withLock { $0.forget(key) }
        guard let kept = SealedConnection(row.sealed, owner, environment.seal) else { return row }
        let http = http(settings)
        let discovery = ResourceDiscovery(settings: settings, http: http, challenge: nil)
        guard let server = try? await discovery.server(kept.issuer) else { return row }
        let own = settings.client.flatMap { try? OAuthClient($0, at: server) }
        guard let client = kept.client ?? own else { return row }
        await revoke([kept.refreshToken, kept.token], as: client, at: server, by: http)
        return row
    }

    /// Tells the issuer, where it can be told, that tokens are not used any more (RFC 7009).
    func revoke(
        _ tokens: [Secret?], as client: OAuthClient, at server: AuthorizationServer, by http: OAuthHTTP
    ) async {
        guard let url = server.revocationEndpoint else { return }
        for token in tokens.compactMap(\.self) {
            let proof = client.proof()
            _ = try? await http.post(
                url, form: [("token", SealedConnection.text(token))] + proof.form, authorization: proof.authorization)
        }
    }
}

/// Names of connections.
private enum TokenName {
    static func make() -> String { "con_" + SessionID.make().prefix(20) }
}
