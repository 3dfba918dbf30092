package import GatewayIdentity
package import GatewayModel
package import GatewayProxy
import GatewayWire

/// One ModelProvider, ready to be called. Nothing of it depends on a caller: where a request goes is the operator's.
package final class CompiledProvider: Sendable {
    /// `namespace/name`.
    package let name: String
    /// `name` alone in the default namespace: what callers and metrics see.
    package let shownName: String
    /// Its place in `ModelTable.providers`.
    package let index: Int
    package let dialect: ModelDialect
    package let backend: CompiledBackend
    /// The value of `Host`.
    package let authority: [UInt8]
    /// What stands before the API's own paths, without a slash at its end; often empty. OpenAI's paths begin behind
    /// it (`/chat/completions`), Anthropic's with `/v1` (`/v1/messages`).
    package let pathPrefix: [UInt8]
    /// What the query of every request begins with; often empty.
    package let query: [UInt8]
    /// In the order they were written; empty when the provider asks for none.
    package let credentials: [CompiledCredential]
    /// Set on every request; names in lower case.
    package let fields: [HeaderEdits.Field]
    /// Fields of callers that go upstream, in lower case.
    package let forwardedFields: [[UInt8]]
    /// Values of `anthropic-beta` that go upstream; nil for all.
    package let betas: [NamePattern]?
    package let timeouts: CompiledTimeouts
    package let cooldown: ModelCooldown
    package let concurrentMax: Int?
    /// The names it serves; nil for any.
    package let models: Set<[UInt8]>?
    private let prompts: [NamePattern]
    private let skills: [NamePattern]
    /// Why it cannot be called at all: its certificates, say.
    package let problem: GatewayError?

    package init(
        name: String, shownName: String, index: Int, spec: ModelProviderSpec, url: OutboundURL,
        backend: CompiledBackend, credentials: [CompiledCredential] = [], problem: GatewayError? = nil
    ) {
        self.name = name
        self.shownName = shownName
        self.index = index
        self.backend = backend
        self.credentials = credentials
        self.problem = problem
        dialect = spec.dialect
        authority = Array(url.authority.utf8)
        pathPrefix = CompiledProvider.prefix(url.target, spec.dialect)
        let parameters = spec.query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        query = Array(parameters.joined(separator: "&").utf8)
        fields = CompiledProvider.fields(spec)
        forwardedFields = spec.forwardHeaders.map { Array($0.lowercased().utf8) }
        betas = spec.anthropicBeta.map { $0.map { NamePattern($0) } }
        timeouts = CompiledTimeouts(spec.timeouts)
        cooldown = spec.cooldown
        concurrentMax = spec.limits.concurrent
        models = spec.models.map { Set($0.map { Array($0.utf8) }) }
        prompts = spec.prompts.map { NamePattern($0) }
        skills = spec.skills.map { NamePattern($0) }
    }

    /// Whether callers may use a prompt that is stored there.
    func hasPrompt(_ id: [UInt8]) -> Bool { prompts.contains { $0.matches(id.span) } }

    /// The same of a skill.
    func hasSkill(_ id: [UInt8]) -> Bool { skills.contains { $0.matches(id.span) } }

    /// The vendor in OpenTelemetry's words: whose API it speaks, whoever runs it.
    package var vendor: String { dialect == .anthropic ? "anthropic" : "openai" }

    /// Credentials that can be used now. None of several that are written is not the same as none at all.
    package var usableCredentials: [CompiledCredential] { credentials.filter(\.isUsable) }

    /// Why nothing can be sent to it; nil when something can.
    package var refusal: GatewayError? {
        if let problem { return problem }
        guard !credentials.isEmpty, !credentials.contains(where: \.isUsable) else { return nil }
        return GatewayError(
            .credentialUnavailable, "the provider has no usable credential: \(shownName)",
            hint: "the operator finds the reason in the gateway's log",
            cause: credentials.compactMap { $0.problem }.joined(separator: "; "))
    }

    private static func prefix(_ target: String, _ dialect: ModelDialect) -> [UInt8] {
        var path = Array(target.utf8)
        while path.last == 0x2F { path.removeLast() }
        // Anthropic's URLs are written with and without the version that all its paths begin with.
        if dialect == .anthropic, path.suffix(3) == Array("/v1".utf8)[...] { path.removeLast(3) }
        return path
    }

    private static func fields(_ spec: ModelProviderSpec) -> [HeaderEdits.Field] {
        var fields = spec.headers.map {
            HeaderEdits.Field(name: Array($0.name.lowercased().utf8), value: Array($0.value.utf8))
        }
        if let organization = spec.organization {
            fields.append(
                HeaderEdits.Field(name: Array("openai-organization".utf8), value: Array(organization.utf8)))
        }
        return fields
    }
}

