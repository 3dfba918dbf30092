package import GatewayModel
package import GatewayWire

/// What a token of the gateway says, before it is signed and after it has been checked (RFC 9068, RFC 8693 section 4).
package struct TokenGrant: Sendable, Equatable {
    package var principal: Principal
    package var clientID: String
    package var audiences: [String]
    package var issuedSeconds: Int
    package var expiresSeconds: Int
    package var id: String
    /// Who may act for the subject, where its own token says so: it goes on saying so when it becomes narrower.
    package var mayAct: Delegate?

    package init(
        principal: Principal, clientID: String, audiences: [String], issuedSeconds: Int, expiresSeconds: Int,
        id: String, mayAct: Delegate? = nil
    ) {
        self.principal = principal
        self.clientID = clientID
        self.audiences = audiences
        self.issuedSeconds = issuedSeconds
        self.expiresSeconds = expiresSeconds
        self.id = id
        self.mayAct = mayAct
    }

    /// Who it is about: the user where there is one.
    package var subject: String { principal.user ?? principal.agent ?? clientID }

    package func claims(issuer: String) -> JSONObject {
        var claims: JSONObject = [
            "iss": .text(issuer), "sub": .text(subject),
            "aud": audiences.count == 1 ? .text(audiences[0]) : .array(audiences.map { .text($0) }),
            "iat": .integer(issuedSeconds), "exp": .integer(expiresSeconds), "jti": .text(id),
            "client_id": .text(clientID),
        ]
        if !principal.scopes.isEmpty { claims["scope"] = .text(principal.scopes.joined(separator: " ")) }
        claims["act"] = TokenGrant.act(principal.delegation)
        claims["may_act"] = TokenGrant.act(mayAct.map { [$0] } ?? [])
        switch principal.detail?.confirmation {
        case .proofKey(let thumbprint): claims["cnf"] = ["jkt": .text(thumbprint)]
        case .certificate(let thumbprint): claims["cnf"] = ["x5t#S256": .text(thumbprint)]
        case nil: break
        }
        let names: [(String, String?)] = [
            ("user", principal.user), ("agent", principal.agent), ("tenant", principal.tenant),
            ("team", principal.team), ("run", principal.run), ("instance", principal.instance),
            ("sid", principal.session),
            ("sandbox", principal.sandbox), ("origin", principal.detail?.origin),
            ("acting_origin", principal.detail?.actingOrigin), ("grant", principal.detail?.grantID),
            ("budget_of", principal.grant?.account), ("budget_of_key", principal.grant?.keyAccount),
        ]
        for (name, value) in names { claims[name] = value.map { JSONTree.text($0) } }
        let grant = principal.grant
        let lists: [(String, [String])] = [
            ("groups", principal.groups), ("parents", principal.detail?.parents ?? []),
            ("models", KeyGrant.texts(grant?.models)),
            ("tools", KeyGrant.texts(grant?.tools)), ("budget", KeyGrant.texts(grant?.limits)),
        ]
        for (name, values) in lists where !values.isEmpty { claims[name] = .array(values.map { JSONTree.text($0) }) }
        return claims
    }

    /// The chain as nested actors, the current one outermost.
    private static func act(_ chain: [Delegate]) -> JSONTree? {
        var act: JSONObject?
        for delegate in chain.reversed() {
            var actor: JSONObject = ["sub": .text(delegate.subject)]
            if let issuer = delegate.issuer { actor["iss"] = .text(issuer) }
            if let inner = act { actor["act"] = .object(inner) }
            act = actor
        }
        return act.map { .object($0) }
    }

    /// The caller that shows a token of our own. What it may cost is read strictly: a budget that cannot be read must
    /// not become none.
    package static func principal(_ token: VerifiedToken) throws(GatewayError) -> Principal {
        let claims = token.claims
        func text(_ name: String) -> String? { claims[name]?.string?.value }
        var principal = Principal(
            proof: .token, tenant: text("tenant"), team: text("team"), user: text("user"), agent: text("agent"),
            run: text("run"), groups: try StandardClaims.texts("groups", claims), credentialID: token.id)
        let models = try StandardClaims.texts("models", claims)
        let tools = try StandardClaims.texts("tools", claims)
        var limits: [BudgetLimit] = []
        for written in try StandardClaims.texts("budget", claims) {
            guard let limit = BudgetLimit(written) else { throw JSONWebToken.refusal("has a budget that is none") }
            limits.append(limit)
        }
        if !models.isEmpty || !tools.isEmpty || !limits.isEmpty {
            principal.grant = KeyGrant(
                models: models.map { NamePattern($0) }, tools: tools.map { NamePattern($0) }, limits: limits,
                account: text("budget_of"), keyAccount: text("budget_of_key"))
        }
        let names = ["user", "agent", "tenant", "team", "run", "sandbox"]
        principal.detail = PrincipalDetail(
            issuer: token.issuer, origin: text("origin"), actingOrigin: text("acting_origin"),
            instance: text("instance"), session: text("sid"), sandbox: text("sandbox"),
            scopes: token.scopes, audiences: token.audiences, delegation: try StandardClaims.delegation(claims),
            grantID: text("grant"), parents: try StandardClaims.texts("parents", claims),
            issuedSeconds: token.issuedSeconds, expiresSeconds: token.expiresSeconds,
            confirmation: try StandardClaims.confirmation(claims),
            proven: names.filter { claims[$0] != nil }.map { ProvenName($0, by: "token of this gateway") })
        return principal
    }
}
