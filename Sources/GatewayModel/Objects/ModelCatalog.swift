/// Models on offer (sluice.dev/v1alpha1).
package struct ModelCatalog: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ModelCatalogSpec
}

/// What becomes of a request whose price nobody knows while a budget of money is upon it.
package enum UnknownPrice: String, ConfigEnum {
    case refuse
    /// At the rate the catalogue states for it.
    case charge
}

package struct ModelCatalogSpec: ConfigObject {
    package var models: [CatalogModel]
    package var unknownPrice: UnknownPrice
    package var unknownPriceRate: ModelPrice?

    package init(_ fields: FieldReader) {
        models = fields.list("models", "the models, by the names callers ask for", count: 1...1024)
        unknownPrice = fields.value(
            "unknownPrice", default: .refuse, "what a budget of dollars does about a model without a price")
        unknownPriceRate = fields.optional("unknownPriceRate", "what such a model is charged, for unknownPrice: charge")
        fields.check(
            unknownPrice != .charge || fields.has("unknownPriceRate"), .missingField,
            "missing field \"unknownPriceRate\"", hint: "unknownPrice: charge needs it, such as {input: …, output: …}")
        fields.check(
            unknownPrice == .charge || !fields.has("unknownPriceRate"), at: "unknownPriceRate",
            "unknownPriceRate with unknownPrice refuse", hint: "set unknownPrice: charge, or remove it")
        var seen: Set<String> = []
        for (index, model) in models.enumerated() {
            for name in [model.name] + model.aliases where !name.isEmpty {
                fields.check(
                    seen.insert(name).inserted, at: "models", .duplicateKey, "duplicate model \"\(name)\"",
                    hint: "models[\(index)] repeats a name or an alias; names are unique")
            }
        }
    }
}

/// One name that callers may ask for, and what serves it.
package struct CatalogModel: ConfigObject {
    package enum Strategy: String, ConfigEnum { case weighted, lowestCost, lowestLatency, leastInFlight }
    /// What becomes of an answer whose client has gone.
    package enum Disconnect: String, ConfigEnum {
        /// The provider is told at once; what came so far is counted, where need be by an estimate.
        case cancel
        /// It is read to its end, for at most two minutes, so that the provider's own count is known.
        case drain
    }
    package enum Visibility: String, ConfigEnum {
        case listed = "public"
        /// Neither listed nor asked for: only a fallback of others.
        case hidden = "internal"
    }

    /// With `*`, any name that fits.
    package var name: String
    package var aliases: [String]
    package var targets: [ModelTarget]
    package var strategy: Strategy
    package var price: ModelPrice?
    package var context: ModelContext?
    package var capabilities: [ModelCapability]?
    package var retry: ModelRetry
    package var fallback: [String]
    package var timeouts: ModelTimeouts?
    package var cache: ModelCache?
    package var onDisconnect: Disconnect
    package var strict: Bool
    package var visibility: Visibility
    package var ownedBy: String?

    package init(_ fields: FieldReader) {
        name = fields.required("name", "what callers ask for; * stands for any text", .modelPattern)
        aliases = fields.list("aliases", "other names for the same", count: 0...64, each: .modelName)
        targets = fields.list("targets", "what serves it", count: 1...64)
        strategy = fields.value("strategy", default: .weighted, "how one of the usable targets is chosen")
        price = fields.optional("price", "what it costs; an unknown price is not free")
        context = fields.optional("context", "how many tokens it takes and gives")
        capabilities = fields.optionalList(
            "capabilities", "what it can do; what it cannot is refused. Anything by default", count: 1...32)
        retry = fields.optional("retry", "how failures are tried again") ?? ModelRetry()
        fallback = fields.list(
            "fallback", "models that serve in its place when no target can, in order", count: 0...16, each: .modelName)
        timeouts = fields.optional("timeouts", "how long to wait; the provider's by default")
        cache = fields.optional("cache", "answer the same request again from memory; off by default")
        onDisconnect = fields.value(
            "onDisconnect", default: .cancel,
            "when a client leaves: cancel at the provider, or drain for the exact count")
        strict = fields.value("strict", default: false, "refuse what a translation between dialects would lose")
        visibility = fields.value("visibility", default: .listed, "internal: neither listed nor asked for by name")
        ownedBy = fields.optional("ownedBy", "the owner a list of models shows; the provider by default", .nonEmpty)
        checkNames(fields)
    }

    package var isPattern: Bool { name.contains("*") }

    private func checkNames(_ fields: FieldReader) {
        for target in targets where !fields.isRecording {
            fields.check(
                isPattern || target.model?.contains("*") != true, at: "targets",
                "target model \"\(target.model ?? "")\" of the one name \"\(name)\"",
                hint: "* stands for the name that was asked for; write the provider's name, or make name a pattern")
            fields.check(
                isPattern || target.stripPrefix == nil, at: "targets", "stripPrefix for the one name \"\(name)\"",
                hint: "write the provider's name as model")
            if let prefix = target.stripPrefix {
                let start = name.prefix { $0 != "*" }
                fields.check(
                    !isPattern || start.hasPrefix(prefix), at: "targets",
                    "stripPrefix \"\(prefix)\" does not begin the name \"\(name)\"",
                    hint: "every name that fits must begin with it")
            }
        }
        fields.check(
            targets.isEmpty || targets.contains { $0.weight > 0 }, at: "targets", "every weight is 0",
            hint: "give one target a weight")
        fields.check(
            !fallback.contains(name), at: "fallback", "\"\(name)\" falls back to itself", hint: "remove it")
    }
}

