import GatewayModel
import GatewayPolicy
import GatewayProxy

/// Turns what TrafficPolicies protect with into rules of the data plane. What cannot be compiled refuses its
/// requests: a limit or a check that is not understood must not let everyone in.
struct TrafficRulesCompiler {
    let index: ObjectIndex
    let grants: ReferenceGrantIndex
    let state: TrafficState
    let identities: IdentityCompiler

    init(index: ObjectIndex, grants: ReferenceGrantIndex, options: SnapshotCompiler.Options) {
        self.index = index
        self.grants = grants
        state = options.traffic
        identities = IdentityCompiler(index: index, grants: grants, readFile: options.readFile)
    }

    /// The rules, or why there are none.
    func rules(_ policies: EffectivePolicies) throws(GatewayError) -> TrafficRules {
        guard !policies.ordered.isEmpty else { return .none }
        var rules = TrafficRules()
        var seen: Set<String> = []
        for policy in policies.ordered where seen.insert(policy.metadata.qualifiedName).inserted {
            try add(policy, to: &rules)
        }
        rules.compression = policies.first { $0.compression }.map(compression)
        rules.cache = cache(policies)
        rules.identity = try identity(policies)
        return rules
    }

    /// What protects: of several policies all hold.
    private func add(_ policy: TrafficPolicy, to rules: inout TrafficRules) throws(GatewayError) {
        let name = policy.metadata.qualifiedName
        let spec = policy.spec
        if spec.hedging != nil {
            throw GatewayError(
                .unsupportedValue, "hedging is not supported yet: TrafficPolicy \(name)", hint: "remove hedging")
        }
        if let access = spec.ipAccess {
            let list = try IPAccessList(allow: access.allow.map(\.description), deny: access.deny.map(\.description))
            rules.addresses.append(AddressRule(list: list, name: name))
        }
        for limit in spec.rateLimits { rules.rateLimits.append(try rateLimit(limit, name)) }
        if let limit = spec.concurrency {
            rules.concurrency.append(
                ConcurrencyRule(
                    name: name, key: try facts(limit.key), countMax: limit.max, limiter: state.limiter(name)))
        }
        if let bytes = spec.limits?.bodyBytes?.bytes {
            rules.bodyBytesMax = TrafficRulesCompiler.smaller(rules.bodyBytesMax, UInt64(max(1, bytes)))
        }
        if let bytes = spec.limits?.headerBytes?.bytes {
            rules.headBytesMax = Int(
                TrafficRulesCompiler.smaller(UInt64(rules.headBytesMax), UInt64(max(1, bytes))))
        }
    }

    /// 0 stands for no bound.
    private static func smaller(_ known: UInt64, _ other: UInt64) -> UInt64 { known == 0 ? other : min(known, other) }

    // MARK: Limits

    private func rateLimit(_ limit: RateLimit, _ policy: String) throws(GatewayError) -> RateLimitRule {
        let name = "\(policy)/\(limit.name)"
        let key = try facts(limit.key)
        guard
            let rate = Rate(
                requests: UInt32(clamping: limit.requests),
                periodNanoseconds: UInt64(max(0, limit.per.milliseconds)) * 1_000_000,
                burst: UInt32(clamping: limit.burst))
        else { throw GatewayError(.invalidValue, "the rate cannot be counted: \(name)") }
        return RateLimitRule(name: name, key: key, rate: rate, table: state.rates(name, isKeyed: !key.isEmpty))
    }

    private func facts(_ facts: [RequestFact]) throws(GatewayError) -> [Fact] {
        var result: [Fact] = []
        for fact in facts { result.append(try TrafficRulesCompiler.fact(fact)) }
        return result
    }

    private static func fact(_ fact: RequestFact) throws(GatewayError) -> Fact {
        switch fact {
        case .clientIP: .clientIP
        case .requestHeader(let name): .header(Array(name.utf8))
        case .requestQuery(let name): .query(Array(name.utf8))
        case .requestCookie(let name): .cookie(Array(name.utf8))
        case .requestPath: .path
        case .requestHost: .host
        case .requestMethod: .method
        case .routeName: .route
        case .principalUser: .user
        case .principalTenant: .tenant
        case .principalAgent: .agent
        case .principalCredential: .credential
        }
    }

    // MARK: Answers

    private func compression(_ setting: Compression) -> CompressionRule {
        CompressionRule(
            algorithms: setting.algorithms.map { $0 == .gzip ? .gzip : .zstd },
            bytesMin: Int(clamping: setting.minBytes.bytes), contentTypes: setting.contentTypes)
    }

    private func cache(_ policies: EffectivePolicies) -> CacheRule? {
        guard let policy = policies.ordered.first(where: { $0.spec.cache != nil }), let setting = policy.spec.cache
        else {
            return nil
        }
        return CacheRule(
            lifetimeSeconds: Int((setting.ttl?.milliseconds ?? 0) / 1_000), statuses: setting.statuses,
            varyOn: setting.varyOn.map { Array($0.lowercased().utf8) },
            store: state.store(policy.metadata.qualifiedName, setting))
    }

    // MARK: Identity

    /// The most specific policy says whom to believe; if any policy demands a credential, one is demanded.
    private func identity(_ policies: EffectivePolicies) throws(GatewayError) -> IdentityRule? {
        guard let policy = policies.ordered.first(where: { $0.spec.authentication != nil }),
            let setting = policy.spec.authentication
        else { return nil }
        let isRequired = policies.all { $0.authentication }.contains { $0.mode == .required }
        var providers: [IdentityRule.Provider] = []
        for name in setting.providers {
            providers.append(try identities.provider(name, namespace: policy.metadata.namespace))
        }
        return IdentityRule(providers: providers, isRequired: isRequired, name: policy.metadata.qualifiedName)
    }
}
