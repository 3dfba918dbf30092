import GatewayModel

extension ModelReply {
    private var finishReason: JSONDocument {
        switch output.finish {
        case .stop: "stop"
        case .length: "length"
        case .toolCalls: "tool_calls"
        case .refusal: "content_filter"
        }
    }

    var chatDocument: JSONDocument {
        var message: JSONDocument = [
            "role": "assistant", "content": output.text.isEmpty ? nil : .string(output.text), "refusal": nil,
            "annotations": [],
        ]
        if output.finish == .refusal {
            message.set("content", .null)
            message.set("refusal", .string(output.text))
        }
        if !output.thinking.isEmpty { message.set("reasoning_content", .string(output.thinking)) }
        if !output.toolCalls.isEmpty {
            message.set("tool_calls", .array(output.toolCalls.map { Self.chatCall($0, arguments: $0.arguments) }))
        }
        let choices = (0..<call.choices).map { index -> JSONDocument in
            ["index": .int(index), "message": message, "logprobs": nil, "finish_reason": finishReason]
        }
        var document: JSONDocument = [
            "id": "chatcmpl-\(token)", "object": "chat.completion", "created": .int(created),
            "model": .string(call.model), "choices": .array(choices),
        ]
        if tellsUsage { document.set("usage", Self.chatUsage(usage)) }
        document.set("service_tier", "default")
        document.set("system_fingerprint", "fp_mock")
        return document
    }

    private static func chatCall(_ call: ModelOutput.ToolCall, arguments: String) -> JSONDocument {
        [
            "id": .string(call.id), "type": "function",
            "function": ["name": .string(call.name), "arguments": .string(arguments)],
        ]
    }

