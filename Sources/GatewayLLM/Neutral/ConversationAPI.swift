/// An API in which a client holds a conversation with a model, and in which a provider offers one.
package enum ConversationAPI: String, Sendable, CaseIterable {
    /// OpenAI's `POST /v1/chat/completions`.
    case chatCompletions
    /// Anthropic's `POST /v1/messages`.
    case messages
    /// OpenAI's `POST /v1/responses`; so far for clients only, without what a provider would have to keep.
    case responses

    /// For errors and records.
    package var title: String {
        switch self {
        case .chatCompletions: "Chat Completions"
        case .messages: "Messages"
        case .responses: "Responses"
        }
    }
}
