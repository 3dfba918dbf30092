package import GatewayIdentity
package import GatewayPolicy

/// What the TrafficPolicies that apply to a rule ask of *identify*, *decide*, *admit* and the response, merged and
/// compiled. Rules of several policies that protect (addresses, authentication, limits) all hold; of settings the
/// more specific policy's wins (GEP-713).
package struct TrafficRules: Sendable {
    /// One for each policy, the most specific first; all must be content.
    package var identity: [IdentityRule] = []
    package var addresses: [AddressRule] = []
    package var rateLimits: [RateLimitRule] = []
    package var concurrency: [ConcurrencyRule] = []
    /// 0 means the listener's bound.
    package var bodyBytesMax: UInt64 = 0
    package var headBytesMax = 0
    package var compression: CompressionRule?
    package var cache: CacheRule?
    package var hedging: HedgePolicy?

    package init() {}
    package static let none = TrafficRules()

    /// The common case: *identify*, *decide* and *admit* have nothing to do.
    var asksNothing: Bool {
        identity.isEmpty && addresses.isEmpty && rateLimits.isEmpty && concurrency.isEmpty && headBytesMax == 0
    }
}

/// Who may be believed, and whether anyone must be.
package struct IdentityRule: Sendable {
    package enum Provider: Sendable {
        case apiKeys(APIKeySet)
        /// Keys that come and go without a new snapshot.
        case liveKeys(LiveKeySet)
        case clientCertificate(ClientCertificateIdentity)
        /// Tokens of an issuer, or documents of a trust domain.
        case tokens(TokenAuthority)
        /// Tokens that a server is asked about.
        case introspection(TokenIntrospector)

        /// Whether it looks at the fields that `CredentialScanner` reads.
        var readsFields: Bool {
            switch self {
            case .apiKeys, .liveKeys, .tokens, .introspection: true
            case .clientCertificate: false
            }
        }
    }
    /// In order; the first that recognises the caller decides.
    package var providers: [Provider]
    package var isRequired: Bool
    /// `namespace/name` of the policy, for verdicts.
    package var name: String

    package init(providers: [Provider], isRequired: Bool, name: String) {
        self.providers = providers
        self.isRequired = isRequired
        self.name = name
    }
}

/// Which client addresses a policy lets in.
package struct AddressRule: Sendable {
    package var list: IPAccessList
    package var name: String
    package init(list: IPAccessList, name: String) {
        self.list = list
        self.name = name
    }
}

/// One rate limit; the table outlives reloads as long as the limit keeps its name.
package struct RateLimitRule: Sendable {
    package var name: String
    package var key: [Fact]
    package var rate: Rate
    package var table: RateLimitTable
    package init(name: String, key: [Fact], rate: Rate, table: RateLimitTable) {
        self.name = name
        self.key = key
        self.rate = rate
        self.table = table
    }
}

/// One bound on requests at once; the limiter outlives reloads as long as the policy keeps its name.
package struct ConcurrencyRule: Sendable {
    package var name: String
    package var key: [Fact]
    package var countMax: Int
    package var limiter: ConcurrencyLimiter
    package init(name: String, key: [Fact], countMax: Int, limiter: ConcurrencyLimiter) {
        self.name = name
        self.key = key
        self.countMax = countMax
        self.limiter = limiter
    }
}

/// When and how answers are compressed.
package struct CompressionRule: Sendable {
    package enum Algorithm: Sendable { case gzip, zstd }
    /// In order of preference.
    package var algorithms: [Algorithm]
    package var bytesMin: Int
    /// What `contentTypes` cover.
    let patterns: [TypePattern]

    /// `contentTypes` are lower case, without parameters; `text/*` covers a family.
    package init(algorithms: [Algorithm], bytesMin: Int, contentTypes: [String]) {
        self.algorithms = algorithms
        self.bytesMin = bytesMin
        patterns = contentTypes.map(TypePattern.init)
    }
}

/// Which answers are kept, how long, and what tells them apart. The store outlives reloads as long as the policy's
/// cache stays the same.
package struct CacheRule: Sendable {
    /// Of an answer that does not say itself; 0 means that only those that do are kept.
    package var lifetimeSeconds: Int
    package var entryBytesMax: Int
    package var statuses: [Int]
    /// Request fields, lower case, that are part of the key whatever `Vary` says.
    package var varyOn: [[UInt8]]
    package var store: ResponseStore
    package init(lifetimeSeconds: Int, statuses: [Int], varyOn: [[UInt8]], store: ResponseStore) {
        self.lifetimeSeconds = lifetimeSeconds
        entryBytesMax = store.entryBytesMax
        self.statuses = statuses
        self.varyOn = varyOn
        self.store = store
    }
}
