import GatewayModel
import GatewayWire

/// Writes a reply for a client of Messages.
enum MessagesReplyEncoder {
    static func encode(
        _ reply: NeutralReply, _ options: TranslationOptions, _ names: ToolNameMap,
        _ losses: inout TranslationLosses
    ) -> JSONTree {
        var content: [JSONTree] = []
        for part in reply.parts {
            switch part {
            case .text(let text), .refusal(let text):
                content.append(["type": "text", "text": .string(text)])
            case .toolCall(let id, let name, let arguments):
                content.append([
                    "type": "tool_use", "id": .string(id), "name": .string(names.incoming(name)),
                    "input": .object(arguments),
                ])
            case .reasoning(let text, let signature):
                // A block without a signature would be refused when it is sent back, and none is made up here.
                guard let signature else {
                    losses.add(Place.body.field("reasoning_content"), unsigned, weight: .hint)
                    continue
                }
                content.append(["type": "thinking", "thinking": .string(text), "signature": .string(signature)])
            case .redactedReasoning(let data):
                content.append(["type": "redacted_thinking", "data": .string(data)])
            }
        }
        let finish = reply.finish ?? .end
        return [
            "id": .string(reply.id ?? "msg_0"), "type": "message", "role": "assistant",
            "model": .text(options.clientModel), "content": .array(content), "stop_reason": .text(word(finish)),
            "stop_sequence": reply.stopSequence.map(JSONTree.string) ?? .null,
            "usage": MessagesUsage.tree(reply.usage ?? .zero),
        ]
    }

    static let unsigned = "thinking that nobody signed cannot be a block of Messages"

    static func word(_ finish: FinishReason) -> String {
        switch finish {
        case .end: "end_turn"
        case .stopSequence: "stop_sequence"
        case .length: "max_tokens"
        case .toolCalls: "tool_use"
        case .contentFilter: "refusal"
        case .contextFull: "model_context_window_exceeded"
        case .paused: "pause_turn"
        }
    }
}
