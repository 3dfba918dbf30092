package import GatewayModel
package import GatewayState
import GatewayWire
import Synchronization

/// The tokens that open protected servers: one for each caller and server, got once however many requests wait for it,
/// renewed before it ends. A request asks and never waits here; who must wait is called back.
package final class Connections: Sendable {
    /// What it needs of whoever runs it.
    package struct Environment: Sendable {
        package var http: OutboundHTTP
        package var book: ConnectionBook
        package var seal: Seal
        /// The URL that others know the gateway by: callbacks come there.
        package var publicURL: String
        package var wallSeconds: @Sendable () -> Int
        /// A token of the gateway about a caller, for somebody else.
        package var vouch: @Sendable (Principal, Vouching) throws(GatewayError) -> String = {
            _, _ throws(GatewayError) in
            throw GatewayError(.credentialUnavailable, "this gateway gives out no tokens")
        }

        /// Runs what must not hold up a loop.
        package var spawn: @Sendable (@escaping @Sendable () async -> Void) -> Void

        package init(
            http: OutboundHTTP, book: ConnectionBook, seal: Seal, publicURL: String,
            wallSeconds: @escaping @Sendable () -> Int,
            spawn: @escaping @Sendable (@escaping @Sendable () async -> Void) -> Void
        ) {
            self.http = http
            self.book = book
            self.seal = seal
            self.publicURL = publicURL
            self.wallSeconds = wallSeconds
            self.spawn = spawn
        }
    }

    /// What a token about a caller is to say.
    package struct Vouching: Sendable {
        package enum Kind: Sendable {
            /// To be exchanged.
            case subject
            /// An Identity Assertion JWT Authorization Grant.
            case assertion(resource: String, clientID: String, scopes: [String])
        }

        package var audience: String
        package var kind: Kind
    }

    /// A token in use.
    struct Token: Sendable {
        var value: Secret
        /// Later tokens have greater ones.
        var serial: UInt64
        /// From then on another is got first.
        var freshUntilSeconds: Int
        /// What was asked for.
        var scopes: [String]
        /// The connection it is of.
        var connection: String?
    }

    enum Finding {
        case token(Token)
        /// `wait` says when to ask again.
        case waiting
        case refused(GatewayError)
    }

    struct State {
        var tokens: [String: Token] = [:]
        var pending: [String: [@Sendable () -> Void]] = [:]
        var denials: [String: (error: GatewayError, untilSeconds: Int)] = [:]
        /// Scopes that servers asked for beyond what tokens have, by what tokens are kept under.
        var wanted: [String: [String]] = [:]
        /// Until when no more scopes are asked for: the authorization server would not give them.
        var narrow: [String: Int] = [:]
        /// Stored tokens that their servers did not take.
        var rejected: [String: Secret] = [:]
        /// Connections that are being renewed, and who waits to look at them next.
        var turns: [String: [CheckedContinuation<Void, Never>]] = [:]
        /// When another token was last got because a server did not take one.
        var replaced: [String: Int] = [:]
        /// What servers last said of the tokens they want, by settings.
        var challenges: [String: ResourceChallenge] = [:]
        var discoveries: [String: Discovery] = [:]
        var serial: UInt64 = 0
        var flows = ConnectFlows()
        /// Who waits for the URL that a user is asked by, by connection and settings.
        var asking: [String: [@Sendable (ConnectFlow?) -> Void]] = [:]
        /// Calls that go on when their users have connected, by connection.
        var watchers: [String: [UInt64: @Sendable () -> Void]] = [:]

        static let namesMax = 10_000

        /// Another place of the metadata is looked at.
        mutating func note(_ challenge: ResourceChallenge, _ settings: String) {
            if challenges.count >= State.namesMax { challenges.removeAll() }
            if let known = challenges[settings], let url = challenge.metadataURL, known.metadataURL != url {
                discoveries[settings] = nil
            }
            // What one request lacks is not what every token must have.
            var challenge = challenge
            if challenge.metadataURL == nil { challenge.metadataURL = challenges[settings]?.metadataURL }
            if challenge.error == "insufficient_scope" { challenge.scopes = challenges[settings]?.scopes ?? [] }
            challenges[settings] = challenge
        }

        /// Whether the token that is not taken may be replaced now: a server that takes none must not make the gateway
        /// ask for one after the other.
        mutating func mayReplace(_ key: String, now: Int) -> Bool {
            if let last = replaced[key], now - last < Connections.replacementSeconds { return false }
            if replaced.count >= State.namesMax { replaced.removeAll() }
            replaced[key] = now
            return true
        }

        mutating func want(_ scopes: [String], _ key: String) {
            if wanted.count >= State.namesMax { wanted.removeAll() }
            wanted[key] = Array(scopes.prefix(ResourceChallenge.scopesMax))
        }

        mutating func keep(_ token: Token, _ key: String, now: Int) {
            if tokens.count >= Connections.tokensMax {
                tokens = tokens.filter { now < $0.value.freshUntilSeconds }
                if tokens.count >= Connections.tokensMax { tokens.removeAll() }
            }
            var token = token
            serial += 1
            token.serial = serial
            tokens[key] = token
        }

        /// Nothing of what was is true any more for this caller.
        mutating func forget(_ key: String) {
            tokens[key] = nil
            denials[key] = nil
            wanted[key] = nil
            narrow[key] = nil
            rejected[key] = nil
            replaced[key] = nil
        }
    }

    static let tokensMax = 100_000
    static let pendingMax = 4_096
    static let waitersMax = 4_096
    /// Who failed is not asked again at once.
    static let denialSeconds = 5
    static let replacementSeconds = 10
    static let narrowSeconds = 300

    let environment: Environment
    let state = Mutex(State())

    package init(_ environment: Environment) { self.environment = environment }

    var book: ConnectionBook { environment.book }
    var now: Int { environment.wallSeconds() }

    // MARK: What requests ask

    /// Under what a caller's token is kept. One that says who calls ends with what the caller showed.
    static func key(_ settings: ConnectionSettings, _ principal: Principal) -> String {
        switch settings.mode {
        case .service: return settings.key
        case .perUser: return settings.key + UpstreamConnection.Key(principal, server: settings.server).text
        case .exchange, .idJag:
            let owner = UpstreamConnection.Key(principal, server: settings.server).text
            let parts: [JSONTree] = [principal.agent, principal.credentialID, principal.run].map {
                $0.map { .text($0) } ?? .null
            }
            return settings.key + owner + String(decoding: JSONTree.array(parts).bytes, as: UTF8.self)
        }
    }

    /// The caller's token for a server. Never waits; a token that is missing is sent for.
    func find(_ settings: ConnectionSettings, _ principal: Principal) -> Finding {
        let key = Connections.key(settings, principal)
        let now = now
        var connection: UpstreamConnection?
        if settings.mode == .perUser {
            connection = book.connection(UpstreamConnection.Key(principal, server: settings.server))
            guard connection?.state == .connected else {
                state.withLock { $0.tokens[key] = nil }
                return .refused(connectionRequired(settings, connection, isUser: principal.user != nil))
            }
        }
        let found = state.withLock { state -> (Finding, isNew: Bool) in
            if let token = state.tokens[key], now < token.freshUntilSeconds, token.connection == connection?.id {
                return (.token(token), false)
            }
            if state.pending[key] != nil { return (.waiting, false) }
            if let denial = state.denials[key] {
                if now < denial.untilSeconds { return (.refused(denial.error), false) }
                state.denials[key] = nil
            }
            guard state.pending.count < Connections.pendingMax else {
                return (.refused(GatewayError(.overloaded, "too many tokens are being asked for")), false)
            }
            state.pending[key] = []
            return (.waiting, true)
        }
        if found.isNew { environment.spawn { [self] in await obtain(settings, principal, key) } }
        return found.0
    }

    /// Calls back when it makes sense to ask again; false when too many wait.
    func wait(_ settings: ConnectionSettings, _ principal: Principal, _ body: @escaping @Sendable () -> Void) -> Bool {
        let key = Connections.key(settings, principal)
        let outcome = state.withLock { state -> Bool? in
            guard let waiters = state.pending[key] else { return nil }
            guard waiters.count < Connections.waitersMax else { return false }
            state.pending[key]?.append(body)
            return true
        }
        if outcome == nil { body() }
        return outcome ?? true
    }

    /// What a server's refusal comes to.
    enum Rejection {
        /// Another token is worth a try.
        case again
        case refused(GatewayError)
    }

    /// The server did not take a token: 401 for one that is not good, 403 for one that is not enough.
    func reject(
        _ token: Token, _ settings: ConnectionSettings, _ principal: Principal, _ challenge: ResourceChallenge?
    ) -> Rejection {
        let key = Connections.key(settings, principal)
        if challenge?.error == "insufficient_scope" {
            return widen(token, settings, key, challenge?.scopes ?? [], challenge)
        }
        let now = now
        let mayReplace = state.withLock { state -> Bool in
            if let challenge { state.note(challenge, settings.key) }
            // Somebody else has got another one meanwhile.
            guard state.tokens[key]?.serial == token.serial else { return true }
            guard state.mayReplace(key, now: now) else { return false }
            state.tokens[key] = nil
            // A stored token is not tried again.
            if settings.mode == .perUser {
                if state.rejected.count >= State.namesMax { state.rejected.removeAll() }
                state.rejected[key] = token.value
            }
            return true
        }
        guard !mayReplace else { return .again }
        return .refused(
            GatewayError(
                .credentialUnavailable, "the server does not take a token that is new: \(settings.shownName)",
                hint: "the operator looks at oauth of the MCPServer"))
    }

    /// The server wants more scopes than the token has. A user is asked; for the gateway itself they are asked for, as
    /// far as the operator has not said which, and the authorization server gives them.
    private func widen(
        _ token: Token, _ settings: ConnectionSettings, _ key: String, _ scopes: [String],
        _ challenge: ResourceChallenge?
    ) -> Rejection {
        let missing = scopes.filter { !token.scopes.contains($0) }
        let now = now
        let isPerUser = settings.mode == .perUser
        let mayAsk = state.withLock { state -> Bool in
            if let challenge { state.note(challenge, settings.key) }
            let isFixed = !isPerUser && (!settings.scopes.isEmpty || now < state.narrow[key] ?? 0)
            guard !missing.isEmpty, !isFixed else { return false }
            let known = state.wanted[key] ?? []
            state.want(known + missing.filter { !known.contains($0) }, key)
            if !isPerUser, state.tokens[key]?.serial == token.serial { state.tokens[key] = nil }
            return true
        }
        guard mayAsk else {
            return .refused(
                GatewayError(
                    .credentialUnavailable, "the server wants scopes that no token of it has: \(settings.shownName)",
                    hint: "the operator looks at what tokens may do there"))
        }
        guard isPerUser else { return .again }
        return .refused(
            GatewayError(
                .connectionRequired,
                "the server needs more than you have allowed: \(missing.joined(separator: " "))",
                hint: "connect again with 'sluice connect \(settings.shownName)'"))
    }

    func connectionRequired(
        _ settings: ConnectionSettings, _ known: UpstreamConnection?, isUser: Bool = true
    ) -> GatewayError {
        guard isUser || known != nil else {
            return GatewayError(
                .connectionRequired,
                "only users connect to this server, and yours is no credential of one: "
                    + settings.shownName,
                hint: "call with a user's credential; for machines the operator sets oauth.mode to service or exchange")
        }
        let what =
            known == nil ? "you have not connected to this server yet" : "your connection to this server has ended"
        return GatewayError(
            .connectionRequired, "\(what): \(settings.shownName)",
            hint: "connect with 'sluice connect \(settings.shownName)', then call again")
    }
}
