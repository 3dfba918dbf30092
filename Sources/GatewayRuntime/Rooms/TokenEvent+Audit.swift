import GatewayIdentity
import GatewayModel
import GatewayRecords

/// What the audit log is told of tokens: whom each one is of, who asked for it, who acts, what it is good for, and
/// every refusal. Tokens are named by the hash of their id.
extension TokenEvent {
    /// Writes what is about to be done to the disk, and returns what tells its end.
    func record(in trail: AuditTrail) async throws(GatewayError) -> Settle {
        let ticket = try await trail.begin(auditEvent, isStrict: true)
        return { error in
            ticket.outcome(timeMilliseconds: AuditClock.wallMilliseconds) { event in
                event.effect = AuditEffect(error == nil ? .done : .failed)
                event.effect?.agreement = error == nil
                if let error { event.message = error.message }
            }
        }
    }

    func recordRefusal(in trail: AuditTrail) { trail.record(auditEvent) }

    private var auditEvent: AuditEvent {
        let kind: AuditKind =
            switch act {
            case .issue: .tokenIssued
            case .revoke: .tokenRevoked
            case .refuse: .authentication
            }
        var event = AuditEvent(kind, timeMilliseconds: AuditClock.wallMilliseconds)
        event.correlation = requestID
        event.source = source
        event.operation = operation
        event.principal = shownPrincipal
        event.resource = audiences.joined(separator: " ")
        var decision = AuditDecision(act == .refuse ? .denied : .allowed)
        decision.reason = reason
        event.decision = decision
        event.details = details
        guard act == .issue else { return event }
        var credential = AuditCredential(id: tokenHash, kind: "access_token")
        credential.expiresSeconds = expiresSeconds
        credential.audience = audiences.first ?? ""
        credential.subjectHash = subjectHash
        event.credential = credential
        return event
    }

    /// Whoever revokes everything of a run or a user is found by that name.
    private var shownPrincipal: Principal {
        var shown = principal
        switch revocation?.kind {
        case .run: shown.run = shown.run ?? revocation?.value
        case .user: shown.user = shown.user ?? revocation?.value
        case .agent: shown.agent = shown.agent ?? revocation?.value
        case .token, .grant, .session, nil: break
        }
        if shown.proof == .none, let client { shown.proof = client.proof }
        return shown
    }

    private var details: [AuditFact] {
        var facts: [AuditFact] = []
        func add(_ name: String, _ text: String?) {
            if let text, !text.isEmpty { facts.append(AuditFact(name, text)) }
        }
        func add(_ name: String, _ list: [String]) {
            if !list.isEmpty { facts.append(AuditFact(name, .list(list))) }
        }
        add("actor", actor.flatMap { $0.agent ?? $0.user })
        add("actorCredentialHash", actorHash)
        add("audiences", audiences)
        switch principal.detail?.confirmation {
        case .proofKey(let thumbprint): add("boundToKey", thumbprint)
        case .certificate(let thumbprint): add("boundToCertificate", thumbprint)
        case nil: break
        }
        add("budget", (principal.grant?.limits ?? []).map(\.description))
        add("client", client.flatMap { $0.agent ?? $0.user })
        add("clientCredential", client?.credentialID)
        add("error", error)
        if let expiresSeconds { facts.append(AuditFact("expires", expiresSeconds)) }
        add("jtiHash", tokenHash)
        add("models", (principal.grant?.models ?? []).map(\.description))
        if let revocation {
            add("revokes", revocation.kind.rawValue)
            // A token is named by its hash alone.
            if revocation.kind != .token { add("revokesName", revocation.value) }
            add("revokesTenant", revocation.tenant)
        }
        add("subjectCredentialHash", subjectHash)
        add("tools", (principal.grant?.tools ?? []).map(\.description))
        return facts
    }
}
