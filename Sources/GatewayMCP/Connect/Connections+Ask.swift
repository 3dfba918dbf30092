import GatewayModel
import GatewayState
import Synchronization

/// A user is asked to connect in the middle of a call, by a URL that his client shows him (URL mode elicitation). The
/// client, or whoever stands behind it, may send the URL on: it says nothing about the user and opens nothing by
/// itself. Who opens it shows there that he is the user; the answer counts from that browser alone.
extension Connections {
    /// Users whose calls wait, and calls of one.
    static let watchedMax = 10_000
    static let watchersOfOneMax = 64

    /// Calls back with the flow by whose URL the user is asked, one for all calls that need the same; nil when he
    /// cannot be asked.
    func ask(
        _ settings: ConnectionSettings, _ principal: Principal, _ body: @escaping @Sendable (ConnectFlow?) -> Void
    ) {
        let owner = UpstreamConnection.Key(principal, server: settings.server)
        let name = "ask \(Connections.key(settings, principal))"
        let now = now
        enum Step {
            case known(ConnectFlow?)
            case waiting
            case first
        }
        let step = state.withLock { state -> Step in
            let wanted = state.wanted[Connections.key(settings, principal)] ?? []
            if let flow = state.flows.asked(owner, settings: settings.key, scopes: wanted, now: now) {
                return .known(flow)
            }
            if let denial = state.denials[name], now < denial.untilSeconds { return .known(nil) }
            if let waiting = state.asking[name] {
                guard waiting.count < Connections.waitersMax else { return .known(nil) }
                state.asking[name]?.append(body)
                return .waiting
            }
            guard state.asking.count < Connections.pendingMax else { return .known(nil) }
            state.asking[name] = [body]
            return .first
        }
        switch step {
        case .known(let flow): body(flow)
        case .waiting: break
        case .first: environment.spawn { [self] in await prepare(settings, principal, name) }
        }
    }

    private func prepare(_ settings: ConnectionSettings, _ principal: Principal, _ name: String) async {
        var flow: ConnectFlow?
        var denial: GatewayError?
        do { flow = opened(try await begin(settings, principal, end: .browser).flow) } catch {
            denial =
                error as? GatewayError
                ?? GatewayError(.credentialUnavailable, "the authorization server cannot be asked")
        }
        let now = now
        let failed = denial
        let waiting = state.withLock { state in
            if let failed {
                if state.denials.count >= State.namesMax { state.denials.removeAll() }
                state.denials[name] = (failed, now + Connections.denialSeconds)
            }
            return state.asking.removeValue(forKey: name) ?? []
        }
        for body in waiting { body(flow) }
    }

    /// Whether a user has connected since: he has another connection than the one that was not enough.
    func hasConnected(_ owner: UpstreamConnection.Key, since known: String?) -> Bool {
        guard let row = book.connection(owner), row.state == .connected else { return false }
        return row.id != known
    }

    /// Calls back once when the user connects; false when too many wait.
    func watch(_ owner: UpstreamConnection.Key, _ id: UInt64, _ body: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            let known = state.watchers[owner.text]
            guard
                known.map({ $0.count < Connections.watchersOfOneMax })
                    ?? (state.watchers.count < Connections.watchedMax)
            else { return false }
            state.watchers[owner.text, default: [:]][id] = body
            return true
        }
    }

    func unwatch(_ owner: UpstreamConnection.Key, _ id: UInt64) {
        state.withLock { state in
            state.watchers[owner.text]?[id] = nil
            if state.watchers[owner.text]?.isEmpty == true { state.watchers[owner.text] = nil }
        }
    }

    // MARK: The browser

    /// Who is at the browser has shown who he is.
    func enter(_ flow: String, _ person: Principal) throws(GatewayError) -> ConnectFlow {
        let now = now
        return try state.withLock { $0.flows.enter(flow, person, now: now) }.get()
    }

    /// Somebody is about to show who he is; nil where too many have tried.
    func attempt(_ flow: String) -> ConnectFlow? {
        let now = now
        return state.withLock { $0.flows.attempt(flow, now: now) }
    }

    func conclude(_ flow: String, isWrong: Bool) {
        let now = now
        state.withLock { $0.flows.conclude(flow, isWrong: isWrong, now: now) }
    }

    var isTLS: Bool { (try? OutboundURL(environment.publicURL))?.isTLS ?? false }

    /// What a browser calls the gateway's own pages (RFC 6454).
    var origin: String {
        guard let url = try? OutboundURL(environment.publicURL) else { return "" }
        return "\(url.isTLS ? "https" : "http")://\(url.authority)"
    }
}
