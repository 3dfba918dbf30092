import GatewayModel
import GatewayState
import GatewayWire
import Synchronization

/// Getting tokens, each in the way of its server. All of it in a task of its own; requests wait in `Connections`.
extension Connections {
    /// What is known of where a server's tokens come from.
    struct Discovery: Sendable {
        var resource: ProtectedResource
        var server: AuthorizationServer
        var untilSeconds: Int
    }

    private static let discoverySeconds = 600
    private static let usualLifetimeSeconds = 300

    private enum Grant {
        static let credentials = "client_credentials"
        static let refresh = "refresh_token"
        static let exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
        static let assertion = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    }

    private static let accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
    private static let tokenType = "urn:ietf:params:oauth:token-type:jwt"
    private static let assertionType = "urn:ietf:params:oauth:token-type:id-jag"

    /// Gets a caller's token, and tells who waits for it.
    func obtain(_ settings: ConnectionSettings, _ principal: Principal, _ key: String) async {
        var denial: GatewayError?
        do {
            let token = try await widest(settings, principal, key)
            state.withLock { $0.keep(token, key, now: self.now) }
        } catch let error as GatewayError {
            denial = error
        } catch let refusal as TokenRefusal {
            denial = Connections.error(refusal, settings)
        } catch {
            denial = GatewayError(
                .credentialUnavailable, "no token can be had for the server: \(settings.shownName)",
                hint: "try again later", cause: "\(error)")
        }
        let now = now
        let failed = denial
        let waiters = state.withLock { state -> [@Sendable () -> Void] in
            if let failed {
                if state.denials.count >= State.namesMax { state.denials.removeAll() }
                state.denials[key] = (failed, now + Connections.denialSeconds)
            }
            return state.pending.removeValue(forKey: key) ?? []
        }
        for waiter in waiters { waiter() }
    }

    /// With the scopes that the server has asked for; without them where the authorization server does not give those.
    private func widest(
        _ settings: ConnectionSettings, _ principal: Principal, _ key: String
    ) async throws -> Token {
        do { return try await token(settings, principal, key) } catch let refusal as TokenRefusal {
            let now = now
            let wasWide = state.withLock { state -> Bool in
                guard settings.mode != .perUser, state.wanted.removeValue(forKey: key) != nil else { return false }
                if state.narrow.count >= State.namesMax { state.narrow.removeAll() }
                state.narrow[key] = now + Connections.narrowSeconds
                return true
            }
            guard wasWide else { throw refusal }
            return try await token(settings, principal, key)
        }
    }

    /// What a caller is told of a refusal; the server's own words are for the log.
    static func error(_ refusal: TokenRefusal, _ settings: ConnectionSettings) -> GatewayError {
        GatewayError(
            .credentialUnavailable, "the authorization server gives no token for the server: \(settings.shownName)",
            hint: "the operator looks at oauth of the MCPServer",
            cause: "it answers \(refusal.status) \(refusal.code)")
    }

    // MARK: Where

    func http(_ settings: ConnectionSettings) -> OAuthHTTP { OAuthHTTP(environment.http, settings) }

    /// Where tokens for a server come from, found out now and then.
    func discover(_ settings: ConnectionSettings) async throws -> Discovery {
        let known = state.withLock { ($0.discoveries[settings.key], $0.challenges[settings.key]) }
        if let found = known.0, now < found.untilSeconds { return found }
        let http = http(settings)
        var challenge = known.1
        if challenge == nil, let asked = await http.challenge(settings.url) {
            challenge = asked
            state.withLock { $0.note(asked, settings.key) }
        }
        let discovery = ResourceDiscovery(settings: settings, http: http, challenge: challenge)
        let resource: ProtectedResource
        let server: AuthorizationServer
        do {
            resource = try await discovery.resource()
            server = try await discovery.server(of: resource)
        } catch {
            // What the server said may have been wrong, or not be so any more: it is asked again.
            state.withLock { $0.challenges[settings.key] = nil }
            throw error
        }
        let found = Discovery(
            resource: resource, server: server, untilSeconds: now + Connections.discoverySeconds)
        state.withLock { state in
            if state.discoveries.count >= State.namesMax { state.discoveries.removeAll() }
            state.discoveries[settings.key] = found
        }
        return found
    }