    /// OpenAI counts what was cached within the input, and reasoning within the output.
    static func chatUsage(_ usage: TokenUsage) -> JSONDocument {
        [
            "prompt_tokens": .int(usage.inputTotal), "completion_tokens": .int(usage.outputTotal),
            "total_tokens": .int(usage.total),
            "prompt_tokens_details": [
                "cached_tokens": .int(usage.cacheRead), "audio_tokens": .int(usage.audioInput),
                "cache_write_tokens": .int(usage.cacheWrite5m + usage.cacheWrite1h),
            ],
            "completion_tokens_details": [
                "reasoning_tokens": .int(usage.reasoning), "audio_tokens": 0, "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            ],
        ]
    }

    // MARK: stream

    var chatEvents: [ModelEvent] {
        var stream = ChatStream(reply: self)
        for choice in 0..<call.choices { stream.open(choice) }
        stream.think()
        if output.toolCalls.isEmpty { stream.speak() } else { stream.callTools() }
        for choice in 0..<call.choices { stream.delta([:], choice: choice, finish: finishReason) }
        stream.finish()
        return stream.events
    }

    /// Makes the events of a Chat Completions stream, choice beside choice.
    private struct ChatStream {
        let reply: ModelReply
        var events: [ModelEvent] = []
        var said = SaidTokens()

        private var lastChoice: Int { reply.call.choices - 1 }

        mutating func open(_ choice: Int) {
            delta(["role": "assistant", "content": "", "refusal": nil], choice: choice)
        }

        mutating func think() {
            guard reply.output.reasoningTokens > 0 else { return }
            said.reason(reply.output.reasoningTokens)
            for piece in ModelOutput.deltas(reply.output.thinking, bytes: 16) {
                delta(["reasoning_content": .string(piece)], choice: 0)
            }
        }

        mutating func speak() {
            let member = reply.output.finish == .refusal ? "refusal" : "content"
            for piece in ModelOutput.deltas(reply.output.text, bytes: reply.deltaBytes) {
                said.say(piece)
                for choice in 0...lastChoice {
                    delta([member: .string(piece)], choice: choice)
                }
            }
        }

        mutating func callTools() {
            let calls = reply.output.toolCalls
            let pieces = calls.map { ModelOutput.deltas($0.arguments, bytes: reply.deltaBytes * 2) }
            guard reply.call.directive.isOn("interleave") else {
                for (index, call) in calls.enumerated() {
                    begin(call, index)
                    for piece in pieces[index] { arguments(piece, index) }
                    said.say(call)
                }
                return
            }
            for (index, call) in calls.enumerated() { begin(call, index) }
            for round in 0..<(pieces.map(\.count).max() ?? 0) {
                // The later call first, so that no reader takes the order for the index.
                for index in calls.indices.reversed() where round < pieces[index].count {
                    arguments(pieces[index][round], index)
                }
            }
            for call in calls { said.say(call) }
        }

        private mutating func begin(_ call: ModelOutput.ToolCall, _ index: Int) {
            var document = ModelReply.chatCall(call, arguments: "")
            document.set("index", .int(index))
            for choice in 0...lastChoice { delta(["tool_calls": [document]], choice: choice) }
        }

        private mutating func arguments(_ piece: String, _ index: Int) {
            let part: JSONDocument = ["index": .int(index), "function": ["arguments": .string(piece)]]
            for choice in 0...lastChoice { delta(["tool_calls": [part]], choice: choice) }
        }

        mutating func delta(_ delta: JSONDocument, choice: Int, finish: JSONDocument = nil) {
            append([["index": .int(choice), "delta": delta, "logprobs": nil, "finish_reason": finish]], usage: nil)
        }

        private mutating func append(_ choices: JSONDocument, usage: JSONDocument) {
            var chunk: JSONDocument = [
                "id": "chatcmpl-\(reply.token)", "object": "chat.completion.chunk", "created": .int(reply.created),
                "model": .string(reply.call.model), "service_tier": "default", "system_fingerprint": "fp_mock",
                "choices": choices,
            ]
            let each = reply.tellsUsageEachTime && reply.call.includesUsage
            if each {
                let usage = reply.call.usage(output: said.output, reasoning: said.reasoning)
                chunk.set("usage", ModelReply.chatUsage(usage))
            } else if reply.call.includesUsage, reply.tellsUsage {
                chunk.set("usage", usage)
            }
            if events.count == 1, let padding = reply.padding { chunk.set("padding", padding) }
            var event = ModelReply.event(nil, chunk)
            (event.output, event.reasoning) = (said.output, said.reasoning)
            event.tells = each || usage != .null
            events.append(event)
        }

        mutating func finish() {
            if reply.call.includesUsage, reply.tellsUsage, !reply.tellsUsageEachTime {
                append([], usage: ModelReply.chatUsage(reply.usage))
            }
            guard reply.call.directive["fault"] != "no-end", var last = events.last else { return }
            last.bytes = Array("data: [DONE]\n\n".utf8)
            events.append(last)
        }
    }

    // MARK: completions

    var completionDocument: JSONDocument {
        let choices = (0..<call.choices).map { index -> JSONDocument in
            ["text": .string(output.text), "index": .int(index), "logprobs": nil, "finish_reason": finishReason]
        }
        var document = completionHead(.array(choices))
        if tellsUsage { document.set("usage", Self.chatUsage(usage)) }
        return document
    }

    private func completionHead(_ choices: JSONDocument) -> JSONDocument {
        [
            "id": "cmpl-\(token)", "object": "text_completion", "created": .int(created),
            "model": .string(call.model), "choices": choices,
        ]
    }

    var completionEvents: [ModelEvent] {
        var events: [ModelEvent] = []
        var said = SaidTokens()
        said.reason(output.reasoningTokens)
        let pieces = ModelOutput.deltas(output.text, bytes: deltaBytes)
        for (number, piece) in pieces.enumerated() {
            said.say(piece)
            for index in 0..<call.choices {
                let finish = number == pieces.count - 1 ? finishReason : nil
                let chunk = completionHead([
                    ["text": .string(piece), "index": .int(index), "logprobs": nil, "finish_reason": finish]
                ])
                var event = Self.event(nil, chunk)
                (event.output, event.reasoning) = (said.output, said.reasoning)
                events.append(event)
            }
        }
        if call.includesUsage, tellsUsage {
            var event = Self.event(nil, completionHead([]).setting("usage", Self.chatUsage(usage)))
            (event.output, event.reasoning, event.tells) = (said.output, said.reasoning, true)
            events.append(event)
        }
        if call.directive["fault"] != "no-end", var last = events.last {
            last.bytes = Array("data: [DONE]\n\n".utf8)
            events.append(last)
        }
        return events
    }
}
