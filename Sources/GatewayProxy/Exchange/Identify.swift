import GatewayIdentity
import GatewayModel
import GatewayPolicy
import GatewayRecords
import GatewayWire

extension Exchange {
    /// Phase 3: builds the one `Principal` of the request, and takes the caller's credential out of what goes on. Every
    /// policy that asks must be content; the first that recognises the caller says who it is. With `identityWait` set
    /// nothing has been decided: an issuer is being asked, and the phase runs again when it has answered.
    func identify() -> GatewayError? {
        guard let rule, !rule.policy.identity.isEmpty else { return nil }
        var shown = ShownCredential(lent: &request)
        var doubt: (error: GatewayError, rule: String)?
        for identity in rule.policy.identity {
            switch recognise(by: identity, &shown) {
            case .content: continue
            case .waiting(let wait):
                if let error = waitForIssuer(wait) { return refuse(error, by: identity.name) }
                return nil
            case .refused(let error):
                if identity.isRequired { return refuse(error, by: identity.name) }
                doubt = doubt ?? (error, identity.name)
            }
        }
        // Whoever shows a credential that nobody knows is not taken for somebody who shows none.
        if let doubt, principal.proof == .none { return refuse(doubt.error, by: doubt.rule) }
        // Also a key that nobody had to look at, because another proof came first.
        if shown.isShown, rule.policy.identity.contains(where: { $0.providers.contains(where: \.readsFields) }) {
            if CredentialScanner.isBound(lent: &request) { request.fields.remove(named: Exchange.proofField) }
            CredentialScanner.strip(shown.sources, from: &request)
        }
        if principal.proof != .none { record.principal = principal }
        return nil
    }

    static let proofField = Array("dpop".utf8)

    private func refuse(_ error: GatewayError, by rule: String) -> GatewayError {
        var error = error
        principal = .anonymous
        verdict = .deny(rule: rule, reason: error.message, code: error.code)
        record.verdictRule = rule
        error.hint = [error.hint, "asked for by \(rule)"].compactMap(\.self).joined(separator: "; ")
        return error
    }

    private enum Recognition {
        case content
        case waiting((@escaping @Sendable () -> Void) -> Bool)
        case refused(GatewayError)
    }

    /// Whether one policy is content. A provider that has to ask does not keep another from knowing the caller.
    private func recognise(by identity: IdentityRule, _ shown: inout ShownCredential) -> Recognition {
        var failure: GatewayError?
        var wait: ((@escaping @Sendable () -> Void) -> Bool)?
        for provider in identity.providers {
            switch recognise(by: provider, &shown) {
            case .nobody: continue
            case .waiting(let body): wait = wait ?? body
            case .failed(let error): failure = failure.map { Exchange.clearer($0, error) } ?? error
            case .known(let found, let rules):
                do throws(GatewayError) {
                    try checkBinding(of: found, &shown, rules)
                } catch {
                    return .refused(error)
                }
                if principal.proof == .none { principal = found }
                return .content
            }
        }
        if let wait { return .waiting(wait) }
        if let failure { return .refused(failure) }
        if shown.isShown, identity.providers.contains(where: \.readsFields) {
            noteInvalid("the token is of an issuer that nobody here believes")
            return .refused(
                GatewayError(
                    .unauthenticated, "the token is of an issuer that nobody here believes",
                    hint: "an IdentityProvider has to name its issuer"))
        }
        guard identity.isRequired else { return .content }
        return .refused(
            GatewayError(
                .unauthenticated, "this route needs a credential and none was shown",
                hint: "send an API key or a token as 'authorization: Bearer …', or a client certificate"))
    }

    /// Of two reasons the one that says more: what is wrong with a token rather than that it is no key.
    private static func clearer(_ one: GatewayError, _ other: GatewayError) -> GatewayError {
        one.message == unknownKey ? other : one
    }

    private static let unknownKey = "the API key is not known"

    private enum Recognised {
        case nobody
        case known(Principal, TokenRules?)
        case failed(GatewayError)
        case waiting((@escaping @Sendable () -> Void) -> Bool)
    }