    /// What to ask for: what the operator says, else what the server's challenge says, else its metadata; and what the
    /// server has asked for since.
    func scopes(_ settings: ConnectionSettings, _ place: Discovery, _ key: String) -> [String] {
        let (challenged, wanted) = state.withLock { ($0.challenges[settings.key]?.scopes ?? [], $0.wanted[key] ?? []) }
        let base =
            !settings.scopes.isEmpty ? settings.scopes : !challenged.isEmpty ? challenged : place.resource.scopes
        return base + wanted.filter { !base.contains($0) }
    }

    static func scope(_ scopes: [String]) -> [(String, String)] {
        scopes.isEmpty ? [] : [("scope", scopes.joined(separator: " "))]
    }

    // MARK: How

    private func token(
        _ settings: ConnectionSettings, _ principal: Principal, _ key: String
    ) async throws -> Token {
        if settings.mode == .perUser { return try await renew(settings, principal, key) }
        let place = try await discover(settings)
        let scopes = scopes(settings, place, key)
        let client = try await client(settings, at: place.server)
        var form = [("resource", place.resource.identifier)] + Connections.scope(scopes)
        switch settings.mode {
        case .perUser, .service: form.insert(("grant_type", Grant.credentials), at: 0)
        case .exchange:
            let subject = try environment.vouch(
                principal, Vouching(audience: settings.audience ?? place.server.issuer, kind: .subject))
            form += [
                ("grant_type", Grant.exchange), ("subject_token", subject),
                ("subject_token_type", Connections.tokenType), ("requested_token_type", Connections.accessTokenType),
            ]
        case .idJag:
            let assertion = try await assertion(settings, principal, place, client, scopes)
            form += [("grant_type", Grant.assertion), ("assertion", assertion)]
        }
        let answer = try await http(settings).token(form, at: place.server, as: client)
        var token = token(answer, asked: scopes)
        // A token about a caller ends with what the caller showed.
        if settings.mode != .service, let end = principal.detail?.expiresSeconds {
            token.freshUntilSeconds = min(token.freshUntilSeconds, end)
        }
        return token
    }

    func token(_ answer: TokenAnswer, asked: [String]) -> Token {
        let lifetime = answer.lifetimeSeconds ?? Connections.usualLifetimeSeconds
        return Token(
            value: answer.token, serial: 0, freshUntilSeconds: now + max(1, lifetime - min(30, lifetime / 5)),
            scopes: (answer.scopes ?? []) + asked.filter { !(answer.scopes ?? []).contains($0) })
    }

    /// The word of somebody whom the authorization server believes: an identity provider's, or the gateway's own.
    private func assertion(
        _ settings: ConnectionSettings, _ principal: Principal, _ place: Discovery, _ client: OAuthClient,
        _ scopes: [String]
    ) async throws -> String {
        guard let provider = settings.provider else {
            return try environment.vouch(
                principal,
                Vouching(
                    audience: place.server.issuer,
                    kind: .assertion(resource: place.resource.identifier, clientID: client.id, scopes: scopes)))
        }
        let http = http(settings)
        let discovery = ResourceDiscovery(settings: settings, http: http, challenge: nil)
        let server = try await discovery.server(provider.issuer)
        let subject = try environment.vouch(principal, Vouching(audience: provider.issuer, kind: .subject))
        let form =
            [
                ("grant_type", Grant.exchange), ("requested_token_type", Connections.assertionType),
                ("audience", place.server.issuer), ("resource", place.resource.identifier),
                ("subject_token", subject), ("subject_token_type", provider.subjectTokenType),
            ] + Connections.scope(scopes)
        let answer = try await http.token(
            form, at: server, as: try OAuthClient(provider.client, at: server), type: Connections.assertionType)
        return SealedConnection.text(answer.token)
    }

    // MARK: A user's own

