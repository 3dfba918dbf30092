import GatewayModel
import GatewayWire

/// Reads a Chat Completions reply. Providers are many and differ: what is not understood is left alone, what is needed
/// and missing is an error of the provider.
enum ChatReplyDecoder {
    static func decode(
        _ tree: JSONTree, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> NeutralReply {
        guard let choices = tree["choices"]?.array,
            let choice = choices.first(where: { ($0["index"]?.int ?? 0) == 0 }), let message = choice["message"]
        else { throw malformed("it has no choice with a message") }
        let place = Place.body.item("choices", 0)
        if choices.count > 1 { losses.add(Place.body.item("choices", 1), "Messages has one answer") }
        var reply = NeutralReply()
        reply.id = tree["id"]?.string
        reply.usage = tree["usage"].flatMap(ChatUsage.read)
        let word = choice["finish_reason"]?.string
        if let text = (message["reasoning_content"] ?? message["reasoning"])?.string, !text.isEmpty {
            reply.parts.append(.reasoning(text, signature: nil))
        }
        for text in texts(message["content"]) where !text.isEmpty { reply.parts.append(.text(text)) }
        if let refusal = message["refusal"]?.string, !refusal.isEmpty { reply.parts.append(.refusal(refusal)) }
        var hasCalls = false
        var ids = CallIDs()
        for (index, call) in (message["tool_calls"]?.array ?? []).enumerated() {
            hasCalls = true
            guard let function = call["function"] else {
                losses.add(place.item("tool_calls", index), "only calls of functions exist in Messages")
                continue
            }
            let id = ids.take(call["id"]?.string, index: index, reply: reply.id)
            if let part = try toolCall(function, id, isCut: word == "length") {
                reply.parts.append(part)
            } else {
                losses.add(place.item("tool_calls", index), "a call cut off by the limit on output has no arguments")
            }
        }
        for name in ["logprobs"] where choice[name].map(\.isNull) == false {
            losses.add(place, member: JSONText(name), "Messages has no such field")
        }
        for name in ["annotations", "audio"] where (message[name] ?? []).isEmptyOrNull == false {
            losses.add(place, member: JSONText(name), "Messages has no such field")
        }
        reply.finish = finish(word, hasCalls: hasCalls, isRefusal: message["refusal"]?.string?.isEmpty == false)
        return reply
    }

    private static func texts(_ content: JSONTree?) -> [JSONText] {
        if let text = content?.string { return [text] }
        return (content?.array ?? []).compactMap { $0["text"]?.string }
    }

    private static func toolCall(
        _ function: JSONTree, _ id: JSONText, isCut: Bool
    ) throws(GatewayError) -> NeutralReply.Part? {
        guard let name = function["name"]?.string, !name.isEmpty else { throw malformed("a tool call has no name") }
        let text = function["arguments"]?.string ?? .empty
        // Some servers write the object itself.
        if let object = function["arguments"]?.object { return .toolCall(id: id, name: name, arguments: object) }
        guard let arguments = ToolArguments.parse(text) else {
            guard isCut else { throw malformed("the arguments of a tool call are no JSON object") }
            return nil
        }
        return .toolCall(id: id, name: name, arguments: arguments)
    }

    static func finish(_ word: JSONText?, hasCalls: Bool, isRefusal: Bool) -> FinishReason {
        switch word?.escaped {
        case "length": .length
        case "content_filter": .contentFilter
        case "tool_calls", "function_call": .toolCalls
        // Some servers say `stop` after tool calls.
        default: hasCalls ? .toolCalls : isRefusal ? .contentFilter : .end
        }
    }

    static func malformed(_ reason: String) -> GatewayError {
        GatewayError(.upstreamProtocolError, "the provider's answer is no Chat Completions reply: \(reason)")
    }
}

extension JSONTree {
    fileprivate var isEmptyOrNull: Bool { isNull || array?.isEmpty == true }
}
