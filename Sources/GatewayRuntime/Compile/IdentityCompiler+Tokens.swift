import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayPolicy
import GatewayProxy

/// Providers of tokens: what is asked of them, where their keys are, and how their claims become names.
extension IdentityCompiler {
    func tokens(_ provider: IdentityProvider) -> [IdentityRule.Provider]? {
        do {
            switch provider.spec.type {
            case .oidc: return try provider.spec.oidc.map { [use(try issuer($0, provider))] }
            case .jwt: return try provider.spec.jwt.map { [use(try issuer($0, provider))] }
            case .spiffe: return try provider.spec.spiffe.map { try domain($0, provider) }
            case .introspection: return try provider.spec.introspection.map { [use(try server($0, provider))] }
            case .apiKey, .clientCertificate: return nil
            }
        } catch let error as ReferenceProblem {
            report(error.error.code, provider, "spec", error.error.message, reason: error.reason)
        } catch let error as GatewayError {
            report(error.code, provider, "spec", error.message, hint: error.hint)
        } catch {
            report(.internalFault, provider, "spec", "the provider cannot be used")
        }
        return nil
    }

    private func use(_ issuer: LiveIssuer) -> IdentityRule.Provider {
        use(issuer) as Void
        return issuer.provider
    }

    // MARK: Kinds

    private func issuer(_ spec: OIDCIssuer, _ provider: IdentityProvider) throws -> LiveIssuer {
        let trust = try certificates.trust(spec.caCertificateRefs, from: key(provider))
        var fetcher = KeyFetcher(issuer: spec.issuer, source: spec.jwksURI.map { .url($0) } ?? .discovery)
        fetcher.trust = trust
        fetcher.allowedBlocks = spec.allowedAddresses.map(\.description)
        let rules = TokenRules(issuer: spec.issuer, spec.requirements)
        let mapping = try mapping(provider)
        return services.issuer(provider.metadata.qualifiedName, provider.spec, material: trust.bytes) { services in
            .tokens(
                TokenAuthority(
                    name: provider.metadata.qualifiedName, rules: rules, keys: services.keys(fetcher),
                    revocations: services.revocations, mapping: mapping))
        }
    }

    private func issuer(_ spec: JWTIssuer, _ provider: IdentityProvider) throws -> LiveIssuer {
        let source = try keySet(spec.jwks, issuer: spec.issuer, use: "sig", provider)
        let rules = TokenRules(issuer: spec.issuer, spec.requirements)
        let mapping = try mapping(provider)
        return services.issuer(provider.metadata.qualifiedName, provider.spec, material: source.material) { services in
            .tokens(
                TokenAuthority(
                    name: provider.metadata.qualifiedName, rules: rules, keys: source.keys(services),
                    revocations: services.revocations, mapping: mapping))
        }
    }

    /// Certificates of the domain, and its documents where it has keys for them.
    private func domain(_ spec: SPIFFEDomain, _ provider: IdentityProvider) throws -> [IdentityRule.Provider] {
        let prefix = "spiffe://\(spec.trustDomain)/"
        var identity = ClientCertificateIdentity(user: .uri)
        identity.trustDomainPrefix = prefix
        var providers: [IdentityRule.Provider] = [.clientCertificate(identity)]
        guard let bundle = spec.bundle else { return providers }
        let source = try keySet(bundle, issuer: "spiffe://\(spec.trustDomain)", use: "jwt-svid", provider)
        var rules = TokenRules(issuer: nil, spec.requirements)
        // SPIFFE JWT-SVID section 2.2.
        if spec.requirements.algorithms.isEmpty {
            rules.algorithms = SignatureAlgorithm.allCases.filter { $0 != .edDSA }
        }
        let mapping = try mapping(provider, proof: .workload)
        let made = services.issuer(
            provider.metadata.qualifiedName, provider.spec, material: source.material
        ) { services in
            .tokens(
                TokenAuthority(
                    name: provider.metadata.qualifiedName, rules: rules, keys: source.keys(services),
                    subjectPrefix: prefix, revocations: services.revocations, mapping: mapping))
        }
        providers.append(use(made))
        return providers
    }

    private func server(_ spec: IntrospectionEndpoint, _ provider: IdentityProvider) throws -> LiveIssuer {
        var settings = TokenIntrospector.Settings(url: spec.url, clientID: spec.clientID)
        settings.issuer = spec.issuer
        settings.audiences = spec.audiences
        settings.cacheSeconds = spec.cache.milliseconds / 1_000
        settings.trust = try certificates.trust(spec.caCertificateRefs, from: key(provider))
        let secret = try credentials.read(spec.clientSecret, of: key(provider))
        let mapping = try mapping(provider, proof: .introspection)
        let made = settings
        let material = settings.trust.bytes + secret.reveal { $0 }
        return services.issuer(provider.metadata.qualifiedName, provider.spec, material: material) { services in
            .introspection(
                TokenIntrospector(
                    name: provider.metadata.qualifiedName, settings: made, secret: secret, http: services.http,
                    revocations: services.revocations, wallSeconds: { WallTime.seconds }, mapping: mapping))
        }
    }

