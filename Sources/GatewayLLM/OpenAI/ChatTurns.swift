import GatewayModel
import GatewayWire

/// Turns as Chat Completions wants them: results of tool calls are messages of their own, right after the calls.
struct ChatTurns {
    let names: ToolNameMap
    private var messages: [JSONTree] = []
    private var pending = PendingCalls()

    init(names: ToolNameMap) { self.names = names }

    mutating func finish() throws(GatewayError) -> [JSONTree] {
        try pending.checkAnswered()
        return messages
    }

    mutating func add(
        _ turn: NeutralRequest.Turn, _ losses: inout TranslationLosses
    ) throws(GatewayError) {
        switch turn.role {
        case .system:
            try append(role: "system", turn.parts, &losses)
        case .user:
            var rest: [NeutralRequest.Part] = []
            for part in turn.parts {
                if case .toolResult(let id, let parts, let isError) = part.content {
                    if isError { losses.add(part.place.field("is_error"), "Chat Completions has no such field") }
                    try pending.answer(id, part.place)
                    rest += addResult(id, parts, &losses)
                } else {
                    rest.append(part)
                }
            }
            try pending.checkAnswered()
            if !rest.isEmpty { try append(role: "user", rest, &losses) }
        case .assistant:
            try pending.checkAnswered()
            assistant(turn, &losses)
        }
    }

    // MARK: Roles

    private mutating func append(
        role: String, _ parts: [NeutralRequest.Part], _ losses: inout TranslationLosses
    ) throws(GatewayError) {
        if parts.count == 1, case .text(let text) = parts[0].content {
            messages.append(["role": .text(role), "content": .string(text)])
            return
        }
        var content: [JSONTree] = []
        for part in parts {
            if let tree = try self.content(part, &losses) { content.append(tree) }
        }
        if !content.isEmpty { messages.append(["role": .text(role), "content": .array(content)]) }
    }

    /// Adds the message of a result; answers what such a message cannot hold, for the user's message after it.
    private mutating func addResult(
        _ id: JSONText, _ parts: [NeutralRequest.Part], _ losses: inout TranslationLosses
    ) -> [NeutralRequest.Part] {
        let id = ToolNameMap.fitting(id: id, ChatRequestEncoder.idLengthMax)
        var texts: [JSONText] = []
        var moved: [NeutralRequest.Part] = []
        for part in parts {
            if case .text(let text) = part.content {
                texts.append(text)
            } else {
                moved.append(part)
                losses.add(part.place, "a tool result holds only text: moved to the user's message after it")
            }
        }
        let content: JSONTree =
            texts.count == 1
            ? .string(texts[0]) : .array(texts.map { ["type": "text", "text": .string($0)] })
        messages.append([
            "role": "tool", "tool_call_id": .string(id), "content": texts.isEmpty ? "" : content,
        ])
        return moved
    }

    private mutating func assistant(_ turn: NeutralRequest.Turn, _ losses: inout TranslationLosses) {
        var texts: [JSONText] = []
        var calls: [JSONTree] = []
        var refusal: JSONText?
        for part in turn.parts {
            switch part.content {
            case .text(let text): texts.append(text)
            case .refusal(let text): refusal = text
            case .toolCall(let id, let name, let arguments):
                pending.call(id, part.place)
                let id = ToolNameMap.fitting(id: id, ChatRequestEncoder.idLengthMax)
                calls.append([
                    "id": .string(id), "type": "function",
                    "function": [
                        "name": .string(names.outgoing(name)), "arguments": .string(ToolArguments.text(arguments)),
                    ],
                ])
            case .reasoning, .redactedReasoning:
                losses.add(part.place, "thinking can be given back only to the provider that signed it")
            case .image, .document, .toolResult: break
            }
        }
        guard !texts.isEmpty || !calls.isEmpty || refusal != nil else { return }
        var message: JSONObject = ["role": "assistant"]
        switch texts.count {
        case 0: message["content"] = .null
        case 1: message["content"] = .string(texts[0])
        default: message["content"] = .array(texts.map { ["type": "text", "text": .string($0)] })
        }
        if let refusal { message["refusal"] = .string(refusal) }
        if !calls.isEmpty { message["tool_calls"] = .array(calls) }
        messages.append(.object(message))
    }

    // MARK: Content

    private func content(
        _ part: NeutralRequest.Part, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> JSONTree? {
        switch part.content {
        case .text(let text), .refusal(let text): return ["type": "text", "text": .string(text)]
        case .image(let source, let detail):
            var image: JSONObject
            switch source {
            case .url(let url): image = ["url": .string(url)]
            case .base64(let type, let data): image = ["url": .string(DataURL.text(mediaType: type, data: data))]
            case .plainText: return nil
            }
            if let detail { image["detail"] = .string(detail) }
            return ["type": "image_url", "image_url": .object(image)]
        case .document(let source, let title): return try document(source, title, part.place)
        case .toolCall, .toolResult, .reasoning, .redactedReasoning: return nil
        }
    }

    private func document(
        _ source: NeutralRequest.Source, _ title: JSONText?, _ place: Place
    ) throws(GatewayError) -> JSONTree {
        switch source {
        case .base64(let type, let data):
            let name = title ?? (type == "application/pdf" ? "document.pdf" : "document")
            let url = DataURL.text(mediaType: type, data: data)
            return ["type": "file", "file": ["filename": .string(name), "file_data": .string(url)]]
        case .plainText(let text):
            return ["type": "text", "text": .string(title.map { $0 + "\n\n" + text } ?? text)]
        case .url:
            throw BodyObject.untranslatable(
                place, "Chat Completions takes documents as base64 data, not by their URL")
        }
    }
}
