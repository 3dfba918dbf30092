import GatewayWire

/// The native form of a model's reply: which API it answers. Each has its own events, and its own places for what is
/// metered.
package enum ReplyShape: UInt8, Sendable, CaseIterable {
    /// OpenAI's `POST /v1/chat/completions`.
    case chatCompletions
    /// OpenAI's legacy `POST /v1/completions`.
    case completions
    /// OpenAI's `POST /v1/responses`.
    case responses
    /// OpenAI's `POST /v1/embeddings`, and others that answer with a `usage` and no text.
    case embeddings
    /// Anthropic's `POST /v1/messages`.
    case messages

    /// Whose errors the client of such a reply reads.
    package var isAnthropic: Bool { self == .messages }
    /// Whether a stream says its usage only when asked, in a chunk of its own.
    package var hasUsageChunk: Bool { self == .chatCompletions || self == .completions }

    var paths: JSONPaths {
        switch self {
        case .chatCompletions, .completions, .embeddings: ReplyShape.chatPaths
        case .responses: ReplyShape.responsesPaths
        case .messages: ReplyShape.messagesPaths
        }
    }

    /// Where a reply of OpenAI's chat, completions and embeddings says what, whole or in events.
    enum Chat {
        static let id = 0, model = 1, usage = 2, error = 3, choices = 4, choice = 5, finish = 6, texts = 7..<21
    }

    private static let chatPaths = JSONPaths([
        "=id", "=model", "=usage", "=error", "choices", "choices.*", "=choices.*.finish_reason",
        "choices.*.delta.content", "choices.*.delta.reasoning_content", "choices.*.delta.reasoning",
        "choices.*.delta.refusal", "choices.*.delta.tool_calls.*.function.name",
        "choices.*.delta.tool_calls.*.function.arguments", "choices.*.delta.function_call.arguments",
        "choices.*.text", "choices.*.message.content", "choices.*.message.reasoning_content",
        "choices.*.message.reasoning", "choices.*.message.refusal",
        "choices.*.message.tool_calls.*.function.name", "choices.*.message.tool_calls.*.function.arguments",
    ])

    /// Where OpenAI's Responses say what: events first, then the reply as a whole.
    enum Responses {
        static let type = 0, id = 1, model = 2, usage = 3, status = 4, error = 5, reason = 6, delta = 7
        static let wholeID = 8, wholeModel = 9, wholeUsage = 10, wholeStatus = 11, wholeError = 12, wholeReason = 13
        static let code = 14, message = 15, texts = 16..<20
    }

    private static let responsesPaths = JSONPaths([
        "=type", "=response.id", "=response.model", "=response.usage", "=response.status", "=response.error",
        "=response.incomplete_details.reason", "delta", "=id", "=model", "=usage", "=status", "=error",
        "=incomplete_details.reason", "=code", "=message", "output.*.content.*.text", "output.*.content.*.refusal",
        "output.*.arguments", "output.*.summary.*.text",
    ])

    /// Where Anthropic's Messages say what: events first, then the reply as a whole.
    enum Messages {
        static let type = 0, id = 1, model = 2, usage = 3, laterUsage = 4, stop = 5, error = 6, blockType = 7
        static let wholeID = 8, wholeModel = 9, wholeStop = 10, texts = 11..<21
    }

    private static let messagesPaths = JSONPaths([
        "=type", "=message.id", "=message.model", "=message.usage", "=usage", "=delta.stop_reason", "=error",
        "=content_block.type", "=id", "=model", "=stop_reason", "delta.text", "delta.partial_json", "delta.thinking",
        "content_block.text", "content_block.name", "content.*.text", "content.*.thinking", "content.*.name",
        "content_block.thinking", "#content.*.input",
    ])
}
