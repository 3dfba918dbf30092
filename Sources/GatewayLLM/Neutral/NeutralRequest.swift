package import GatewayWire

/// A request to a model as every conversation API could say it. What only one of them can say stays as it was, in
/// `extras`; what none of the others has was listed as lost when the request was read.
package struct NeutralRequest: Sendable {
    package enum Role: Sendable, Equatable {
        /// Instructions: `system`, `developer`.
        case system
        case user
        case assistant
    }

    package struct Turn: Sendable {
        package var role: Role
        package var parts: [Part]
        package var place: Place
    }

    package struct Part: Sendable {
        package var content: Content
        package var place: Place
        /// A cache marker in Anthropic's shape: `{"type":"ephemeral"}`.
        package var cache: JSONTree?

        init(_ content: Content, _ place: Place, cache: JSONTree? = nil) {
            self.content = content
            self.place = place
            self.cache = cache
        }
    }

    package indirect enum Content: Sendable {
        case text(JSONText)
        case image(Source, detail: JSONText?)
        case document(Source, title: JSONText?)
        case toolCall(id: JSONText, name: JSONText, arguments: JSONObject)
        case toolResult(callID: JSONText, parts: [Part], isError: Bool)
        /// Thinking with the signature of who thought it; both byte for byte.
        case reasoning(JSONText, signature: JSONText)
        case redactedReasoning(JSONText)
        case refusal(JSONText)
    }

    package enum Source: Sendable {
        case base64(mediaType: String, data: JSONText)
        case url(JSONText)
        /// A document that is plain text.
        case plainText(JSONText)
    }

    package struct Tool: Sendable {
        package var name: JSONText
        package var description: JSONText?
        package var schema: JSONObject?
        package var isStrict: Bool?
        package var cache: JSONTree?
        package var place: Place
    }

    package enum ToolChoice: Sendable, Equatable {
        case auto, required, forbidden
        case named(JSONText)
    }

    package enum OutputFormat: Sendable {
        /// Any JSON.
        case json
        case schema(JSONTree, name: JSONText?, description: JSONText?, isStrict: Bool?)
    }

    /// How much to think before answering.
    package struct Reasoning: Sendable, Equatable {
        /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
        package var effort: String?
        package var budgetTokens: Int?
        /// Whether thinking is left to the model.
        package var isAdaptive = false
        package var isOff = false
        package var display: String?
    }

    package var model: JSONText?
    /// The conversation in order, instructions where they stood.
    package var turns: [Turn] = []
    package var tools: [Tool] = []
    package var toolChoice: ToolChoice?
    package var parallelToolCalls: Bool?
    package var outputTokensMax: Int?
    package var temperature: JSONNumber?
    package var topP: JSONNumber?
    package var topK: JSONNumber?
    package var stopSequences: [JSONText] = []
    package var outputFormat: OutputFormat?
    package var reasoning: Reasoning?
    package var user: JSONText?
    package var serviceTier: JSONText?
    package var isStream = false
    /// Whether a streaming client asked for the usage: OpenAI's clients must, Anthropic's always get it.
    package var includesUsage = false
    /// Fields only the client's own API has, other than null.
    package var extras: [JSONObject.Member] = []
}
