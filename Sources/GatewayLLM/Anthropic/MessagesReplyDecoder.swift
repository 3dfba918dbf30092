import GatewayModel
import GatewayWire

/// Reads a Messages reply.
enum MessagesReplyDecoder {
    static func decode(
        _ tree: JSONTree, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> NeutralReply {
        guard let content = tree["content"]?.array else { throw malformed("it has no content") }
        var reply = NeutralReply()
        reply.id = tree["id"]?.string
        reply.usage = tree["usage"].flatMap { MessagesUsage.read($0) }
        for (index, block) in content.enumerated() {
            let place = Place.body.item("content", index)
            guard let type = block["type"]?.string else { throw malformed("a block has no type") }
            switch type.escaped {
            case "text":
                guard let text = block["text"]?.string else { throw malformed("a text block has no text") }
                reply.parts.append(.text(text))
                if block["citations"]?.array?.isEmpty == false {
                    losses.add(place.field("citations"), "Chat Completions has no such field")
                }
            case "tool_use":
                guard let id = block["id"]?.string, let name = block["name"]?.string,
                    let input = block["input"]?.object
                else { throw malformed("a tool_use block lacks id, name or input") }
                reply.parts.append(.toolCall(id: id, name: name, arguments: input))
            case "thinking":
                reply.parts.append(
                    .reasoning(block["thinking"]?.string ?? .empty, signature: block["signature"]?.string))
            case "redacted_thinking":
                if let data = block["data"]?.string { reply.parts.append(.redactedReasoning(data)) }
            default: losses.add(place, "work of the provider's own tools exists only in Messages")
            }
        }
        reply.finish = finish(tree["stop_reason"]?.string)
        if let sequence = tree["stop_sequence"]?.string {
            reply.stopSequence = sequence
        }
        if reply.finish == .contentFilter, let text = tree["stop_details"]?["explanation"]?.string {
            reply.parts.append(.refusal(text))
        }
        return reply
    }

    static func finish(_ word: JSONText?) -> FinishReason {
        switch word?.escaped {
        case "max_tokens": .length
        case "stop_sequence": .stopSequence
        case "tool_use": .toolCalls
        case "pause_turn": .paused
        case "refusal": .contentFilter
        case "model_context_window_exceeded": .contextFull
        default: .end
        }
    }

    static func malformed(_ reason: String) -> GatewayError {
        GatewayError(.upstreamProtocolError, "the provider's answer is no Messages reply: \(reason)")
    }
}