    private func recognise(by provider: IdentityRule.Provider, _ shown: inout ShownCredential) -> Recognised {
        let now = Int(worker.wallNanoseconds / 1_000_000_000)
        switch provider {
        case .apiKeys(let keys): return recognise(by: keys, shown, now)
        case .liveKeys(let keys): return recognise(by: keys.current, shown, now)
        case .clientCertificate(let identity):
            guard let certificate = client.certificate else { return .nobody }
            do throws(GatewayError) {
                var found = try identity.principal(
                    ClientCertificateIdentity.Names(
                        subject: certificate.subject, dnsNames: certificate.dnsNames, uris: certificate.uriNames))
                found.credentialID = certificate.fingerprint
                return .known(found, nil)
            } catch { return .failed(error) }
        case .tokens(let authority):
            guard shown.isToken, let key = shown.key else { return nothing(shown) }
            let digest = shown.digest(&request, key)
            let finding = authority.find(key, in: &request, digest, nowSeconds: now)
            return recognised(finding, authority.rules) { authority.wait($0) }
        case .introspection(let server):
            guard let key = shown.key else { return nothing(shown) }
            let digest = shown.digest(&request, key)
            let finding = server.find(key, in: &request, digest, nowSeconds: now)
            return recognised(finding, nil) { server.wait(digest, $0) }
        }
    }

    private func recognised(
        _ finding: TokenAuthority.Finding, _ rules: TokenRules?,
        wait: @escaping (@escaping @Sendable () -> Void) -> Bool
    ) -> Recognised {
        switch finding {
        case .accepted(let principal): return .known(principal, rules)
        case .notMine: return .nobody
        case .waiting: return .waiting(wait)
        case .refused(let error):
            if error.code == .forbidden {
                let scopes = (rules?.scopes ?? []).joined(separator: " ")
                noteChallenge("error=\"insufficient_scope\", scope=\"\(scopes)\"")
            } else if error.code == .unauthenticated {
                noteInvalid(error.message)
            }
            return .failed(error)
        }
    }

    private func nothing(_ shown: ShownCredential) -> Recognised {
        shown.isAmbiguous ? .failed(Exchange.ambiguous) : .nobody
    }

    private static let ambiguous = GatewayError(
        .unauthenticated, "the request carries two different credentials", hint: "send one")

    private func recognise(by keys: APIKeySet, _ shown: ShownCredential, _ now: Int) -> Recognised {
        if shown.isAmbiguous { return .failed(Exchange.ambiguous) }
        // A token is no key: hashing it would be for nothing.
        guard let key = shown.key, !shown.isToken else { return .nobody }
        switch keys.find(key, in: &request, nowSeconds: now) {
        case .accepted(let principal): return .known(principal, nil)
        case .unknown:
            return .failed(
                GatewayError(
                    .unauthenticated, Exchange.unknownKey,
                    hint: "have one made for you: who runs the gateway types 'sluice key create'"))
        case .blocked(let id):
            return .failed(
                GatewayError(
                    .unauthenticated, "the API key is blocked: \(id)",
                    hint: "who runs the gateway can unblock it: sluice key unblock \(id)"))
        case .expired(let id):
            return .failed(
                GatewayError(
                    .unauthenticated, "the API key has expired: \(id)",
                    hint: "have another made: who runs the gateway types 'sluice key create'"))
        }
    }
}

extension TokenAuthority {
    fileprivate func find(
        _ key: Slice, in head: inout RequestHead, _ digest: TokenDigest, nowSeconds: Int
    ) -> Finding {
        find(head.fields.bytes.span.extracting(key.range), digest: digest, nowSeconds: nowSeconds)
    }
}

extension TokenIntrospector {
    fileprivate func find(
        _ key: Slice, in head: inout RequestHead, _ digest: TokenDigest, nowSeconds: Int
    ) -> TokenAuthority.Finding {
        find(head.fields.bytes.span.extracting(key.range), digest: digest, nowSeconds: nowSeconds)
    }
}

extension APIKeySet {
    fileprivate func find(_ key: Slice, in head: inout RequestHead, nowSeconds: Int) -> Finding {
        find(head.fields.bytes.span.extracting(key.range), nowSeconds: nowSeconds)
    }
}

/// What of a request may say who sent it. Heads are lent to it: a property of a class that is merely borrowed is copied
/// first.
struct ShownCredential {
    /// Where it lies in the head's bytes; nil when there is none, or two that differ.
    private(set) var key: Slice?
    private(set) var sources: CredentialScanner.Sources = []
    private(set) var isAmbiguous = false
    /// It has the form of a signed token.
    private(set) var isToken = false
    private var known: TokenDigest?

    init(lent head: inout RequestHead) {
        switch CredentialScanner.scan(lent: &head) {
        case .none: break
        case .ambiguous: isAmbiguous = true
        case .found(let key, let sources):
            self.key = key
            self.sources = sources
            isToken = JSONWebToken.looksLike(head.fields.bytes.span.extracting(key.range))
        }
    }

    var isShown: Bool { key != nil || isAmbiguous }

    /// Made when somebody asks, once.
    mutating func digest(_ head: inout RequestHead, _ key: Slice) -> TokenDigest {
        if let known { return known }
        let digest = TokenDigest(head.fields.bytes.span.extracting(key.range))
        known = digest
        return digest
    }
}
