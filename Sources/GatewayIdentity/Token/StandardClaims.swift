package import GatewayModel
package import GatewayWire

/// What the registered claims say of a caller, before anybody maps the others.
package enum StandardClaims {
    /// The caller of a checked token: the subject is the user, whoever acts for it the agent. What an issuer writes
    /// beside that (a tenant, a run) only counts where a mapping says so.
    package static func principal(
        _ token: VerifiedToken, proof: Principal.Proof = .token
    ) throws(GatewayError) -> Principal {
        let delegation = try delegation(token.claims)
        let source = "token of \(token.issuer ?? "a trust domain")"
        var principal = Principal(
            proof: proof, user: token.subject, agent: delegation.first?.subject,
            groups: try texts("groups", token.claims), credentialID: foreign(token.id))
        var proven = [ProvenName("user", by: source)]
        if principal.agent != nil { proven.append(ProvenName("agent", by: "act in the \(source)")) }
        if !principal.groups.isEmpty { proven.append(ProvenName("groups", by: source)) }
        principal.detail = PrincipalDetail(
            issuer: token.issuer, session: token.claims["sid"]?.string?.value, scopes: token.scopes,
            audiences: token.audiences, delegation: delegation, issuedSeconds: token.issuedSeconds,
            expiresSeconds: token.expiresSeconds, confirmation: try confirmation(token.claims), proven: proven)
        return principal
    }

    /// Ids are not unique over issuers. One that looks like the gateway's own would be taken for it, by revocations, by
    /// budgets and by policies that name keys: such a token goes by its hash, and a certificate by another name.
    static func foreign(_ id: String?) -> String? {
        guard let id, !["key_", "tok_"].contains(where: { id.hasPrefix($0) }) else { return nil }
        return id
    }

    /// `act` and what is nested in it, the current actor first (RFC 8693 section 4.1). Only who they are is taken over:
    /// other claims of an actor say nothing of what the token may be used for.
    package static func delegation(_ claims: JSONObject) throws(GatewayError) -> [Delegate] {
        var chain: [Delegate] = []
        var next = claims["act"]
        while let value = next {
            guard let actor = value.object, let subject = actor["sub"]?.string?.value, !subject.isEmpty,
                subject.utf8.count <= 1_024
            else { throw JSONWebToken.refusal("has an actor without a name: act") }
            guard chain.count < PrincipalDetail.delegationMax else {
                throw JSONWebToken.refusal("passes authority on more than \(PrincipalDetail.delegationMax) times: act")
            }
            chain.append(Delegate(subject: subject, issuer: actor["iss"]?.string?.value))
            next = actor["act"]
        }
        return chain
    }

    /// RFC 7800. A binding that cannot be checked must not be taken for none.
    package static func confirmation(_ claims: JSONObject) throws(GatewayError) -> Confirmation? {
        guard let value = claims["cnf"] else { return nil }
        guard let members = value.object?.members, members.count == 1, let member = members.first,
            let text = member.value.string?.value, Base64URL.decode(text)?.count == 32
        else { throw JSONWebToken.refusal("is bound to a key in a way that cannot be checked: cnf") }
        switch member.name.value {
        case "jkt": return .proofKey(text)
        case "x5t#S256": return .certificate(text)
        default: throw JSONWebToken.refusal("is bound to a key in a way that cannot be checked: cnf")
        }
    }

    /// A list of texts, or nothing.
    static func texts(_ name: String, _ claims: JSONObject) throws(GatewayError) -> [String] {
        guard let list = claims[name]?.array else { return [] }
        guard list.count <= 512 else { throw JSONWebToken.refusal("has more than 512 \(name)") }
        return list.compactMap { $0.string?.value }.filter { $0.utf8.count <= 1_024 }
    }
}
