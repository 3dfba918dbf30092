import GatewayModel
import GatewayWire

/// What OCSF has no name for, under `unmapped`, in the order of the names.
extension RecordJSON {
    mutating func unmapped(_ event: AuditEvent) {
        if let facts = event.destination?.authority { self.facts("authority", facts) }
        if let model = event.model {
            if let cost = model.cost { member("cost_usd", cost.description) }
        }
        if let credential = event.credential { self.credential(credential) }
        if let decision = event.decision { self.decision(decision) }
        let delegation = event.principal.delegation
        if !delegation.isEmpty {
            array("delegation_chain") { json in
                for delegate in delegation.prefix(PrincipalDetail.delegationMax) {
                    json.object { json in
                        json.member("issuer", delegate.issuer)
                        json.member("sub", delegate.subject)
                    }
                }
            }
        }
        facts("details", event.details)
        if let effect = event.effect { self.effect(effect) }
        if let model = event.model { self.model(model) }
        member("proof", event.principal.proof.rawValue)
        if let proven = event.principal.detail?.proven, !proven.isEmpty {
            facts("proven", proven.map { AuditFact($0.name, $0.by) })
        }
        if let body = event.request { content("request_body", body) }
        if let body = event.response { content("response_body", body) }
        member("run", event.principal.run)
        member("sandbox", event.principal.sandbox)
        member("scopes", list: event.principal.scopes)
        member("traffic", event.kind.traffic.rawValue)
    }

    private mutating func credential(_ credential: AuditCredential) {
        object("credential") { json in
            json.member("aud", credential.audience)
            if let end = credential.expiresSeconds { json.member("exp", end) }
            json.member("id", credential.id)
            json.member("kind", credential.kind)
            json.member("subject_jti_hash", credential.subjectHash)
        }
    }

    private mutating func decision(_ decision: AuditDecision) {
        object("decision") { json in
            json.member("code", decision.code?.rawValue)
            json.facts("facts", decision.facts)
            if decision.isFailOpen { json.member("fail_open", true) }
            json.member("policy_digest", decision.digest)
            json.member("reason", decision.reason)
            json.member("rule", decision.rule)
            json.member("verdict", decision.verdict.rawValue)
        }
    }

    private mutating func effect(_ effect: AuditEffect) {
        object("effect") { json in
            if let agreement = effect.agreement { json.member("agreement", agreement) }
            if let duration = effect.durationMilliseconds { json.member("duration_ms", duration) }
            json.member("state", effect.state.rawValue)
            if effect.status > 0 { json.member("upstream_status", effect.status) }
        }
    }

    private mutating func model(_ model: AuditModel) {
        object("model") { json in
            if model.attempts > 0 { json.member("attempts", model.attempts) }
            if model.isEstimated { json.member("estimated", true) }
            json.member("requested", model.requested)
            if let usage = model.usage {
                json.object("usage") { json in
                    json.member("cache_read", usage.cacheRead)
                    json.member("cache_write", usage.cacheWrite5m + usage.cacheWrite1h)
                    json.member("input", usage.inputTotal)
                    json.member("output", usage.outputTotal)
                    json.member("reasoning", usage.reasoning)
                }
            }
        }
    }

    /// Of all content its hash; of what is kept the text. The leaf's salt hides what a hash alone would give away.
    private mutating func content(_ name: StaticString, _ body: AuditBody) {
        object(name) { json in
            json.member("bytes", body.count)
            let hasText = !body.bytes.isEmpty && json.limits.hasBodies
            json.member("captured", !hasText ? "none" : body.bytes.count < body.count ? "part" : "full")
            guard !body.bytes.isEmpty else { return }
            json.member("sha256", TreeHash.of(body.bytes.span).hex)
            guard hasText else { return json.member("shortened", true) }
            let limits = json.limits
            json.limits.textBytes = AuditBody.capturedBytesMax * 3
            json.member("text", String(decoding: body.bytes, as: UTF8.self))
            json.limits = limits
        }
    }
}
