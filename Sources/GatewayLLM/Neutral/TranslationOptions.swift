/// What a translation must know beyond the body: the target of the catalogue, and the moment.
package struct TranslationOptions: Sendable {
    /// How a Messages provider is asked to think.
    package enum Reasoning: Sendable, Equatable {
        /// With a number of tokens: Claude up to 4.5.
        case budget
        /// As the model sees fit, guided by an effort.
        case adaptive
        /// Not at all.
        case none
    }

    /// The name the provider knows the model by.
    package var providerModel: String
    /// The name the client asked for, and finds in the reply.
    package var clientModel: String
    /// The model's own limit on output, for providers that must be told one.
    package var outputTokensMax: Int?
    /// Seconds since 1970, for replies that say when they were made.
    package var createdSeconds: Int
    /// Refuse what cannot be carried whole.
    package var isStrict = false
    /// Fields of the provider's API this model refuses; they are left out and listed as lost.
    package var refusedFields: [String] = []
    package var reasoning: Reasoning
    /// Whether a Messages model accepts instructions in the middle of the conversation (Claude from 4.8).
    package var takesSystemTurns: Bool
    /// Whether a Messages model takes temperature and top_p in one request (Claude before 4.1).
    package var takesBothSamplings: Bool
    /// Whether a Messages model holds to the schemas of tools and answers (Claude from 4.1).
    package var enforcesSchemas: Bool
    /// For servers that do not know `max_completion_tokens`.
    package var usesLegacyTokenLimit = false
    /// What the client is told that it sent, where the provider does not say.
    package var inputTokensEstimate = 0
    /// What a stream may hold back: interleaved tool calls, and thinking that waits for its signature.
    package var heldBytesMax = 4 << 20

    /// What is known of the provider's model by its name fills the rest; each may be set afterwards.
    package init(providerModel: String, clientModel: String, createdSeconds: Int, outputTokensMax: Int? = nil) {
        self.providerModel = providerModel
        self.clientModel = clientModel
        self.createdSeconds = createdSeconds
        self.outputTokensMax = outputTokensMax
        let model = ClaudeModel(name: providerModel)
        reasoning = model.reasoning
        takesSystemTurns = model.takesSystemTurns
        takesBothSamplings = model.takesBothSamplings
        enforcesSchemas = model.enforcesSchemas
        refusedFields = model.refusedFields
    }
}
