package import GatewayModel

/// What an operator asks for: a token with an identity, a scope and a budget, for one piece of work.
package struct TokenDraft: Sendable, Equatable {
    package var user: String?
    package var agent: String?
    package var tenant: String?
    package var team: String?
    package var run: String?
    package var sandbox: String?
    package var groups: [String] = []
    package var scopes: [String] = []
    /// Patterns; empty for all that policies allow.
    package var models: [String] = []
    package var tools: [String] = []
    package var limits: [BudgetLimit] = []
    package var audiences: [String] = []
    package var lifetimeSeconds = TokenExchange.lifetimeSecondsMax

    package static let lifetimeSecondsMax = 86_400
    private static let nameBytesMax = 256
    private static let listMax = 100

    package init() {}

    /// What the token says. A run without a name gets one: it is what its budget is counted on.
    package func grant(audiences known: [String], nowSeconds now: Int) throws(GatewayError) -> TokenGrant {
        try check()
        if let other = audiences.first(where: { !known.contains($0) }) {
            throw GatewayError(.invalidValue, "tokens are not given out for \(other)")
        }
        let id = TokenID.make()
        let run = run ?? TokenID.make("run_")
        var grant: KeyGrant?
        if !models.isEmpty || !tools.isEmpty || !limits.isEmpty {
            grant = KeyGrant(
                models: models.map { NamePattern($0) }, tools: tools.map { NamePattern($0) }, limits: limits,
                account: limits.isEmpty ? nil : run)
        }
        let principal = Principal(
            proof: .token, tenant: tenant, team: team, user: user, agent: agent, run: run, groups: groups,
            credentialID: id, grant: grant,
            detail: PrincipalDetail(
                sandbox: sandbox, scopes: scopes, issuedSeconds: now, expiresSeconds: now + lifetimeSeconds))
        return TokenGrant(
            principal: principal, clientID: agent ?? user ?? "sluice",
            audiences: audiences.isEmpty ? [known[0]] : audiences, issuedSeconds: now,
            expiresSeconds: now + lifetimeSeconds, id: id)
    }

    private func check() throws(GatewayError) {
        guard user != nil || agent != nil else {
            throw GatewayError(.missingField, "a token is of a user, an agent or both", hint: "say --user or --agent")
        }
        guard (1...TokenDraft.lifetimeSecondsMax).contains(lifetimeSeconds) else {
            throw GatewayError(.invalidValue, "a token lives from 1s to 24h", hint: "say --ttl 15m")
        }
        let names = [user, agent, tenant, team, run, sandbox].compactMap(\.self)
        for name in names + groups + scopes + models + tools {
            guard !name.isEmpty, name.utf8.count <= TokenDraft.nameBytesMax,
                name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else { throw GatewayError(.invalidValue, "a name is empty, too long, or has control characters") }
        }
        guard scopes.allSatisfy({ !$0.contains(" ") }) else {
            throw GatewayError(.invalidValue, "a scope has a blank in it")
        }
        for list in [groups, scopes, models, tools] where list.count > TokenDraft.listMax {
            throw GatewayError(.tooLarge, "a token has at most \(TokenDraft.listMax) names of a kind")
        }
        for limit in limits where limits.count(where: { $0.unit == limit.unit && $0.window == limit.window }) > 1 {
            throw GatewayError(.invalidValue, "two budgets for one unit and window: \(limit)")
        }
    }
}