/// One credential of a provider. A reference: every attempt holds one.
package final class CompiledCredential: Sendable {
    /// For records and metrics; never the key.
    package let name: String
    /// The field it is sent in, in lower case.
    package let field: [UInt8]
    let label: FieldLabel
    /// The whole value of the field; nil when the credential is not there, or is fetched.
    package let value: Secret?
    /// What fetches it; the value is then made of what that has at the time.
    package let source: LiveCredential?
    /// What the API is told of a request that comes with it (`anthropic-beta`).
    package let beta: [UInt8]?
    /// Why it is not.
    package let problem: String?
    package let weight: Int

    package init(
        name: String, field: [UInt8], value: Secret?, source: LiveCredential? = nil, beta: [UInt8]? = nil,
        problem: String? = nil, weight: Int = 1
    ) {
        self.name = name
        self.field = field
        label = FieldLabel(String(decoding: field, as: UTF8.self))
        self.value = value
        self.source = source
        self.beta = beta
        self.problem = problem
        self.weight = weight
    }

    /// Whether requests can be sent with it: it is there, or can be fetched.
    package var isUsable: Bool { value != nil || source != nil }

    /// The credential as its provider wants it: `Authorization: Bearer KEY`, `x-api-key: KEY`, or another field. A
    /// token goes into `Authorization` whatever the vendor's keys go into.
    package static func make(
        _ credential: ModelCredential, _ dialect: ModelDialect, key: Secret? = nil, source: LiveCredential? = nil,
        isToken: Bool = false, beta: String? = nil, problem: String? = nil
    ) -> CompiledCredential {
        let usual = dialect == .openai || isToken ? "authorization" : "x-api-key"
        let field = Array((credential.header?.lowercased() ?? usual).utf8)
        return CompiledCredential(
            name: credential.shownName, field: field, value: key.map { value(of: $0, in: field) }, source: source,
            beta: beta.map { Array($0.utf8) }, problem: problem, weight: credential.weight)
    }

    /// What stands in a field of that name.
    package static func value(of key: Secret, in field: [UInt8]) -> Secret {
        guard field == authorization else { return key }
        return key.reveal { Secret(Array("Bearer ".utf8) + $0) }
    }

    private static let authorization = Array("authorization".utf8)
}

/// How long to wait, nothing left open.
package struct CompiledTimeouts: Sendable, Equatable {
    package var connectNanoseconds: UInt64
    package var firstTokenNanoseconds: UInt64
    package var idleNanoseconds: UInt64
    package var totalNanoseconds: UInt64

    package init(_ timeouts: ModelTimeouts) {
        connectNanoseconds = CompiledTimeouts.nanoseconds(timeouts.connect) ?? 5_000_000_000
        firstTokenNanoseconds = CompiledTimeouts.nanoseconds(timeouts.firstToken) ?? 120_000_000_000
        idleNanoseconds = CompiledTimeouts.nanoseconds(timeouts.idle) ?? 60_000_000_000
        totalNanoseconds = CompiledTimeouts.nanoseconds(timeouts.total) ?? 600_000_000_000
    }

    /// These with what a model says of its own.
    package func overridden(by timeouts: ModelTimeouts?) -> CompiledTimeouts {
        guard let timeouts else { return self }
        var copy = self
        if let connect = CompiledTimeouts.nanoseconds(timeouts.connect) { copy.connectNanoseconds = connect }
        if let first = CompiledTimeouts.nanoseconds(timeouts.firstToken) { copy.firstTokenNanoseconds = first }
        if let idle = CompiledTimeouts.nanoseconds(timeouts.idle) { copy.idleNanoseconds = idle }
        if let total = CompiledTimeouts.nanoseconds(timeouts.total) { copy.totalNanoseconds = total }
        return copy
    }

    private static func nanoseconds(_ duration: ConfigDuration?) -> UInt64? {
        duration.map { UInt64(max(0, $0.milliseconds)) * 1_000_000 }
    }
}
