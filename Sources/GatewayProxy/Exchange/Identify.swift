import GatewayIdentity
import GatewayModel
import GatewayPolicy
import GatewayRecords

extension Exchange {
    /// Phase 3: builds the one `Principal` of the request, and takes the caller's credential out of what goes on. Every
    /// policy that asks must be content; the first that recognises the caller says who it is.
    func identify() -> GatewayError? {
        guard let rule, !rule.policy.identity.isEmpty else { return nil }
        var sources: [CredentialScanner.Source] = []
        var doubt: (error: GatewayError, rule: String)?
        for identity in rule.policy.identity {
            guard let refusal = recognise(by: identity, &sources) else { continue }
            if identity.isRequired { return refuse(refusal, by: identity.name) }
            doubt = doubt ?? (refusal, identity.name)
        }
        // Whoever shows a credential that nobody knows is not taken for somebody who shows none.
        if let doubt, principal.proof == .none { return refuse(doubt.error, by: doubt.rule) }
        // Also a key that nobody had to look at, because another proof came first.
        let asksForKeys = rule.policy.identity.contains { $0.providers.contains(where: \.isAPIKeys) }
        if asksForKeys, case .found(_, let carriers) = CredentialScanner.scan(request) { sources = carriers }
        CredentialScanner.strip(sources, from: &request)
        if principal.proof != .none { record.principal = principal }
        return nil
    }

    private func refuse(_ error: GatewayError, by rule: String) -> GatewayError {
        principal = .anonymous
        verdict = .deny(rule: rule, reason: error.message, code: error.code)
        record.verdictRule = rule
        return error
    }

    /// Why one policy is not content; nil if it is.
    private func recognise(by identity: IdentityRule, _ sources: inout [CredentialScanner.Source]) -> GatewayError? {
        var failure: GatewayError?
        for provider in identity.providers {
            do {
                guard let found = try recognise(by: provider, &sources) else { continue }
                if principal.proof == .none { principal = found }
                return nil
            } catch { failure = failure ?? error }
        }
        if failure != nil || !identity.isRequired { return failure }
        return GatewayError(
            .unauthenticated, "this route needs a credential and none was shown",
            hint: "send an API key as 'authorization: Bearer …', or a client certificate")
    }

    private func recognise(
        by provider: IdentityRule.Provider, _ sources: inout [CredentialScanner.Source]
    ) throws(GatewayError) -> Principal? {
        switch provider {
        case .apiKeys(let keys): return try recognise(by: keys, &sources)
        case .liveKeys(let keys): return try recognise(by: keys.current, &sources)
        case .clientCertificate(let identity):
            guard let certificate = client.certificate else { return nil }
            var found = try identity.principal(
                ClientCertificateIdentity.Names(
                    subject: certificate.subject, dnsNames: certificate.dnsNames, uris: certificate.uriNames))
            found.credentialID = certificate.fingerprint
            return found
        }
    }

    private func recognise(
        by keys: APIKeySet, _ sources: inout [CredentialScanner.Source]
    ) throws(GatewayError) -> Principal? {
        let identity = APIKeyIdentity(keys: keys, isRequired: false)
        let now = Int(worker.wallNanoseconds / 1_000_000_000)
        let (found, carriers) = try identity.identify(request, nowSeconds: now)
        if found != nil { sources = carriers }
        return found
    }
}
