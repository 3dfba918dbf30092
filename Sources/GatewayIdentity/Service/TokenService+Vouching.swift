package import GatewayModel
package import GatewayWire

/// What the service says of a caller to somebody else than the gateway: who it is and who acts, and nothing of what it
/// may do or spend here.
extension TokenService {
    /// A token that names the caller, for one audience and a short time. With `extra` members; `type` is its `typ`.
    package func vouch(
        for principal: Principal, audience: String, lifetimeSeconds: Int = 120, type: String, extra: JSONObject = [:]
    ) throws(GatewayError) -> String {
        guard let subject = principal.user ?? principal.agent else {
            throw GatewayError(
                .credentialUnavailable, "nobody can be vouched for: the credential names no user and no agent",
                hint: "call with a credential that names one")
        }
        let now = environment.wallSeconds()
        var claims: JSONObject = [
            "iss": .text(issuer), "sub": .text(subject), "aud": .text(audience), "iat": .integer(now),
            "exp": .integer(
                min(now + lifetimeSeconds, principal.detail?.expiresSeconds ?? Int.max)), "jti": .text(TokenID.make()),
        ]
        if let tenant = principal.tenant { claims["tenant"] = .text(tenant) }
        if !principal.groups.isEmpty { claims["groups"] = .array(principal.groups.map { .text($0) }) }
        var actors = principal.delegation.map(\.subject)
        if actors.isEmpty, principal.user != nil, let agent = principal.agent { actors = [agent] }
        var act: JSONObject?
        for name in actors.reversed() {
            var object: JSONObject = ["sub": .text(name)]
            if let inner = act { object["act"] = .object(inner) }
            act = object
        }
        if let act { claims["act"] = .object(act) }
        for member in extra.members { claims[member.name.value] = member.value }
        return try sign(claims, type: type)
    }

    /// Who shows this value of `Authorization`. A token that is bound to a key is refused: nothing is proven here.
    package func identify(_ authorization: String?) async throws(GatewayError) -> Principal {
        var request = Request(method: "GET", path: "/oauth/connections")
        request.authorization = authorization
        let principal = try await caller(request)
        guard principal.detail?.confirmation == nil else {
            throw GatewayError(
                .unauthenticated, "a token that is bound to a key is not taken here", hint: "use a plain one")
        }
        return principal
    }
}
