import GatewayIdentity
import GatewayModel
import GatewayState
import GatewayWire

/// A user on the way to let the gateway use a server: from the first word to the token. What binds the parts together
/// is here and nowhere else.
struct ConnectFlow: Sendable {
    /// Where it ends, and what shows there that whoever began it was at the browser too.
    enum End: Sendable, Equatable {
        /// A program listens on this port of the browser's own machine.
        case port(Int)
        /// Who began it types the code that the last page shows.
        case code
        /// In the browser itself. Somebody was asked in the middle of a call, and may have sent the URL on: before it
        /// leads anywhere, whoever opens it shows who he is.
        case browser
    }

    enum Phase: Sendable {
        /// Nobody has come back yet.
        case begun
        /// The browser has brought a code; who has begun has to show `proof` to use it.
        case returned(code: Secret, proof: Secret)
        case failed(GatewayError)
        /// The same user has begun anew at the same server: this way leads nowhere.
        case superseded
    }

    /// Names it to whoever began it, and to the browser.
    var id: String
    /// Known to the browser and the authorization server alone.
    var state: String
    /// PKCE (RFC 7636).
    var verifier: String
    var owner: UpstreamConnection.Key
    var settings: ConnectionSettings
    var server: AuthorizationServer
    var client: OAuthClient
    var resource: String
    var scopes: [String]
    var callbackURL: String
    var end: End
    var expiresSeconds: Int
    var phase = Phase.begun
    var wrongProofs = 0
    /// Whose browser it is, once he has shown that; what comes back must come from the same browser.
    var visitor: (person: Principal, cookie: Secret)?

    /// Where the browser goes (RFC 6749 section 4.1.1, RFC 8707).
    var location: String {
        let query =
            [
                ("response_type", "code"), ("client_id", client.id), ("redirect_uri", callbackURL), ("state", state),
                ("code_challenge", TokenDigest(Array(verifier.utf8)).base64URL), ("code_challenge_method", "S256"),
                ("resource", resource),
            ] + Connections.scope(scopes)
        let text = query.map { "\($0.0)=\(FormText.encode($0.1))" }.joined(separator: "&")
        let place = server.authorizationEndpoint ?? ""
        return "\(place)\(place.contains("?") ? "&" : "?")\(text)"
    }

    /// Letters and digits that are hard to mistake for each other.
    static func code() -> String {
        let letters = Array("BCDFGHJKLMNPQRSTVWXZ23456789")
        var generator = SystemRandomNumberGenerator()
        return String((0..<10).compactMap { _ in letters.randomElement(using: &generator) })
    }
}

/// The flows under way: decisions only. A state counts once, a flow is its owner's, and nothing lives long.
struct ConnectFlows: Sendable {
    static let lifetimeSeconds = 600
    static let flowsMax = 10_000
    static let flowsOfOneMax = 16
    static let wrongProofsMax = 5

    private var flows: [String: ConnectFlow] = [:]
    /// Flows by their states, until those have come back.
    private var states: [String: String] = [:]

    mutating func add(_ flow: ConnectFlow, now: Int) throws(GatewayError) {
        for old in flows.values where now >= old.expiresSeconds { drop(old) }
        supersede(by: flow)
        let own = flows.values.filter { $0.owner == flow.owner }.sorted { $0.expiresSeconds < $1.expiresSeconds }
        for old in own.dropLast(ConnectFlows.flowsOfOneMax - 1) { drop(old) }
        guard flows.count < ConnectFlows.flowsMax else {
            throw GatewayError(.overloaded, "too many users are connecting at once", hint: "try again in some minutes")
        }
        flows[flow.id] = flow
        states[flow.state] = flow.id
    }

    /// Who begins himself has one link, the newest. One who is asked is asked by one URL, unless somebody is on the way
    /// by an older one.
    private mutating func supersede(by flow: ConnectFlow) {
        for (id, old) in flows where old.owner == flow.owner && (old.end == .browser) == (flow.end == .browser) {
            guard case .begun = old.phase, old.visitor == nil else { continue }
            flows[id]?.phase = .superseded
        }
    }

    mutating func drop(_ flow: ConnectFlow) {
        flows[flow.id] = nil
        states[flow.state] = nil
    }

    /// Whoever ends a connection wants none that was begun before to come of it.
    mutating func drop(of owner: UpstreamConnection.Key) {
        for flow in flows.values where flow.owner == owner { drop(flow) }
    }

    /// Nil for one that is unknown, over, or has come back already.
    func begun(_ id: String, now: Int) -> ConnectFlow? {
        guard let flow = flows[id], now < flow.expiresSeconds, case .begun = flow.phase else { return nil }
        return flow
    }

    /// A flow in whose place its owner has begun another.
    func superseded(_ id: String, now: Int) -> ConnectFlow? {
        guard let flow = flows[id], now < flow.expiresSeconds, case .superseded = flow.phase else { return nil }
        return flow
    }

    /// The URL by which an owner is asked already, with all of these scopes, if it is good for some time yet.
    func asked(_ owner: UpstreamConnection.Key, settings: String, scopes: [String], now: Int) -> ConnectFlow? {
        flows.values.first { flow in
            guard case .begun = flow.phase, flow.end == .browser, flow.owner == owner else { return false }
            return flow.settings.key == settings && now < flow.expiresSeconds - ConnectFlows.lifetimeSeconds / 4
                && scopes.allSatisfy { flow.scopes.contains($0) }
        }
    }

