import GatewayModel

extension ModelReply {
    /// How a response stands: `completed`, or cut at its bound.
    private var responseStatus: String { output.finish == .length ? "incomplete" : "completed" }

    static func responseUsage(_ usage: TokenUsage) -> JSONDocument {
        [
            "input_tokens": .int(usage.inputTotal),
            "input_tokens_details": [
                "cached_tokens": .int(usage.cacheRead),
                "cache_write_tokens": .int(usage.cacheWrite5m + usage.cacheWrite1h),
            ],
            "output_tokens": .int(usage.outputTotal),
            "output_tokens_details": ["reasoning_tokens": .int(usage.reasoning)],
            "total_tokens": .int(usage.total),
        ]
    }

    /// The response as it stands; with a status that is not the last one it has no output and no usage yet.
    func responseDocument(status: String?) -> JSONDocument {
        let isDone = status == nil
        let body = call.body
        var document: JSONDocument = [
            "id": "resp_\(token)", "object": "response", "created_at": .int(created),
            "status": .string(status ?? responseStatus), "background": body["background"] ?? false, "error": nil,
            "incomplete_details": isDone && output.finish == .length ? ["reason": "max_output_tokens"] : nil,
            "instructions": body["instructions"] ?? nil, "max_output_tokens": body["max_output_tokens"] ?? nil,
            "model": .string(call.model), "output": isDone ? .array(items.map(\.done)) : [],
            "parallel_tool_calls": .bool(call.parallelTools),
            "previous_response_id": body["previous_response_id"] ?? nil,
        ]
        document.set("reasoning", body["reasoning"] ?? ["effort": nil, "summary": nil])
        document.set("service_tier", "default")
        document.set("store", body["store"] ?? true)
        document.set("temperature", body["temperature"] ?? .number("1.0"))
        document.set("text", body["text"] ?? ["format": ["type": "text"]])
        document.set("tool_choice", body["tool_choice"] ?? "auto")
        document.set("tools", body["tools"] ?? [])
        document.set("top_p", body["top_p"] ?? .number("1.0"))
        document.set("truncation", body["truncation"] ?? "disabled")
        if tellsUsage { document.set("usage", isDone ? Self.responseUsage(usage) : nil) }
        document.set("metadata", body["metadata"] ?? [:])
        return document
    }

    /// One output item: as it begins, how it comes, as it ends.
    private struct Item {
        enum Kind { case reasoning(String), text(String), refusal(String), call(ModelOutput.ToolCall) }
        var id: String
        var kind: Kind

        var begun: JSONDocument { document(status: "in_progress", full: false) }
        var done: JSONDocument { document(status: "completed", full: true) }

        private func document(status: JSONDocument, full: Bool) -> JSONDocument {
            switch kind {
            case .reasoning(let text):
                let summary: JSONDocument = ["type": "summary_text", "text": .string(text)]
                return ["id": .string(id), "type": "reasoning", "summary": full ? [summary] : []]
            case .text, .refusal:
                return [
                    "id": .string(id), "type": "message", "status": status, "role": "assistant",
                    "content": full ? [part(full: true)] : [],
                ]
            case .call(let call):
                return [
                    "id": .string(id), "type": "function_call", "status": status,
                    "arguments": full ? .string(call.arguments) : "", "call_id": .string(call.id),
                    "name": .string(call.name),
                ]
            }
        }

        func part(full: Bool) -> JSONDocument {
            switch kind {
            case .reasoning(let text): ["type": "summary_text", "text": full ? .string(text) : ""]
            case .refusal(let text): ["type": "refusal", "refusal": full ? .string(text) : ""]
            case .text(let text):
                ["type": "output_text", "annotations": [], "logprobs": [], "text": full ? .string(text) : ""]
            case .call: [:]
            }
        }
    }

    private var items: [Item] {
        var items: [Item] = []
        if !output.thinking.isEmpty { items.append(Item(id: "rs_\(token)", kind: .reasoning(output.thinking))) }
        if !output.text.isEmpty {
            let kind: Item.Kind = output.finish == .refusal ? .refusal(output.text) : .text(output.text)
            items.append(Item(id: "msg_\(token)", kind: kind))
        }
        for (index, call) in output.toolCalls.enumerated() {
            items.append(Item(id: "fc_\(token)\(index)", kind: .call(call)))
        }
        return items
    }

    var responseEvents: [ModelEvent] {
        var stream = ResponseStream(reply: self)
        stream.append("response.created", ["response": responseDocument(status: "in_progress")])
        stream.append("response.in_progress", ["response": responseDocument(status: "in_progress")])
        stream.said.reason(output.reasoningTokens)
        for (index, item) in items.enumerated() { stream.add(item, index) }
        guard call.directive["fault"] != "no-end" else { return stream.events }
        stream.append("response.\(responseStatus)", ["response": responseDocument(status: nil)], tells: tellsUsage)
        return stream.events
    }

    /// Makes the events of a Responses stream, item after item.
    private struct ResponseStream {
        let reply: ModelReply
        var events: [ModelEvent] = []
        var said = SaidTokens()

        mutating func append(_ type: String, _ members: JSONDocument, tells: Bool = false) {
            var data: JSONDocument = ["type": .string(type), "sequence_number": .int(events.count)]
            for member in members.members { data.set(member.name, member.value) }
            if events.count == 1, let padding = reply.padding { data.set("padding", padding) }
            var event = ModelReply.event(type, data)
            (event.output, event.reasoning, event.tells) = (said.output, said.reasoning, tells)
            events.append(event)
        }

        mutating func add(_ item: Item, _ index: Int) {
            let place: JSONDocument = ["item_id": .string(item.id), "output_index": .int(index)]
            append("response.output_item.added", ["output_index": .int(index), "item": item.begun])
            switch item.kind {
            case .reasoning(let text): part(item, place.setting("summary_index", 0), "reasoning_summary_text", text)
            case .text(let text): part(item, place.setting("content_index", 0), "output_text", text)
            case .refusal(let text): part(item, place.setting("content_index", 0), "refusal", text)
            case .call(let call): arguments(call, place)
            }
            append("response.output_item.done", ["output_index": .int(index), "item": item.done])
        }

        private mutating func part(_ item: Item, _ place: JSONDocument, _ name: String, _ text: String) {
            let isReasoning = name == "reasoning_summary_text"
            let part = isReasoning ? "reasoning_summary_part" : "content_part"
            append("response.\(part).added", place.setting("part", item.part(full: false)))
            for piece in ModelOutput.deltas(text, bytes: isReasoning ? 16 : reply.deltaBytes) {
                if !isReasoning { said.say(piece) }
                var delta = place.setting("delta", .string(piece))
                if name == "output_text" { delta.set("logprobs", []) }
                append("response.\(name).delta", delta)
            }
            var done = place.setting(name == "refusal" ? "refusal" : "text", .string(text))
            if name == "output_text" { done.set("logprobs", []) }
            append("response.\(name).done", done)
            append("response.\(part).done", place.setting("part", item.part(full: true)))
        }

        private mutating func arguments(_ call: ModelOutput.ToolCall, _ place: JSONDocument) {
            for piece in ModelOutput.deltas(call.arguments, bytes: reply.deltaBytes * 2) {
                append("response.function_call_arguments.delta", place.setting("delta", .string(piece)))
            }
            said.say(call)
            let done = place.setting("name", .string(call.name)).setting("arguments", .string(call.arguments))
            append("response.function_call_arguments.done", done)
        }
    }
}
