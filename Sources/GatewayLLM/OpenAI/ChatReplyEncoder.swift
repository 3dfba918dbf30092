import GatewayModel
import GatewayWire

/// Writes a reply for a client of Chat Completions. Thinking goes into the fields other gateways use: its text into
/// `reasoning_content`, the blocks with their signatures into `thinking_blocks`, which a client sends back unchanged.
enum ChatReplyEncoder {
    static func encode(_ reply: NeutralReply, _ options: TranslationOptions, _ names: ToolNameMap) -> JSONTree {
        var text: JSONText?
        var refusal: JSONText?
        var reasoning: JSONText?
        var blocks: [JSONTree] = []
        var calls: [JSONTree] = []
        for part in reply.parts {
            switch part {
            case .text(let piece): text = text.map { $0 + piece } ?? piece
            case .refusal(let piece): refusal = refusal.map { $0 + piece } ?? piece
            case .reasoning(let piece, let signature):
                if !piece.isEmpty { reasoning = reasoning.map { $0 + piece } ?? piece }
                if let signature, !signature.isEmpty {
                    blocks.append(["type": "thinking", "thinking": .string(piece), "signature": .string(signature)])
                }
            case .redactedReasoning(let data): blocks.append(["type": "redacted_thinking", "data": .string(data)])
            case .toolCall(let id, let name, let arguments):
                calls.append([
                    "id": .string(id), "type": "function",
                    "function": [
                        "name": .string(names.incoming(name)), "arguments": .string(ToolArguments.text(arguments)),
                    ],
                ])
            }
        }
        var message: JSONObject = [
            "role": "assistant", "content": text.map(JSONTree.string) ?? .null,
            "refusal": refusal.map(JSONTree.string) ?? .null,
        ]
        if let reasoning { message["reasoning_content"] = .string(reasoning) }
        if !blocks.isEmpty { message["thinking_blocks"] = .array(blocks) }
        if !calls.isEmpty { message["tool_calls"] = .array(calls) }
        var tree: JSONObject = [
            "id": .string(reply.id ?? "chatcmpl-0"), "object": "chat.completion",
            "created": .integer(options.createdSeconds), "model": .text(options.clientModel),
            "choices": [
                [
                    "index": 0, "message": .object(message), "logprobs": .null,
                    "finish_reason": .text(word(reply.finish ?? .end)),
                ]
            ],
        ]
        if let usage = reply.usage { tree["usage"] = ChatUsage.tree(usage) }
        return .object(tree)
    }

    static func word(_ finish: FinishReason) -> String {
        switch finish {
        case .end, .stopSequence, .paused: "stop"
        case .length, .contextFull: "length"
        case .toolCalls: "tool_calls"
        case .contentFilter: "content_filter"
        }
    }
}
