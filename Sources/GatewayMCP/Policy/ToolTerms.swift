package import GatewayModel
import GatewayPolicy

/// What all MCPToolPolicies together ask of one tool: of each the strictest. A reference, since a call hands it on.
///
/// Safe to send: it is filled in where it is made, before anybody else has it, and not changed after that.
final class ToolTerms: @unchecked Sendable {
    var pin = ToolPinning.off
    /// Nil where no policy says it.
    var validate: ToolValidation?
    /// What a token must let its caller do.
    var scopes: [String] = []
    var risk: ToolRisk?
    /// Of each call, whatever comes of it at the server.
    var price = Money.zero
    var hidesSecrets = false
    var words: [BytePattern] = []
    var resultBytesMax = Int.max
    var argumentBytesMax = Int.max
    var concurrentMax: Int?
    var callsPerMinute: Int?

    /// What must fit the tool's schemas: what callers give does, unless a policy says otherwise.
    var validation: ToolValidation { validate ?? .arguments }
    var redacts: Bool { hidesSecrets || !words.isEmpty }
}

/// Every MCPToolPolicy, ready to be asked.
package struct ToolGovernance: Sendable {
    /// A reference, since a copy is many texts.
    private final class Policy: Sendable {
        let servers: [NamePattern]
        let tools: [NamePattern]
        let spec: MCPToolPolicySpec
        let words: [BytePattern]
        /// What it asks where no other policy is about the tool, as is nearly always so.
        let alone = ToolTerms()

        init(_ spec: MCPToolPolicySpec, _ words: [BytePattern]) {
            servers = spec.servers.map { NamePattern($0) }
            tools = spec.tools.map { NamePattern($0) }
            (self.spec, self.words) = (spec, words)
            add(to: alone)
        }

        func isAbout(server: String, tool: String) -> Bool {
            servers.contains { $0.matches(server) } && tools.contains { $0.matches(tool) }
        }

        func add(to terms: ToolTerms) {
            terms.add(spec)
            terms.words += words
        }
    }

    private let policies: [Policy]

    /// Throws for a word that is no regular expression, naming it.
    package init(_ specs: [MCPToolPolicySpec]) throws(GatewayError) {
        var policies: [Policy] = []
        for spec in specs {
            var words: [BytePattern] = []
            for word in spec.redact?.words ?? [] { words.append(try BytePattern(word)) }
            policies.append(Policy(spec, words))
        }
        self.policies = policies
    }

    private init() { policies = [] }

    private static let nothing = ToolTerms()

    package static let none = ToolGovernance()

    /// What holds for resources, prompts and messages of a server: which words are secrets and how large a result may
    /// be, as policies about all of its tools have it. A link in a result leads to a resource with the same secrets.
    func terms(server: String) -> ToolTerms {
        let terms = ToolTerms()
        for policy in policies {
            guard policy.servers.contains(where: { $0.matches(server) }),
                policy.tools.contains(where: { $0.description == "*" })
            else { continue }
            if policy.spec.redact?.secrets ?? false { terms.hidesSecrets = true }
            terms.words += policy.words
            guard let most = policy.spec.limits?.resultBytesMax else { continue }
            terms.resultBytesMax = min(terms.resultBytesMax, Int(clamping: most.bytes))
        }
        return terms
    }

    /// How a tool is judged; nil where nobody has.
    package func risk(server: String, tool: String) -> ToolRisk? { terms(server: server, tool: tool).risk }

    func terms(server: String, tool: String) -> ToolTerms {
        var (found, count) = (ToolGovernance.nothing, 0)
        for policy in policies where policy.isAbout(server: server, tool: tool) {
            found = policy.alone
            count += 1
        }
        guard count > 1 else { return found }
        let terms = ToolTerms()
        for policy in policies where policy.isAbout(server: server, tool: tool) { policy.add(to: terms) }
        return terms
    }
}

extension ToolTerms {
    fileprivate func add(_ spec: MCPToolPolicySpec) {
        switch (pin, spec.pin) {
        case (.approved, _), (_, .off): break
        default: pin = spec.pin
        }
        if let one = spec.validate { validate = max(validate ?? one, one) }
        for scope in spec.scopes where !scopes.contains(scope) { scopes.append(scope) }
        if let one = spec.price { price = max(price, one.money) }
        if let one = spec.risk { risk = max(risk ?? one, one) }
        if spec.redact?.secrets ?? false { hidesSecrets = true }
        guard let limits = spec.limits else { return }
        if let most = limits.resultBytesMax { resultBytesMax = min(resultBytesMax, Int(clamping: most.bytes)) }
        if let most = limits.argumentBytesMax { argumentBytesMax = min(argumentBytesMax, Int(clamping: most.bytes)) }
        if let most = limits.concurrent { concurrentMax = min(concurrentMax ?? .max, most) }
        if let most = limits.callsPerMinute { callsPerMinute = min(callsPerMinute ?? .max, most) }
    }
}

/// What tools' limits remember, for each tool and caller.
package final class ToolLimiters: Sendable {
    private let rates = RateLimitTable()
    private let calls = ConcurrencyLimiter()

    package init() {}

    /// Takes a call, or says why not. The permit is held as long as the call is under way.
    func take(
        _ terms: ToolTerms, server: String, tool: String, owner: String, now: UInt64
    ) throws(GatewayError) -> ToolPermit {
        guard terms.callsPerMinute != nil || terms.concurrentMax != nil else { return .unlimited }
        var hasher = Hasher()
        hasher.combine(server)
        hasher.combine(tool)
        hasher.combine(owner)
        let key = FactKey(hash: UInt64(bitPattern: Int64(hasher.finalize())))
        if let most = terms.callsPerMinute {
            guard let rate = Rate(requests: UInt32(clamping: most), periodNanoseconds: 60_000_000_000) else {
                throw GatewayError(.internalFault, "the rate is none")
            }
            let decision = rates.take(key, rate: rate, nowNanoseconds: now)
            guard decision.isAllowed else {
                let seconds = max(1, decision.retryAfterNanoseconds / 1_000_000_000)
                throw GatewayError(
                    .rateLimited, "too many calls of the tool: \(tool)", hint: "try again in \(seconds) s")
            }
        }
        guard let most = terms.concurrentMax else { return .unlimited }
        guard let permit = calls.acquire(key, countMax: most) else {
            throw GatewayError(
                .concurrencyLimited, "too many calls of the tool at once: \(tool)",
                hint: "call again once one has ended; of one whose client has left fetch the answer, or cancel it")
        }
        return ToolPermit(permit)
    }
}

/// A call's place under a limit of calls at once; given back when nobody holds it any more.
final class ToolPermit: Sendable {
    private let permit: ConcurrencyPermit?
    static let unlimited = ToolPermit(nil)

    init(_ permit: consuming ConcurrencyPermit?) { self.permit = permit }
}