    /// Somebody is at the browser: he must be the one who is asked. What his browser shows when it comes back is new
    /// each time.
    mutating func enter(_ id: String, _ person: Principal, now: Int) -> Result<ConnectFlow, GatewayError> {
        guard var flow = begun(id, now: now), flow.end == .browser else { return .failure(ConnectFlows.isOver) }
        guard flow.owner == UpstreamConnection.Key(person, server: flow.owner.server) else {
            return .failure(ConnectFlows.stranger)
        }
        flow.visitor = (person, Secret(Base64URL.random()))
        flows[id] = flow
        return .success(flow)
    }

    /// Somebody is about to show a credential. It counts as a wrong one until it has turned out otherwise, so that many
    /// at once are no more guesses than one after the other; nil when there is none left.
    mutating func attempt(_ id: String, now: Int) -> ConnectFlow? {
        guard var flow = begun(id, now: now), flow.end == .browser, flow.wrongProofs < ConnectFlows.wrongProofsMax
        else { return nil }
        flow.wrongProofs += 1
        flows[id] = flow
        return flow
    }

    /// What came of an attempt. Whoever guesses ends the flow; what nobody could judge is no guess.
    mutating func conclude(_ id: String, isWrong: Bool, now: Int) {
        guard var flow = begun(id, now: now), flow.end == .browser else { return }
        if !isWrong {
            flow.wrongProofs -= 1
            flows[id] = flow
        } else if flow.wrongProofs >= ConnectFlows.wrongProofsMax {
            drop(flow)
        }
    }

    static let stranger = GatewayError(
        .denied, "this is not the user who is asked to connect",
        hint: "if somebody sent you the link, close the page")

    static let isOver = GatewayError(.notFound, "this link is not good any more", hint: "call again for another one")

    /// What the browser brings back. Nil for a state that nobody waits for: unknown, too old, or brought before.
    /// `cookie` is what the browser shows for a flow.
    mutating func callback(
        _ fields: [(name: String, value: String)], cookie: (ConnectFlow) -> String?, now: Int
    ) -> ConnectFlow? {
        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        guard let state = field("state"), let id = states.removeValue(forKey: state), var flow = flows[id],
            now < flow.expiresSeconds
        else { return nil }
        if case .superseded = flow.phase { return flow }
        guard case .begun = flow.phase else { return nil }
        flow.phase = ConnectFlows.phase(flow, issuer: field("iss"), error: field("error"), code: field("code"))
        guard flow.end == .browser else {
            flows[id] = flow
            return flow
        }
        // Nothing is confirmed afterwards: it ends here, whatever came.
        drop(flow)
        let isSame = flow.visitor.map { $0.cookie.matches(Array((cookie(flow) ?? "").utf8)) } ?? false
        if !isSame {
            flow.phase = .failed(GatewayError(.denied, "the answer came to another browser than the one that asked"))
        }
        return flow
    }

    private static func phase(
        _ flow: ConnectFlow, issuer: String?, error: String?, code: String?
    ) -> ConnectFlow.Phase {
        // RFC 9207 section 2.4: before anything else of the answer is believed.
        if let issuer {
            guard issuer.utf8.elementsEqual(flow.server.issuer.utf8) else {
                return .failed(GatewayError(.denied, "the browser brought an answer of another authorization server"))
            }
        } else if flow.server.namesIssuer {
            return .failed(GatewayError(.denied, "the browser brought an answer that does not say whose it is"))
        }
        if let error {
            let word = ResourceChallenge.words(String(error.prefix(64))).first ?? "no reason"
            return .failed(GatewayError(.denied, "the authorization server says no: \(word)"))
        }
        guard let code, !code.isEmpty, code.utf8.count <= 4_096 else {
            return .failed(GatewayError(.denied, "the browser brought no code"))
        }
        return .returned(
            code: Secret(code), proof: Secret(flow.end == .code ? ConnectFlow.code() : Base64URL.random()))
    }

    /// How far a flow of that owner is; nil for one that is not.
    func flow(_ id: String, of owner: (tenant: String, kind: String, name: String), now: Int) -> ConnectFlow? {
        guard let flow = flows[id], now < flow.expiresSeconds, flow.owner.tenant == owner.tenant,
            flow.owner.kind == owner.kind, flow.owner.name == owner.name
        else { return nil }
        return flow
    }

    /// Ends a flow with the proof that who began it is who was at the browser. Whoever guesses ends it too.
    mutating func confirm(
        _ id: String, of owner: (tenant: String, kind: String, name: String), proof shown: String, now: Int
    ) -> Result<(flow: ConnectFlow, code: Secret), GatewayError> {
        guard var flow = flow(id, of: owner, now: now), flow.end != .browser else {
            return .failure(
                GatewayError(.notFound, "nobody is connecting under this name, or not any more", hint: "begin again"))
        }
        switch flow.phase {
        case .begun:
            return .failure(
                GatewayError(.conflict, "the browser has not come back yet", hint: "open the URL and allow the access"))
        case .superseded:
            drop(flow)
            return .failure(
                GatewayError(.conflict, "connecting was begun anew, and this way leads nowhere", hint: "begin again"))
        case .failed(let error):
            drop(flow)
            return .failure(error)
        case .returned(let code, let proof):
            let plain = shown.filter { $0 != "-" && $0 != " " }
            guard proof.matches(Array((flow.end == .code ? plain.uppercased() : shown).utf8)) else {
                flow.wrongProofs += 1
                flows[id] = flow
                if flow.wrongProofs >= ConnectFlows.wrongProofsMax { drop(flow) }
                return .failure(
                    GatewayError(.denied, "that is not the code that the browser shows", hint: "look at it again"))
            }
            drop(flow)
            return .success((flow, code))
        }
    }
}