    /// The stored token while it is good, else another for the refresh token.
    private func renew(_ settings: ConnectionSettings, _ principal: Principal, _ key: String) async throws -> Token {
        let owner = UpstreamConnection.Key(principal, server: settings.server)
        // Snapshots that know the server by other settings renew the same connection.
        await takeTurn(owner.text)
        defer { endTurn(owner.text) }
        guard let row = book.connection(owner), row.state == .connected,
            let kept = SealedConnection(row.sealed, owner, environment.seal), kept.url == settings.url,
            settings.resource == nil || settings.resource == kept.resource,
            settings.issuer.map({ AuthorizationServer.isSame($0, kept.issuer) }) ?? true
        else { throw connectionRequired(settings, book.connection(owner)) }
        let isRejected = state.withLock { state in
            state.rejected[key].map { kept.token.matches($0.reveal { $0 }) } ?? false
        }
        let lifetime = kept.expiresSeconds.map { $0 - now } ?? Connections.usualLifetimeSeconds
        if !isRejected, lifetime > 30 || kept.refreshToken == nil && lifetime > 0 {
            let known = TokenAnswer(token: kept.token, lifetimeSeconds: lifetime, scopes: row.scopes)
            var token = token(known, asked: row.scopes)
            token.connection = row.id
            return token
        }
        guard let refresh = kept.refreshToken else { throw try end(row, settings) }
        let http = http(settings)
        let server = try await ResourceDiscovery(settings: settings, http: http, challenge: nil).server(kept.issuer)
        let client = try kept.client ?? operatorsClient(settings, at: server)
        let answer: TokenAnswer
        do {
            answer = try await http.token(
                [
                    ("grant_type", Grant.refresh), ("refresh_token", SealedConnection.text(refresh)),
                    ("resource", kept.resource),
                ], at: server, as: client)
        } catch let refusal as TokenRefusal {
            // A secret of the operator's that is wrong, or a document that could not be fetched, is no reason to give
            // up what users have allowed.
            let isUnknown = refusal.code == "invalid_client" && client.origin == .registration
            guard refusal.code == "invalid_grant" || isUnknown else { throw refusal }
            if isUnknown { forget(client, at: server) }
            throw try end(row, settings)
        }
        do {
            let token = try keep(answer, kept, row)
            state.withLock { $0.rejected[key] = nil }
            return token
        } catch {
            // Nobody will ever use what has just been got.
            await revokeUnlessReplaced(answer, of: row, as: client, at: server, by: http)
            throw error
        }
    }

    /// The connection was ended while its tokens were renewed, or these could not be stored. Another connection may
    /// stand on the same leave, which some issuers end as a whole: then they are left to run out.
    private func revokeUnlessReplaced(
        _ answer: TokenAnswer, of row: UpstreamConnection, as client: OAuthClient, at server: AuthorizationServer,
        by http: OAuthHTTP
    ) async {
        guard book.connection(row.key)?.state != .connected else { return }
        await revoke([answer.refreshToken, answer.token], as: client, at: server, by: http)
    }

    /// One at a time for each connection: a refresh token that is shown twice ends it at many issuers. As many wait as
    /// tokens are got at once, at most.
    private func takeTurn(_ owner: String) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.turns[owner] != nil else {
                    state.turns[owner] = []
                    return true
                }
                state.turns[owner]?.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func endTurn(_ owner: String) {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiting = state.turns[owner], !waiting.isEmpty else {
                state.turns[owner] = nil
                return nil
            }
            return state.turns[owner]?.removeFirst()
        }
        next?.resume()
    }

    private func operatorsClient(
        _ settings: ConnectionSettings, at server: AuthorizationServer
    ) throws(GatewayError) -> OAuthClient {
        guard let client = settings.client else {
            throw AuthorizationServer.problem(server.issuer, "the client that the connection was made with is gone")
        }
        return try OAuthClient(client, at: server)
    }

    /// On the disk before it is used: the refresh token before it may be worth nothing now.
    private func keep(
        _ answer: TokenAnswer, _ kept: SealedConnection, _ row: UpstreamConnection
    ) throws(GatewayError) -> Token {
        let known = row
        var (kept, row) = (kept, row)
        kept.token = answer.token
        kept.expiresSeconds = answer.lifetimeSeconds.map { now + $0 }
        kept.refreshToken = answer.refreshToken ?? kept.refreshToken
        row.scopes = answer.scopes ?? row.scopes
        row.sealed = try kept.sealed(environment.seal)
        row.changedSeconds = now
        // Whoever has ended or renewed the connection meanwhile is right.
        guard try book.keep(row, inPlaceOf: known) else {
            throw GatewayError(
                .connectionRequired, "your connection to this server has changed: \(row.key.server)",
                hint: "call again")
        }
        var token = token(answer, asked: row.scopes)
        token.connection = row.id
        return token
    }

    /// The connection is over; its tokens are not kept.
    private func end(_ row: UpstreamConnection, _ settings: ConnectionSettings) throws(GatewayError) -> GatewayError {
        var ended = row
        ended.state = .expired
        ended.sealed = ""
        ended.changedSeconds = now
        _ = try book.keep(ended, inPlaceOf: row)
        return connectionRequired(settings, ended)
    }
}
