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

        /// Of what its model wrote.
        var byteCount: Int {
            switch self {
            case .text(let text), .reasoning(let text, _), .redactedReasoning(let text), .refusal(let text):
                return text.byteCount
            case .toolCall(_, _, let arguments):
                var bytes: [UInt8] = []
                JSONTree.object(arguments).write(to: &bytes)
                return bytes.count
            }
        }
    }

    package var id: JSONText?
    package var parts: [Part] = []
    package var finish: FinishReason?
    package var stopSequence: JSONText?
    package var usage: TokenUsage?
}
