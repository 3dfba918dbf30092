import GatewayIdentity
import GatewayModel
import GatewayPolicy
import GatewayRecords

extension Exchange {
    /// Phase 3: builds the one `Principal` of the request, and takes the caller's credential out of what goes on.
    func identify() -> GatewayError? {
        guard let rule, let identity = rule.policy.identity else { return nil }
        do {
            for provider in identity.providers where principal.proof == .none {
                try recognise(by: provider)
            }
        } catch {
            verdict = .deny(rule: identity.name, reason: error.message, code: error.code)
            record.verdictRule = identity.name
            return error
        }
        if principal.proof != .none { record.principal = principal }
        guard identity.isRequired, principal.proof == .none else { return nil }
        verdict = .deny(rule: identity.name, reason: "no credential was shown", code: .unauthenticated)
        record.verdictRule = identity.name
        return GatewayError(
            .unauthenticated, "this route needs a credential and none was shown",
            hint: "send an API key as 'authorization: Bearer …', or a client certificate")
    }

    private func recognise(by provider: IdentityRule.Provider) throws(GatewayError) {
        switch provider {
        case .apiKeys(let keys):
            let identity = APIKeyIdentity(keys: keys, isRequired: false)
            let now = Int(worker.wallNanoseconds / 1_000_000_000)
            let (found, sources) = try identity.identify(request, nowSeconds: now)
            guard let found else { return }
            principal = found
            CredentialScanner.strip(sources, from: &request)
        case .clientCertificate(let identity):
            guard let certificate = client.certificate else { return }
            principal = try identity.principal(
                ClientCertificateIdentity.Names(
                    subject: certificate.subject, dnsNames: certificate.dnsNames, uris: certificate.uriNames))
            principal.credentialID = certificate.fingerprint
        }
    }
}