    // MARK: Keys

    /// Keys that are given, or where they are published.
    private struct KeyPlace {
        var material: [UInt8]
        var fixed: VerificationKeySet?
        var fetcher: KeyFetcher
        var issuer: String

        func keys(_ services: IdentityServices) -> IssuerKeys {
            if let fixed { return IssuerKeys(issuer: issuer, fixed: fixed) }
            return services.keys(fetcher)
        }
    }

    private func keySet(
        _ source: KeySetSource, issuer: String, use: String, _ provider: IdentityProvider
    ) throws -> KeyPlace {
        var fetcher = KeyFetcher(issuer: issuer, source: .url(source.url ?? ""))
        fetcher.use = use
        if source.url != nil { return KeyPlace(material: [], fetcher: fetcher, issuer: issuer) }
        var bytes = Array((source.inline ?? "").utf8)
        if let path = source.file {
            let origin = position(provider).file
            watch(try files.path(path, origin: origin))
            bytes = try files.read(path, origin: origin, bytesMax: VerificationKeySet.bytesMax).bytes
        } else if let reference = source.configMapRef {
            let map = index.configMaps["\(provider.metadata.namespace)/\(reference.name)"]
            let only = map.flatMap { $0.data.count == 1 ? $0.data.keys.first : nil }
            guard let key = reference.key ?? only, let text = map?.data[key] else {
                throw GatewayError(
                    .danglingReference, "the ConfigMap has no such value: \(reference.name)", hint: "say which by key")
            }
            bytes = Array(text.utf8)
        }
        let keys = try VerificationKeySet.parse(bytes, use: use)
        for problem in keys.problems {
            report(.invalidValue, provider, "spec", "a key is left out: \(problem)", severity: .warning)
        }
        guard !keys.isEmpty else { throw GatewayError(.invalidValue, "the key set has no key that can be used") }
        return KeyPlace(material: bytes, fixed: keys, fetcher: fetcher, issuer: issuer)
    }

    // MARK: Names

    private func mapping(
        _ provider: IdentityProvider, proof: Principal.Proof = .token
    ) throws -> TokenAuthority.Mapping {
        let claims: ClaimMapping
        do { claims = try ClaimMapping(provider.spec.claims?.expressions ?? [:]) } catch {
            throw GatewayError(.invalidValue, "an expression of claims is wrong: \(error)")
        }
        let name = provider.metadata.qualifiedName
        return { token throws(GatewayError) in
            var principal = try StandardClaims.principal(token, proof: proof)
            // A workload is an agent and not a person.
            if proof == .workload { (principal.agent, principal.user) = (principal.user, nil) }
            return principal.naming(try claims.values(token.claims), by: "claims of IdentityProvider \(name)")
        }
    }
}

extension OutboundRequest.Trust {
    fileprivate var bytes: [UInt8] { if case .authorities(let pem) = self { pem } else { [] } }
}

extension TokenRules {
    fileprivate init(issuer: String?, _ asked: TokenRequirements) {
        self.init(
            issuer: issuer, audiences: asked.audiences,
            algorithms: asked.algorithms.isEmpty
                ? SignatureAlgorithm.usual : asked.algorithms.compactMap { SignatureAlgorithm(rawValue: $0.rawValue) },
            types: asked.types, skewSeconds: asked.clockSkew.milliseconds / 1_000)
        scopes = asked.scopes
        needsProofNonce = asked.proofNonce
    }
}

extension Principal {
    /// With the names that a mapping gives in place of its own.
    func naming(_ values: [(name: String, values: [String])], by source: String) -> Principal {
        guard !values.isEmpty else { return self }
        var copy = self
        var (instance, session, sandbox) = (detail?.instance, detail?.session, detail?.sandbox)
        var proven = detail?.proven ?? []
        for (name, texts) in values {
            switch name {
            case "user": copy.user = texts.first
            case "tenant": copy.tenant = texts.first
            case "team": copy.team = texts.first
            case "agent": copy.agent = texts.first
            case "run": copy.run = texts.first
            case "groups": copy.groups = texts
            case "instance": instance = texts.first
            case "session": session = texts.first
            case "sandbox": sandbox = texts.first
            default: continue
            }
            proven.removeAll { $0.name == name }
            proven.append(ProvenName(name, by: source))
        }
        copy.detail = PrincipalDetail(
            issuer: detail?.issuer, instance: instance, session: session, sandbox: sandbox, scopes: scopes,
            audiences: detail?.audiences ?? [], delegation: delegation, grantID: detail?.grantID,
            parents: detail?.parents ?? [],
            issuedSeconds: detail?.issuedSeconds, expiresSeconds: detail?.expiresSeconds,
            confirmation: detail?.confirmation, proven: proven)
        return copy
    }
}
