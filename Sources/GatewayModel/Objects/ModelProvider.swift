/// One vendor or endpoint that serves models (sluice.dev/v1alpha1).
package struct ModelProvider: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ModelProviderSpec
}

/// The API a provider speaks. More come with a file of their own each.
package enum ModelDialect: String, ConfigEnum {
    /// OpenAI's: Chat Completions, Responses, Embeddings and what stands beside them.
    case openai
    /// Anthropic's Messages.
    case anthropic
}

package struct ModelProviderSpec: ConfigObject {
    package var dialect: ModelDialect
    package var baseURL: String
    /// In the order they are tried; none for an endpoint that asks for nothing.
    package var credentials: [ModelCredential]
    /// Sent as `OpenAI-Organization` and never shown to callers.
    package var organization: String?
    package var headers: [HTTPHeader]
    /// Parameters of each request's target.
    package var query: [String: String]
    package var forwardHeaders: [String]
    /// Nil lets every beta of a caller through.
    package var anthropicBeta: [String]?
    package var tls: BackendTLS?
    package var timeouts: ModelTimeouts
    package var cooldown: ModelCooldown
    package var limits: ModelProviderLimits
    /// The names it serves; nil when any name may be asked of it.
    package var models: [String]?
    /// Prompts stored there that callers may use, by name or pattern.
    package var prompts: [String]
    /// Skills there that callers may use, by id or pattern.
    package var skills: [String]

    package init(_ fields: FieldReader) {
        dialect = fields.required("dialect", "the API it speaks: openai or anthropic")
        baseURL = fields.required(
            "baseURL", "where it is: what stands before /chat/completions, or before /v1/messages", .baseURL)
        let credential: OneOrMany<ModelCredential>? = fields.optional(
            "credential", "what opens it, or a list that is used in turn; nothing is sent without one")
        credentials = credential?.elements ?? []
        organization = fields.optional(
            "organization", "the vendor's organisation that is charged (OpenAI-Organization)", .headerValue)
        headers = fields.list("headers", "fields that every request to it gets", count: 0...32)
        query = fields.map(
            "query", "parameters that the query of every request to it gets, such as api-version; no place for a key",
            countMax: 16, each: .queryWord)
        forwardHeaders = fields.list(
            "forwardHeaders", "fields of callers that it sees; none by default", count: 0...32, each: .headerName)
        anthropicBeta = fields.optionalList(
            "anthropicBeta", "values of anthropic-beta it is sent, * at the end for any ending; all by default",
            count: 0...64, each: .modelPattern)
        tls = fields.optional("tls", "how its certificate is checked, for https")
        timeouts = fields.optional("timeouts", "how long to wait for it") ?? ModelTimeouts()
        cooldown = fields.optional("cooldown", "when it is left alone for a while") ?? ModelCooldown()
        limits = fields.optional("limits", "how much it is given at once") ?? ModelProviderLimits()
        models = fields.optionalList(
            "models", "the names it serves; a pattern of a catalogue reaches only these", count: 1...1024,
            each: .modelName)
        prompts = fields.list(
            "prompts", "stored prompts (prompt.id) that callers may use, * at the end for any ending; none by default",
            count: 0...64, each: .modelPattern)
        skills = fields.list(
            "skills", "skills (skill_id) that callers may use, * at the end for any ending; none by default",
            count: 0...64, each: .modelPattern)
        checkHeaders(fields)
        checkQuery(fields)
        fields.check(
            prompts.isEmpty || dialect == .openai, at: "prompts", "prompts with dialect \(dialect.rawValue)",
            hint: "only OpenAI's API stores prompts")
        fields.check(
            tls == nil || baseURL.lowercased().hasPrefix("https:") || baseURL.isEmpty, at: "tls",
            "tls with a baseURL of http", hint: "write https://, or remove tls")
        fields.check(
            organization == nil || dialect == .openai, at: "organization",
            "organization with dialect \(dialect.rawValue)", hint: "only OpenAI's API knows one")
        fields.check(
            anthropicBeta == nil || dialect == .anthropic, at: "anthropicBeta",
            "anthropicBeta with dialect \(dialect.rawValue)", hint: "only Anthropic's API knows betas")
    }

    /// Fields that carry a caller's key to the gateway, or a credential to the provider.
    package static let credentialFields: Set<String> = [
        "authorization", "proxy-authorization", "x-api-key", "x-goog-api-key",
    ]
    /// Fields that the connection or the body's length decides.
    private static let framingFields: Set<String> = [
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// Parameters that open something, as those APIs call them that take a key from the query.
    private static let credentialParameters: Set<String> = [
        "access_token", "api-key", "api_key", "apikey", "code", "key", "password", "secret", "sig", "signature",
        "subscription-key", "token",
    ]

    private func checkQuery(_ fields: FieldReader) {
        for name in query.keys.sorted() {
            fields.check(
                FieldRule<String>.isQueryWord(name), at: "query", "\"\(name)\" as a parameter in query",
                hint: "letters, digits, and . _ ~ -")
            fields.check(
                !Self.credentialParameters.contains(name.lowercased()), at: "query",
                "credential \"\(name)\" in query", hint: "use credential, so that it is never shown")
        }
    }

    private func checkHeaders(_ fields: FieldReader) {
        var seen: Set<String> = []
        for header in headers {
            let name = header.name.lowercased()
            fields.check(
                !Self.credentialFields.contains(name), at: "headers", "credential \"\(header.name)\" in headers",
                hint: "use credential, so that it is never shown")
            fields.check(
                !Self.framingFields.contains(name), at: "headers", "header \"\(header.name)\" is set by the connection",
                hint: "remove it")
            fields.check(
                seen.insert(name).inserted, at: "headers", .duplicateKey, "duplicate header \"\(header.name)\"",
                hint: "one entry for each header name, whatever its case")
        }
        for name in forwardHeaders {
            fields.check(
                !Self.credentialFields.contains(name.lowercased()), at: "forwardHeaders",
                "\"\(name)\" carries the caller's own key", hint: "remove it; the provider is opened by credential")
            fields.check(
                !Self.framingFields.contains(name.lowercased()), at: "forwardHeaders",
                "header \"\(name)\" is set by the connection", hint: "remove it")
        }
    }
}

extension FieldRule where Value == String {
    /// An http or https URL without query and fragment.
    package static var baseURL: FieldRule {
        FieldRule(keywords: [("pattern", .text("^[Hh][Tt][Tt][Pp][Ss]?://[^?#]+$")), ("maxLength", .integer(2048))]) {
            text in
            guard text.utf8.count <= 2048 else { return "must have at most 2048 characters" }
            guard !text.contains("?"), !text.contains("#") else { return "must have no query and no fragment" }
            do throws(GatewayError) { _ = try OutboundURL(text) } catch { return error.message }
            return nil
        }
    }

    /// What stands in a query as it is.
    package static var queryWord: FieldRule {
        text(1...256, "^[A-Za-z0-9._~-]+$", "must be letters, digits, and . _ ~ -") { isQueryWord($0) }
    }

    package static func isQueryWord(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
                default: false
                }
            }
    }

    /// What a model may be called: visible ASCII, and no `*`.
    package static var modelName: FieldRule {
        text(1...256, "^[!-)+-~]+$", "must be visible ASCII without * and spaces") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2A }
        }
    }

    /// A model's name where every `*` stands for any text, also none.
    package static var modelPattern: FieldRule {
        text(1...256, "^[!-~]+$", "must be visible ASCII without spaces; * stands for any text") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
    }
}

