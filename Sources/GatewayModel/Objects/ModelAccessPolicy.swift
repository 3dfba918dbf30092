/// Who may use which models (sluice.dev/v1alpha1). Without any, nobody may use any.
package struct ModelAccessPolicy: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ModelAccessPolicySpec
}

package struct ModelAccessPolicySpec: ConfigObject {
    package enum Effect: String, ConfigEnum {
        case allow
        /// Wins over every policy that allows.
        case deny
    }

    package var effect: Effect
    package var subjects: [ModelSubject]
    package var models: [String]
    package var operations: [ModelOperation]?
    package var when: String?
    package var limits: ModelAccessLimits?

    package init(_ fields: FieldReader) {
        effect = fields.value("effect", default: .allow, "whether it lets in or keeps out; deny wins")
        subjects = fields.list("subjects", "whom it is about; one of them must fit", count: 1...256)
        models = fields.list(
            "models", "names callers ask for; * stands for any text", count: 1...256, each: .modelPattern)
        operations = fields.optionalList(
            "operations", "what may be done; everything by default", count: 1...ModelOperation.allCases.count)
        when = fields.optional("when", "a condition on principal and request, in CEL", .length(1...4096))
        limits = fields.optional("limits", "how large a request may be, with effect: allow")
        fields.check(
            effect == .allow || !fields.has("limits"), at: "limits", "limits with effect deny",
            hint: "only what is allowed has limits; remove them")
    }
}

/// A caller or many: everything that is said must hold.
package struct ModelSubject: ConfigObject, Hashable {
    package var any: Bool
    package var group: String?
    package var user: String?
    package var team: String?
    package var agent: String?
    package var tenant: String?
    package var key: String?

    package init(_ fields: FieldReader) {
        any = fields.value("any", default: false, "every caller who proved who it is")
        group = fields.optional("group", "a group the caller is in; * stands for any text", .nonEmpty)
        user = fields.optional("user", "a user; * stands for any text", .nonEmpty)
        team = fields.optional("team", "a team; * stands for any text", .nonEmpty)
        agent = fields.optional("agent", "an agent; * stands for any text", .nonEmpty)
        tenant = fields.optional("tenant", "a tenant; * stands for any text", .nonEmpty)
        key = fields.optional("key", "an API key, by its id", .nonEmpty)
        let names = ["group", "user", "team", "agent", "tenant", "key"].filter { fields.has($0) }
        fields.check(
            any || !names.isEmpty, .missingField, "missing field \"group\"",
            hint: "say who: group, user, team, agent, tenant or key; or any: true for everyone with a key")
        fields.check(
            !any || names.isEmpty, at: names.first, "\(names.first ?? "") beside any: true",
            hint: "keep one of them")
    }
}

/// What a caller wants of a model.
package enum ModelOperation: String, ConfigEnum {
    case chat, completions, responses, messages, countTokens, embeddings, images, audio, moderations, files, batches
}

package struct ModelAccessLimits: ConfigObject, Hashable {
    package var inputTokensMax: Int?
    package var outputTokensMax: Int?
    package var bodyBytesMax: ByteQuantity?

    package init(_ fields: FieldReader) {
        inputTokensMax = fields.optional("inputTokensMax", "the longest input, as estimated", .range(1...1_000_000_000))
        outputTokensMax = fields.optional(
            "outputTokensMax", "the longest output; set for requests that set none", .range(1...1_000_000_000))
        bodyBytesMax = fields.optional("bodyBytesMax", "the largest request body")
    }
}
