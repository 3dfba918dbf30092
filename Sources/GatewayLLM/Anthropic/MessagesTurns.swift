import GatewayModel
import GatewayWire

/// Turns as Messages wants them: instructions apart, user and assistant in alternation, the results of tool calls first
/// in the turn after the calls.
struct MessagesTurns {
    private struct Message {
        var role: NeutralRequest.Role
        var results: [JSONTree] = []
        var blocks: [JSONTree] = []
        /// Ids of tool calls made or answered here, and where.
        var ids: [(id: JSONText, place: Place)] = []
    }

    static let idLengthMax = 64

    let names: ToolNameMap
    let takesSystemTurns: Bool
    /// The blocks of `system`.
    private(set) var system: [JSONTree] = []
    private var messages: [Message] = []

    init(names: ToolNameMap, takesSystemTurns: Bool) {
        self.names = names
        self.takesSystemTurns = takesSystemTurns
    }

    mutating func add(
        _ turn: NeutralRequest.Turn, next: NeutralRequest.Role?, _ losses: inout TranslationLosses
    ) throws(GatewayError) {
        var message = Message(role: turn.role)
        for part in turn.parts {
            guard let block = try block(part, &losses) else { continue }
            if case .toolResult(let id, _, _) = part.content {
                message.results.append(block)
                message.ids.append((id, part.place))
            } else {
                message.blocks.append(block)
                if case .toolCall(let id, _, _) = part.content { message.ids.append((id, part.place)) }
            }
        }
        guard !message.results.isEmpty || !message.blocks.isEmpty else { return }
        if turn.role == .system {
            addInstructions(message, turn.place, next: next, &losses)
        } else if let last = messages.indices.last, messages[last].role == turn.role {
            messages[last].results += message.results
            messages[last].blocks += message.blocks
            messages[last].ids += message.ids
        } else {
            messages.append(message)
        }
    }

    /// In the middle they may follow a user's turn and come before an assistant's or the end; elsewhere they are moved
    /// to the front.
    private mutating func addInstructions(
        _ message: Message, _ place: Place, next: NeutralRequest.Role?, _ losses: inout TranslationLosses
    ) {
        if let last = messages.last {
            if takesSystemTurns, last.role == .user, next != .user, next != .system {
                messages.append(message)
                return
            }
            losses.add(place, "instructions in the middle of a conversation were moved before it")
        }
        system += message.blocks
    }

    /// The conversation, if it is one the API accepts.
    func conversation() throws(GatewayError) -> [JSONTree] {
        var pending = PendingCalls()
        var trees: [JSONTree] = []
        for message in messages {
            if message.role == .user {
                for (id, place) in message.ids { try pending.answer(id, place) }
            }
            if message.role != .system { try pending.checkAnswered() }
            if message.role == .assistant {
                for (id, place) in message.ids { pending.call(id, place) }
            }
            trees.append(["role": .text(message.role.word), "content": .array(message.results + message.blocks)])
        }
        try pending.checkAnswered()
        return trees
    }

    // MARK: Blocks

    /// Nil for a part that says nothing, which the API would refuse.
    private func block(
        _ part: NeutralRequest.Part, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> JSONTree? {
        var block: JSONObject
        switch part.content {
        case .text(let text), .refusal(let text):
            guard !MessagesTurns.isBlank(text) else { return nil }
            block = ["type": "text", "text": .string(text)]
        case .image(let source, let detail):
            if detail != nil { losses.add(part.place.field("image_url").field("detail"), "Messages has no such field") }
            block = ["type": "image", "source": try image(source, part.place)]
        case .document(let source, let title):
            block = ["type": "document", "source": try document(source, part.place)]
            if let title { block["title"] = .string(title) }
        case .toolCall(let id, let name, let arguments):
            block = [
                "type": "tool_use", "id": .string(ToolNameMap.fitting(id: id, MessagesTurns.idLengthMax)),
                "name": .string(names.outgoing(name)), "input": .object(arguments),
            ]
        case .toolResult(let callID, let parts, let isError):
            block = [
                "type": "tool_result",
                "tool_use_id": .string(ToolNameMap.fitting(id: callID, MessagesTurns.idLengthMax)),
            ]
            var content: [JSONTree] = []
            for part in parts {
                if let inner = try self.block(part, &losses) { content.append(inner) }
            }
            if !content.isEmpty { block["content"] = .array(content) }
            if isError { block["is_error"] = true }
        case .reasoning(let text, let signature):
            return ["type": "thinking", "thinking": .string(text), "signature": .string(signature)]
        case .redactedReasoning(let data):
            return ["type": "redacted_thinking", "data": .string(data)]
        }
        if let cache = part.cache { block["cache_control"] = cache }
        return .object(block)
    }

    /// White space alone is refused like nothing at all; models write it before calls, and clients send it back.
    private static func isBlank(_ text: JSONText) -> Bool {
        // Of most texts the first byte tells; escapes may stand for white space.
        if let first = text.escaped.utf8.first, first > 0x20, first < 0x7F, first != UInt8(ascii: "\\") { return false }
        return text.value.allSatisfy(\.isWhitespace)
    }

    private func image(_ source: NeutralRequest.Source, _ place: Place) throws(GatewayError) -> JSONTree {
        switch source {
        case .url(let url): return ["type": "url", "url": .string(url)]
        case .base64(let type, let data):
            guard ["image/jpeg", "image/png", "image/gif", "image/webp"].contains(type) else {
                throw BodyObject.untranslatable(
                    place, "images are taken as JPEG, PNG, GIF and WebP, not \(TranslationLosses.printable(type))")
            }
            return ["type": "base64", "media_type": .text(type), "data": .string(data)]
        case .plainText:
            throw BodyObject.untranslatable(place, "plain text is no image")
        }
    }

    private func document(_ source: NeutralRequest.Source, _ place: Place) throws(GatewayError) -> JSONTree {
        switch source {
        case .url(let url): return ["type": "url", "url": .string(url)]
        case .plainText(let text): return ["type": "text", "media_type": "text/plain", "data": .string(text)]
        case .base64("application/pdf", let data):
            return ["type": "base64", "media_type": "application/pdf", "data": .string(data)]
        case .base64(let type, let data):
            guard type.hasPrefix("text/") || type == "application/json", let text = DataURL.plainText(data) else {
                throw BodyObject.untranslatable(
                    place, "documents are taken as PDF and UTF-8 text, not \(TranslationLosses.printable(type))")
            }
            return ["type": "text", "media_type": "text/plain", "data": .string(text)]
        }
    }
}

extension NeutralRequest.Role {
    /// The word both vendors have for it.
    var word: String {
        switch self {
        case .system: "system"
        case .user: "user"
        case .assistant: "assistant"
        }
    }
}
