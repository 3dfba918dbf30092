package import GatewayModel
package import GatewayWire

/// Why a model stopped.
package enum FinishReason: String, Sendable, Equatable {
    case end, stopSequence, length, toolCalls, contentFilter
    /// The context window was full before the limit on output was reached.
    case contextFull
    /// A long turn of the provider's own tools was interrupted and may be continued.
    case paused
}

/// A whole reply of a model, as every conversation API could say it.
package struct NeutralReply: Sendable {
    package indirect enum Part: Sendable {
        case text(JSONText)
        case toolCall(id: JSONText, name: JSONText, arguments: JSONObject)
        case reasoning(JSONText, signature: JSONText?)
        case redactedReasoning(JSONText)
        case refusal(JSONText)
    }

    package var id: JSONText?
    package var parts: [Part] = []
    package var finish: FinishReason?
    package var stopSequence: JSONText?
    package var usage: TokenUsage?
}