/// One provider's model that serves a name.
package struct ModelTarget: ConfigObject {
    package var provider: String
    package var namespace: String?
    /// Nil for the name that was asked for; a `*` in it stands for that name.
    package var model: String?
    package var stripPrefix: String?
    package var weight: Int
    package var priority: Int
    package var when: String?
    package var price: ModelPrice?

    package init(_ fields: FieldReader) {
        provider = fields.required("provider", "a ModelProvider", .nonEmpty)
        namespace = fields.optional("namespace", "the provider's namespace; needs a ReferenceGrant there", .label)
        model = fields.optional(
            "model", "its name there; * stands for the name asked for, which is the default", .modelPattern)
        stripPrefix = fields.optional(
            "stripPrefix", "cut off the front of the name asked for, such as openai/", .modelName)
        weight = fields.value("weight", default: 1, "its share among those of its priority", .range(0...1_000_000))
        priority = fields.value(
            "priority", default: 0, "0 goes first; 1 only when 0 cannot serve, and so on", .range(0...100))
        when = fields.optional("when", "a condition on principal and request, in CEL", .length(1...4096))
        price = fields.optional("price", "what it costs here; the model's price by default")
        fields.check(
            (model ?? "").filter { $0 == "*" }.count <= 1, at: "model", "more than one * in \"\(model ?? "")\"",
            hint: "* stands for the whole name asked for")
    }
}

package struct ModelContext: ConfigObject, Hashable {
    package var inputTokensMax: Int?
    package var outputTokensMax: Int?

    package init(_ fields: FieldReader) {
        inputTokensMax = fields.optional("inputTokensMax", "the longest input", .range(1...1_000_000_000))
        outputTokensMax = fields.optional(
            "outputTokensMax", "the longest output, reserved when a request sets no bound", .range(1...1_000_000_000))
    }
}

/// What a model can do beyond text in, text out.
package enum ModelCapability: String, ConfigEnum {
    case tools, parallelTools, vision, documents, audioInput, audioOutput, structuredOutput, reasoning, promptCache
    case webSearch, embeddings, imageGeneration, moderation
}

/// When and how often another attempt is made, before the caller has seen a byte.
package struct ModelRetry: ConfigObject {
    package enum Cause: String, ConfigEnum { case connect, timeout, rateLimited, overloaded, serverError, reset }

    package var attemptsMax: Int
    package var on: [Cause]
    package var backoff: ConfigDuration
    package var backoffMax: ConfigDuration

    package init(_ fields: FieldReader) {
        attemptsMax = fields.value(
            "attemptsMax", default: Self.standard.attemptsMax, "attempts at all targets together, the first included",
            .range(1...16))
        on =
            fields.optionalList("on", "what is tried again; all by default", count: 1...Cause.allCases.count)
            ?? Self.standard.on
        backoff = fields.value(
            "backoff", default: Self.standard.backoff, shown: .text("100ms"),
            "the wait before the same target is tried again; it doubles", .positive)
        backoffMax = fields.value(
            "backoffMax", default: Self.standard.backoffMax, shown: .text("2s"), "the longest wait", .positive)
        fields.check(
            backoff <= backoffMax, at: "backoff", "backoff \(backoff) is above backoffMax \(backoffMax)",
            hint: "make it at most \(backoffMax)")
    }

    private static let standard = ModelRetry()

    package init() {
        attemptsMax = 3
        on = Cause.allCases
        backoff = ConfigDuration(milliseconds: 100)
        backoffMax = ConfigDuration(milliseconds: 2_000)
    }
}

/// Answers that may be given again: only ever to the same principal, for the same bytes.
package struct ModelCache: ConfigObject {
    package enum Scope: String, ConfigEnum { case principal, tenant }

    package var ttl: ConfigDuration
    package var scope: Scope
    package var maxEntryBytes: ByteQuantity

    package init(_ fields: FieldReader) {
        ttl = fields.required("ttl", "how long an answer may be given again", .positive)
        scope = fields.value("scope", default: .principal, "who shares answers; never more than one tenant")
        maxEntryBytes = fields.value(
            "maxEntryBytes", default: ByteQuantity(bytes: 256 << 10), shown: .text("256Ki"), "the largest answer kept")
    }
}
