package import GatewayModel
import GatewayWire

/// The rules by which authority is passed on: never more than there was, never longer, never in a circle, and always
/// with everyone named who took part (RFC 8693, RFC 9700).
package enum TokenExchange {
    /// Who asks, for what.
    package struct Request: Sendable {
        /// Whose authority it is.
        package var subject: Principal
        package var subjectAudiences: [String]
        /// The subject's token names who may act for it (RFC 8693 section 4.4): a name and, perhaps, its issuer.
        package var mayAct: Delegate?
        /// The subject's token is the gateway's own.
        package var isOwn: Bool
        /// Who is to act for it; nil for a token that is only to become narrower.
        package var actor: Principal?
        /// Agents that the configuration lets act for this subject.
        package var actors: [NamePattern] = []
        /// Whom the actor may be known to; nil for everybody.
        package var actorAudiences: [String]?
        /// The gateway's own name, and who vouches for the subject, for whoever acts by its token now, and for the
        /// actor; nil for the gateway.
        package var issuer = ""
        package var origin: String?
        package var actingOrigin: String?
        package var actorOrigin: String?
        package var scopes: [String]?
        package var audiences: [String]?
        package var models: [String]?
        package var tools: [String]?
        package var lifetimeSeconds: Int?

        package init(subject: Principal, subjectAudiences: [String], isOwn: Bool) {
            self.subject = subject
            self.subjectAudiences = subjectAudiences
            self.isOwn = isOwn
        }
    }

    package static let lifetimeSecondsUsual = 600
    package static let lifetimeSecondsMax = 900

    /// What the new token says. `audiences` are those the gateway gives tokens out for.
    package static func grant(
        _ request: Request, audiences known: [String], nowSeconds now: Int
    ) throws(TokenServiceError) -> TokenGrant {
        var principal = request.subject
        let chain = try chain(request)
        let scopes = try scopes(request)
        let grant = try narrowed(request)
        let audiences = try audiences(request, known)
        var end = now + min(max(request.lifetimeSeconds ?? lifetimeSecondsUsual, 1), lifetimeSecondsMax)
        for limit in [request.subject.detail?.expiresSeconds, request.actor?.detail?.expiresSeconds] {
            if let limit { end = min(end, limit) }
        }
        guard end > now else { throw TokenServiceError(.invalidGrant, "one of the tokens has expired") }
        if let actor = request.actor {
            principal.agent = actor.agent ?? actor.user
            // What is done on somebody's behalf is a piece of work, with a name that all its parts share.
            principal.run = principal.run ?? TokenID.make("run_")
        }
        let id = TokenID.make()
        principal.credentialID = id
        principal.grant = grant
        let detail = request.subject.detail
        principal.detail = PrincipalDetail(
            issuer: detail?.issuer, origin: request.origin,
            actingOrigin: request.actor == nil ? request.actingOrigin : request.actorOrigin,
            instance: request.actor?.instance ?? detail?.instance, session: detail?.session,
            sandbox: request.actor?.sandbox ?? detail?.sandbox, scopes: scopes, delegation: chain,
            grantID: detail?.grantID ?? request.subject.credentialID, parents: try parents(request),
            issuedSeconds: now, expiresSeconds: end)
        let client = request.actor.flatMap { $0.agent ?? $0.user } ?? principal.agent ?? principal.user ?? "unknown"
        return TokenGrant(
            principal: principal, clientID: client, audiences: audiences, issuedSeconds: now, expiresSeconds: end,
            id: id, mayAct: request.actor == nil ? request.mayAct : nil)
    }

    // MARK: Who

    private static func chain(_ request: Request) throws(TokenServiceError) -> [Delegate] {
        let earlier = request.subject.delegation
        guard let actor = request.actor else { return earlier }
        guard let name = actor.agent ?? actor.user else {
            throw TokenServiceError(.invalidGrant, "the actor has no name")
        }
        if let wanted = request.mayAct {
            let isMeant = wanted.issuer.map { $0 == request.actorOrigin ?? request.issuer } ?? isPlain(name, request)
            guard wanted.subject.utf8.elementsEqual(name.utf8), isMeant else {
                throw TokenServiceError(.invalidGrant, "the subject's token lets another act for it: may_act")
            }
        } else {
            guard request.actors.contains(where: { isNamed(name, by: $0, request) }) else {
                throw TokenServiceError(
                    .invalidGrant,
                    "nobody lets this agent act for others: its token needs may_act, or the IdentityProvider an actor "
                        + String(name.prefix(128)))
            }
        }
        guard name != request.subject.user, !earlier.contains(where: { $0.subject == name }) else {
            throw TokenServiceError(.invalidGrant, "the actor is part of the chain already")
        }
        guard earlier.count < PrincipalDetail.delegationMax else {
            throw TokenServiceError(
                .invalidGrant, "authority is passed on at most \(PrincipalDetail.delegationMax) times")
        }
        return [Delegate(subject: name, issuer: request.actorOrigin ?? actor.issuer)] + earlier
    }

    /// Whether a name alone says who is meant: one of the gateway's own, one of the issuer that also vouches for the
    /// subject, or a workload by the id its trust domain gave it. Any other issuer may call somebody the same.
    private static func isPlain(_ name: String, _ request: Request) -> Bool {
        // Whoever is called as others are written with their issuer is not one of them.
        guard !name.utf8.contains(mark) else { return false }
        guard let origin = request.actorOrigin, origin != request.origin else { return true }
        return origin.hasPrefix("spiffe://") && name.hasPrefix(origin + "/")
    }

    private static let mark = UInt8(ascii: "#")

    /// `name`, or `issuer#name` for those of another issuer; each part is compared with its own, so that a star for
    /// one never takes in the other.
    private static func isNamed(_ name: String, by pattern: NamePattern, _ request: Request) -> Bool {
        let text = pattern.description.utf8
        guard let at = text.firstIndex(of: mark) else { return isPlain(name, request) && pattern.matches(name) }
        return NamePattern(String(text[..<at]) ?? "").matches(request.actorOrigin ?? request.issuer)
            && NamePattern(String(text[text.index(after: at)...]) ?? "").matches(name)
    }

    /// What the token is made from, so that it ends with any of them.
    private static func parents(_ request: Request) throws(TokenServiceError) -> [String] {
        var parents = [request.subject.credentialID, request.actor?.credentialID].compactMap(\.self)
        for earlier in [request.subject.detail, request.actor?.detail] { parents += earlier?.parents ?? [] }
        var seen: Set<String> = []
        parents = parents.filter { seen.insert($0).inserted }
        guard parents.count <= PrincipalDetail.parentsMax else {
            throw TokenServiceError(
                .invalidGrant, "a token is made from at most \(PrincipalDetail.parentsMax) others and keys")
        }
        return parents
    }

    // MARK: For what

    private static func scopes(_ request: Request) throws(TokenServiceError) -> [String] {
        var allowed = request.subject.scopes
        if let actor = request.actor, !actor.scopes.isEmpty { allowed = allowed.filter(actor.scopes.contains) }
        guard let wanted = request.scopes else { return allowed }
        if let more = wanted.first(where: { !allowed.contains($0) }) {
            throw TokenServiceError(.invalidScope, "the scope is more than there is to give: \(more.prefix(128))")
        }
        return wanted
    }

    private static func audiences(_ request: Request, _ known: [String]) throws(TokenServiceError) -> [String] {
        var allowed = request.isOwn ? request.subjectAudiences.filter(known.contains) : known
        if let limit = request.actorAudiences { allowed = allowed.filter(limit.contains) }
        guard let wanted = request.audiences, !wanted.isEmpty else {
            guard let first = allowed.first else {
                throw TokenServiceError(
                    .invalidTarget, "subject and actor may be known to nobody the gateway speaks for")
            }
            return request.isOwn ? allowed : [first]
        }
        if let other = wanted.first(where: { !allowed.contains($0) }) {
            throw TokenServiceError(.invalidTarget, "tokens are not given out for \(other.prefix(256))")
        }
        return wanted
    }

    /// Models and tools, the same or fewer; the budget as it is, and the actor's where the subject has none.
    private static func narrowed(_ request: Request) throws(TokenServiceError) -> KeyGrant? {
        let own = request.subject.grant
        let actor = request.actor?.grant
        let models = try narrowed(request.models, try common(own?.models, actor?.models, "model"), "model")
        let tools = try narrowed(request.tools, try common(own?.tools, actor?.tools, "tool"), "tool")
        let parties = [request.subject, request.actor].compactMap(\.self)
        guard let payer = parties.first(where: { $0.grant?.limits.isEmpty == false }), let budget = payer.grant else {
            return models.isEmpty && tools.isEmpty ? nil : KeyGrant(models: models, tools: tools)
        }
        // Counted on the new token it would be a new budget, as often as somebody asks for one.
        let keyAccount = budget.account == nil ? budget.keyAccount ?? payer.originCredentialID : nil
        return KeyGrant(
            models: models, tools: tools, limits: budget.limits, account: budget.account, keyAccount: keyAccount)
    }

    /// What both lists allow; empty for everything.
    private static func common(
        _ one: [NamePattern]?, _ other: [NamePattern]?, _ what: String
    ) throws(TokenServiceError) -> [NamePattern] {
        guard let one, !one.isEmpty else { return other ?? [] }
        guard let other, !other.isEmpty else { return one }
        var both = one.filter { pattern in other.contains { $0.matches(pattern.description) } }
        both += other.filter { pattern in !both.contains(pattern) && one.contains { $0.matches(pattern.description) } }
        guard !both.isEmpty else {
            throw TokenServiceError(.invalidScope, "subject and actor have no \(what) in common")
        }
        return both
    }

    private static func narrowed(
        _ wanted: [String]?, _ own: [NamePattern], _ what: String
    ) throws(TokenServiceError) -> [NamePattern] {
        guard let wanted, !wanted.isEmpty else { return own }
        if !own.isEmpty {
            // A pattern that fits another, stars and all, fits everything the other does.
            if let more = wanted.first(where: { name in !own.contains { $0.matches(name) } }) {
                throw TokenServiceError(.invalidScope, "the \(what) is more than there is to give: \(more.prefix(128))")
            }
        }
        return wanted.map { NamePattern($0) }
    }
}

/// Ids of tokens: random, so that nobody guesses one, and short enough to be typed.
package enum TokenID {
    private static let letters = Array("abcdefghijkmnpqrstuvwxyz23456789")

    package static func make(_ prefix: String = "tok_") -> String {
        var generator = SystemRandomNumberGenerator()
        return prefix + String((0..<20).compactMap { _ in letters.randomElement(using: &generator) })
    }
}