/// How long to wait for a provider; what is not said is the provider's, and then the default.
package struct ModelTimeouts: ConfigObject {
    /// Until a connection stands.
    package var connect: ConfigDuration?
    /// From the request's end to the first token of a stream, or to the whole of another answer.
    package var firstToken: ConfigDuration?
    /// Between two pieces of a stream.
    package var idle: ConfigDuration?
    /// All attempts together.
    package var total: ConfigDuration?

    package init(_ fields: FieldReader) {
        connect = fields.optional("connect", "until a connection stands; 5s by default", .positive)
        firstToken = fields.optional(
            "firstToken", "until a stream's first token, or the whole of another answer; 2m by default", .positive)
        idle = fields.optional("idle", "between two pieces of a stream; 1m by default", .positive)
        total = fields.optional("total", "all attempts together, to the last byte; 10m by default", .positive)
        if let first = firstToken, let total {
            fields.check(
                first <= total, at: "firstToken", "firstToken \(first) is above total \(total)",
                hint: "make it at most \(total)")
        }
    }

    package init() {}
}

/// When a provider, with one credential and one model, is given nothing for a while.
package struct ModelCooldown: ConfigObject {
    package var duration: ConfigDuration
    package var durationMax: ConfigDuration
    package var failures: Int
    package var errorPercent: Int
    package var requestsMin: Int

    package init(_ fields: FieldReader) {
        duration = fields.value(
            "duration", default: Self.standard.duration, shown: .text("10s"),
            "how long, the first time; a Retry-After of the provider counts instead", .positive)
        durationMax = fields.value(
            "durationMax", default: Self.standard.durationMax, shown: .text("5m"), "it doubles up to this", .positive)
        failures = fields.value(
            "failures", default: Self.standard.failures, "failures in a row that begin it", .range(1...1000))
        errorPercent = fields.value(
            "errorPercent", default: Self.standard.errorPercent, "or this share of the last minute's requests",
            .range(1...100))
        requestsMin = fields.value(
            "requestsMin", default: Self.standard.requestsMin, "requests of that minute before the share counts",
            .range(1...1_000_000))
        fields.check(
            duration <= durationMax, at: "duration", "duration \(duration) is above durationMax \(durationMax)",
            hint: "make it at most \(durationMax)")
    }

    private static let standard = ModelCooldown()

    package init() {
        duration = ConfigDuration(milliseconds: 10_000)
        durationMax = ConfigDuration(milliseconds: 300_000)
        failures = 3
        errorPercent = 50
        requestsMin = 20
    }
}

package struct ModelProviderLimits: ConfigObject {
    package var concurrent: Int?

    package init(_ fields: FieldReader) {
        concurrent = fields.optional(
            "concurrent", "requests at once; further ones go to another target", .range(1...1_000_000))
    }

    package init() {}
}
