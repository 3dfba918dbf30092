import Crypto
package import GatewayModel

/// Takes out of events what records must not show. What is hashed stays comparable: the same text gives the same hash,
/// and nobody without the gateway's key can try texts against it.
package struct AuditRedactor: Sendable {
    private let removed: Set<AuditField>
    private let hashed: Set<AuditField>
    private let key: SymmetricKey

    package init(_ policies: [AuditRedaction] = [], key: Secret = Secret([])) {
        removed = Set(policies.flatMap(\.remove))
        hashed = Set(policies.flatMap(\.hash)).subtracting(removed)
        self.key = key.reveal { SymmetricKey(data: $0) }
    }

    var isOff: Bool { removed.isEmpty && hashed.isEmpty }

    package func redacted(_ event: AuditEvent) -> AuditEvent {
        guard !isOff else { return event }
        var event = event
        change(.user, &event.principal.user)
        change(.agent, &event.principal.agent)
        change(.clientAddress, &event.source)
        change(.message, &event.message)
        if var decision = event.decision {
            // Why something was decided says who and what in words of its own.
            change(.message, &decision.reason)
            event.decision = decision
        }
        redact(&event.details)
        if removed.contains(.groups) { event.principal.groups = [] }
        if hashed.contains(.groups) { event.principal.groups = event.principal.groups.map(hash) }
        if var http = event.http {
            change(.path, &http.path)
            event.http = http
        }
        if hides(.session) || hides(.agent) || hides(.user) { event.principal.detail = detail(event.principal.detail) }
        if hides(.body) {
            event.request?.bytes = []
            event.response?.bytes = []
        }
        return event
    }

    private func redact(_ details: inout [AuditFact]) {
        let revoked = details.first { $0.name == "revokes" }.map(\.value)
        for index in details.indices {
            guard case .text(var text) = details[index].value else { continue }
            switch (details[index].name, revoked) {
            // A reading of the log is told by its path; what was looked for is a part of that.
            case ("path", _), ("query", _): change(.path, &text)
            case ("actor", _), ("client", _): changeName(&text)
            case ("revokesName", .text("user")): change(.user, &text)
            case ("revokesName", .text("agent")): change(.agent, &text)
            case ("revokesName", .text("session")): change(.session, &text)
            default: continue
            }
            details[index].value = .text(text)
        }
    }

    /// A name of an agent or a user, whichever there was.
    private func changeName(_ text: inout String) {
        if removed.contains(.user) || removed.contains(.agent) {
            text = ""
        } else if hides(.user) || hides(.agent) {
            text = hash(text)
        }
    }

    /// What a search has to look for where a field is hashed.
    package func searched(_ text: String, in field: AuditField) -> String {
        hashed.contains(field) ? hash(text) : text
    }

    private func hides(_ field: AuditField) -> Bool { removed.contains(field) || hashed.contains(field) }

    private func change(_ field: AuditField, _ text: inout String) {
        if removed.contains(field) { text = "" }
        if hashed.contains(field), !text.isEmpty { text = hash(text) }
    }

    private func change(_ field: AuditField, _ text: inout String?) {
        guard var known = text else { return }
        change(field, &known)
        text = known.isEmpty ? nil : known
    }

    private func detail(_ detail: PrincipalDetail?) -> PrincipalDetail? {
        guard let detail else { return nil }
        var (session, instance) = (detail.session, detail.instance)
        change(.session, &session)
        change(.agent, &instance)
        let delegation = detail.delegation.map { delegate in
            var delegate = delegate
            change(.agent, &delegate.subject)
            return delegate
        }
        return PrincipalDetail(
            issuer: detail.issuer, instance: instance, session: session, sandbox: detail.sandbox,
            scopes: detail.scopes, audiences: detail.audiences, delegation: delegation, grantID: detail.grantID,
            issuedSeconds: detail.issuedSeconds, expiresSeconds: detail.expiresSeconds,
            confirmation: detail.confirmation, proven: hides(.user) ? [] : detail.proven)
    }

    private func hash(_ text: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
        return "hmac:" + code.prefix(16).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
