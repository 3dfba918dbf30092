package import GatewayModel
package import GatewayWire

/// One step of a streamed reply, as every conversation API could say it. A block is named by a key the reader chooses;
/// deltas of several blocks may come interleaved.
package enum NeutralEvent: Sendable {
    case start(id: JSONText?)
    case text(block: Int, JSONText)
    case reasoning(block: Int, JSONText)
    case signature(block: Int, JSONText)
    case redactedReasoning(block: Int, JSONText)
    case refusal(block: Int, JSONText)
    case toolCall(block: Int, id: JSONText, name: JSONText)
    /// A piece of the JSON text of a tool call's arguments.
    case arguments(block: Int, JSONText)
    /// Nothing more comes for this block.
    case blockEnd(Int)
    case finish(FinishReason, stopSequence: JSONText?)
    /// What was used so far; a later one replaces it.
    case usage(TokenUsage)
    /// The provider said that the stream is whole.
    case end
    case fault(ProviderError)
}
