import GatewayModel
import GatewayWire

/// The items of a response and the response around them, whole or as events show them. Thinking is a reasoning item
/// whose `encrypted_content` is the signature behind a mark of ours, so that it is known again when it comes back.
enum ResponsesItems {
    private static let thinkingMark = "sluice.thinking:"
    private static let redactedMark = "sluice.redacted:"

    static func sealed(signature: JSONText) -> JSONTree { .string(JSONText(thinkingMark) + signature) }
    static func sealed(redacted data: JSONText) -> JSONTree { .string(JSONText(redactedMark) + data) }

    /// The thinking a reasoning item holds, if it came through here.
    static func thinking(_ text: JSONText, _ sealed: JSONText) -> NeutralRequest.Content? {
        if sealed.escaped.hasPrefix(thinkingMark) {
            let signature = JSONText(pieces: String(sealed.escaped.dropFirst(thinkingMark.count)))
            return .reasoning(text, signature: signature)
        }
        guard sealed.escaped.hasPrefix(redactedMark) else { return nil }
        return .redactedReasoning(JSONText(pieces: String(sealed.escaped.dropFirst(redactedMark.count))))
    }

    static func message(_ id: JSONTree, _ content: [JSONTree], status: String) -> JSONTree {
        [
            "id": id, "type": "message", "status": .text(status), "role": "assistant", "content": .array(content),
        ]
    }

    static func text(_ text: JSONText) -> JSONTree {
        ["type": "output_text", "annotations": [], "logprobs": [], "text": .string(text)]
    }

    static func refusal(_ text: JSONText) -> JSONTree { ["type": "refusal", "refusal": .string(text)] }

    static func call(
        _ id: JSONTree, callID: JSONText, name: JSONText, arguments: JSONText, status: String
    ) -> JSONTree {
        [
            "id": id, "type": "function_call", "status": .text(status), "call_id": .string(callID),
            "name": .string(name), "arguments": .string(arguments),
        ]
    }

    static func reasoning(_ id: JSONTree, _ text: JSONText?, sealed: JSONTree?) -> JSONTree {
        let summary: JSONTree = text.map { [["type": "summary_text", "text": .string($0)]] } ?? []
        var item: JSONObject = ["id": id, "type": "reasoning", "summary": summary]
        if let sealed { item["encrypted_content"] = sealed }
        return .object(item)
    }

    /// The response around its items; `finish` is nil while it runs.
    static func response(
        _ id: JSONText, _ options: TranslationOptions, _ output: [JSONTree], finish: FinishReason?,
        usage: TokenUsage?
    ) -> JSONTree {
        var incomplete: JSONTree = .null
        var status = finish == nil ? "in_progress" : "completed"
        switch finish {
        case .length, .contextFull: incomplete = ["reason": "max_output_tokens"]
        case .contentFilter: incomplete = ["reason": "content_filter"]
        default: break
        }
        if !incomplete.isNull { status = "incomplete" }
        return [
            "id": .string(responseID(id)), "object": "response", "created_at": .integer(options.createdSeconds),
            "status": .text(status), "error": .null, "incomplete_details": incomplete, "instructions": .null,
            "model": .text(options.clientModel), "output": .array(output), "parallel_tool_calls": true,
            "previous_response_id": .null, "store": false, "tool_choice": "auto", "tools": [],
            "usage": usage.map(self.usage) ?? .null, "metadata": [:],
        ]
    }

    static func responseID(_ id: JSONText) -> JSONText { JSONText("resp_") + id }

    /// The id of the item at `index`, after what it is: `msg_`, `fc_`, `rs_`.
    static func itemID(_ prefix: String, _ id: JSONText, _ index: Int) -> JSONTree {
        .string(JSONText(prefix) + id + JSONText("_\(index)"))
    }

    private static func usage(_ usage: TokenUsage) -> JSONTree {
        [
            "input_tokens": .integer(usage.inputTotal),
            "input_tokens_details": [
                "cached_tokens": .integer(usage.cacheRead),
                "cache_write_tokens": .integer(usage.cacheWrite5m + usage.cacheWrite1h),
            ],
            "output_tokens": .integer(usage.outputTotal),
            "output_tokens_details": ["reasoning_tokens": .integer(usage.reasoning)],
            "total_tokens": .integer(usage.total),
        ]
    }
}

/// Writes a whole reply for a client of Responses.
enum ResponsesReplyEncoder {
    static func encode(_ reply: NeutralReply, _ options: TranslationOptions, _ names: ToolNameMap) -> JSONTree {
        let id = reply.id ?? "0"
        var output: [JSONTree] = []
        for part in reply.parts {
            let index = output.count
            switch part {
            case .text(let text):
                let item = ResponsesItems.itemID("msg_", id, index)
                output.append(ResponsesItems.message(item, [ResponsesItems.text(text)], status: "completed"))
            case .refusal(let text):
                let item = ResponsesItems.itemID("msg_", id, index)
                output.append(ResponsesItems.message(item, [ResponsesItems.refusal(text)], status: "completed"))
            case .toolCall(let callID, let name, let arguments):
                output.append(
                    ResponsesItems.call(
                        ResponsesItems.itemID("fc_", id, index), callID: callID, name: names.incoming(name),
                        arguments: ToolArguments.text(arguments), status: "completed"))
            case .reasoning(let text, let signature):
                output.append(
                    ResponsesItems.reasoning(
                        ResponsesItems.itemID("rs_", id, index), text,
                        sealed: signature.map(ResponsesItems.sealed(signature:))))
            case .redactedReasoning(let data):
                output.append(
                    ResponsesItems.reasoning(
                        ResponsesItems.itemID("rs_", id, index), nil, sealed: ResponsesItems.sealed(redacted: data)))
            }
        }
        return ResponsesItems.response(id, options, output, finish: reply.finish ?? .end, usage: reply.usage)
    }
}
