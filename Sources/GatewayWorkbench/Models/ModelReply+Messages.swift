import GatewayModel

extension ModelReply {
    private var stopReason: JSONDocument {
        switch output.finish {
        case .stop: "end_turn"
        case .length: "max_tokens"
        case .toolCalls: "tool_use"
        case .refusal: "refusal"
        }
    }

    /// Anthropic counts what was cached beside the input, and thinking within the output.
    static func messageUsage(_ usage: TokenUsage) -> JSONDocument {
        var document: JSONDocument = [
            "input_tokens": .int(usage.input),
            "cache_creation_input_tokens": .int(usage.cacheWrite5m + usage.cacheWrite1h),
            "cache_read_input_tokens": .int(usage.cacheRead),
            "cache_creation": [
                "ephemeral_5m_input_tokens": .int(usage.cacheWrite5m),
                "ephemeral_1h_input_tokens": .int(usage.cacheWrite1h),
            ],
            "output_tokens": .int(usage.outputTotal), "service_tier": "standard",
        ]
        if usage.reasoning > 0 {
            document.set("output_tokens_details", ["thinking_tokens": .int(usage.reasoning)])
        }
        return document
    }

    private func messageHead(content: JSONDocument, stop: JSONDocument, usage: TokenUsage) -> JSONDocument {
        var document: JSONDocument = [
            "id": "msg_\(token)", "type": "message", "role": "assistant", "model": .string(call.model),
            "content": content, "stop_reason": stop, "stop_sequence": nil,
        ]
        if tellsUsage { document.set("usage", Self.messageUsage(usage)) }
        return document
    }

    private var thinkingBlock: JSONDocument {
        [
            "type": "thinking", "thinking": .string(output.thinking),
            "signature": .string(ModelOutput.signature(of: output.thinking)),
        ]
    }

    var messageDocument: JSONDocument {
        var content: [JSONDocument] = []
        if !output.thinking.isEmpty { content.append(thinkingBlock) }
        if !output.text.isEmpty { content.append(["type": "text", "text": .string(output.text)]) }
        for call in output.toolCalls {
            let input = JSONDocument(json: call.arguments) ?? [:]
            content.append(["type": "tool_use", "id": .string(call.id), "name": .string(call.name), "input": input])
        }
        return messageHead(content: .array(content), stop: stopReason, usage: usage)
    }

    var messageEvents: [ModelEvent] {
        var stream = MessageStream(reply: self)
        stream.append(
            "message_start",
            [
                "type": "message_start",
                "message": messageHead(content: [], stop: nil, usage: call.usage(output: 1, reasoning: 0)),
            ])
        stream.ping()
        stream.think()
        if !output.text.isEmpty { stream.speak() }
        for call in output.toolCalls { stream.use(call) }
        stream.finish(stopReason)
        return stream.events
    }

    /// Makes the events of a Messages stream, block after block.
    private struct MessageStream {
        let reply: ModelReply
        var events: [ModelEvent] = []
        var said = SaidTokens()
        var index = 0

        mutating func append(_ name: String, _ data: JSONDocument, tells: Bool = false) {
            var event = ModelReply.event(name, data)
            (event.output, event.reasoning, event.tells) = (said.output, said.reasoning, tells)
            events.append(event)
        }

        mutating func ping() {
            var data: JSONDocument = ["type": "ping"]
            if let padding = reply.padding { data.set("padding", padding) }
            append("ping", data)
        }

        mutating func block(_ start: JSONDocument, _ deltas: (inout MessageStream) -> Void) {
            append(
                "content_block_start",
                ["type": "content_block_start", "index": .int(index), "content_block": start])
            deltas(&self)
            append("content_block_stop", ["type": "content_block_stop", "index": .int(index)])
            index += 1
        }

        mutating func delta(_ delta: JSONDocument) {
            append("content_block_delta", ["type": "content_block_delta", "index": .int(index), "delta": delta])
            guard reply.tellsUsageEachTime else { return }
            let usage = reply.call.usage(output: said.output, reasoning: said.reasoning)
            messageDelta(stop: nil, usage: usage)
        }

        private mutating func messageDelta(stop: JSONDocument, usage: TokenUsage) {
            var data: JSONDocument = [
                "type": "message_delta", "delta": ["stop_reason": stop, "stop_sequence": nil],
            ]
            if reply.tellsUsage {
                var document = ModelReply.messageUsage(usage)
                document = .object(document.members.filter { !["cache_creation", "service_tier"].contains($0.name) })
                data.set("usage", document)
            }
            append("message_delta", data, tells: reply.tellsUsage)
        }

        mutating func think() {
            let output = reply.output
            said.reason(output.reasoningTokens)
            guard !output.thinking.isEmpty else { return }
            block(["type": "thinking", "thinking": "", "signature": ""]) { stream in
                for piece in ModelOutput.deltas(output.thinking, bytes: 16) {
                    stream.delta(["type": "thinking_delta", "thinking": .string(piece)])
                }
                let signature = ModelOutput.signature(of: output.thinking)
                stream.delta(["type": "signature_delta", "signature": .string(signature)])
            }
        }

        mutating func speak() {
            block(["type": "text", "text": ""]) { stream in
                for piece in ModelOutput.deltas(stream.reply.output.text, bytes: stream.reply.deltaBytes) {
                    stream.said.say(piece)
                    stream.delta(["type": "text_delta", "text": .string(piece)])
                }
            }
        }

        mutating func use(_ call: ModelOutput.ToolCall) {
            let start: JSONDocument = [
                "type": "tool_use", "id": .string(call.id), "name": .string(call.name), "input": [:],
            ]
            block(start) { stream in
                // The vendor begins with an empty piece, and leaves it at that where a tool takes nothing.
                stream.delta(["type": "input_json_delta", "partial_json": ""])
                stream.said.say(call)
                guard call.arguments != "{}" else { return }
                for piece in ModelOutput.deltas(call.arguments, bytes: stream.reply.deltaBytes * 2) {
                    stream.delta(["type": "input_json_delta", "partial_json": .string(piece)])
                }
            }
        }

        mutating func finish(_ stop: JSONDocument) {
            messageDelta(stop: stop, usage: reply.usage)
            if reply.call.directive["fault"] != "no-end" {
                append("message_stop", ["type": "message_stop"], tells: reply.tellsUsage)
            }
        }
    }
}
