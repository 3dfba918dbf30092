import GatewayModel
import GatewayWire

extension ChatRequestDecoder {
    mutating func messages(_ body: BodyObject) throws(GatewayError) {
        guard let items = try body.array("messages") else { throw body.missing("messages", "the conversation") }
        guard !items.isEmpty else { throw BodyObject.error("messages is empty", "give at least one message") }
        for (index, item) in items.enumerated() {
            let message = try BodyObject(item, body.place.item("messages", index))
            let role = try message.requiredString("role")
            switch role.escaped {
            case "system", "developer": try add(.system, message, try parts(message, allowsMedia: false))
            case "user": try add(.user, message, try parts(message, allowsMedia: true))
            case "assistant": try assistant(message)
            case "tool": try toolResult(message, callID: try message.requiredString("tool_call_id"))
            case "function": try toolResult(message, callID: functionCallID(before: message))
            default:
                throw BodyObject.invalid(
                    message.place.field("role"), role, ["developer", "system", "user", "assistant", "tool"])
            }
        }
    }

    private mutating func add(
        _ role: NeutralRequest.Role, _ message: BodyObject, _ parts: [NeutralRequest.Part]
    ) throws(GatewayError) {
        guard !parts.isEmpty else {
            throw BodyObject.error(
                "\(message.place.field("content").path) is empty", "give a string or at least one content part")
        }
        for member in message.others(than: ["role", "content", "cache_control"]) {
            losses.add(message.place, member: member.name, "exists only in Chat Completions", weight: weight(member))
        }
        request.turns.append(NeutralRequest.Turn(role: role, parts: parts, place: message.place))
    }

    /// A name beside a role only tells speakers apart.
    private func weight(_ member: JSONObject.Member) -> TranslationLosses.Weight {
        member.name.isExactly("name") ? .hint : .meaning
    }

    // MARK: Content

    private mutating func parts(
        _ message: BodyObject, allowsMedia: Bool
    ) throws(GatewayError) -> [NeutralRequest.Part] {
        guard let content = message["content"] else {
            throw message.missing("content", "a string or an array of content parts")
        }
        let place = message.place.field("content")
        let cache = message["cache_control"]
        if let text = content.string { return [NeutralRequest.Part(.text(text), place, cache: cache)] }
        guard let items = content.array else {
            throw BodyObject.mistyped(content, place, "a string or an array of content parts")
        }
        var parts: [NeutralRequest.Part] = []
        for (index, item) in items.enumerated() {
            let part = try BodyObject(item, message.place.item("content", index))
            let content = try self.content(part, allowsMedia: allowsMedia)
            let marker = part["cache_control"] ?? breakpoint(part)
            parts.append(NeutralRequest.Part(content, part.place, cache: marker))
        }
        if let cache, !parts.isEmpty { parts[parts.count - 1].cache = cache }
        return parts
    }

    /// OpenAI's own marker of where a cached prefix may end.
    private func breakpoint(_ part: BodyObject) -> JSONTree? {
        guard let marker = part["prompt_cache_breakpoint"] else { return nil }
        return marker["ttl"] == nil ? ["type": "ephemeral"] : ["type": "ephemeral", "ttl": "1h"]
    }

    private mutating func content(
        _ part: BodyObject, allowsMedia: Bool
    ) throws(GatewayError) -> NeutralRequest.Content {
        let type = try part.requiredString("type")
        let known: [String]
        let content: NeutralRequest.Content
        switch type.escaped {
        case "text":
            known = ["text"]
            content = .text(try part.requiredString("text"))
        case "refusal":
            known = ["refusal"]
            content = .refusal(try part.requiredString("refusal"))
        case "image_url" where allowsMedia:
            known = ["image_url"]
            content = try image(part)
        case "file" where allowsMedia:
            known = ["file"]
            content = try file(try part.requiredObject("file"))
        case "input_audio" where allowsMedia:
            throw BodyObject.untranslatable(part.place, "the provider's API takes no audio")
        default:
            throw BodyObject.invalid(
                part.place.field("type"), type, allowsMedia ? ["text", "image_url", "file"] : ["text"])
        }
        for member in part.others(than: known + ["type", "cache_control", "prompt_cache_breakpoint"]) {
            losses.add(part.place, member: member.name, "exists only in Chat Completions")
        }
        return content
    }

    private func image(_ part: BodyObject) throws(GatewayError) -> NeutralRequest.Content {
        let image = try part.requiredObject("image_url")
        let url = try image.requiredString("url")
        let detail = try image.string("detail")
        guard let source = DataURL.source(url) else {
            throw BodyObject.error(
                "\(image.place.field("url").path) is neither an http URL nor a base64 data URL",
                "give https://… or data:image/png;base64,…")
        }
        if case .base64(let type, _) = source, !type.hasPrefix("image/") {
            throw BodyObject.error(
                "\(image.place.field("url").path) is no image: \(TranslationLosses.printable(type))",
                "send other files as content of type file")
        }
        return .image(source, detail: detail.flatMap { $0.isExactly("auto") ? nil : $0 })
    }

    private func file(_ file: BodyObject) throws(GatewayError) -> NeutralRequest.Content {
        if file["file_id"] != nil {
            throw BodyObject.untranslatable(
                file.place.field("file_id"), "an uploaded file is known only to the provider it was uploaded to")
        }
        let data = try file.requiredString("file_data")
        guard let source = DataURL.source(data), case .base64 = source else {
            throw BodyObject.error(
                "\(file.place.field("file_data").path) is no base64 data URL",
                "give data:application/pdf;base64,…")
        }
        return .document(source, title: try file.string("filename"))
    }

    // MARK: Assistant

    private mutating func assistant(_ message: BodyObject) throws(GatewayError) {
        var parts = try reasoning(message)
        if let content = message["content"], content.string?.isEmpty != true {
            parts += try self.parts(message, allowsMedia: false)
        }
        if let refusal = try message.string("refusal") {
            parts.append(NeutralRequest.Part(.refusal(refusal), message.place.field("refusal")))
        }
        for (index, item) in (try message.array("tool_calls") ?? []).enumerated() {
            let call = try BodyObject(item, message.place.item("tool_calls", index))
            if let type = try call.string("type"), !type.isExactly("function") {
                throw BodyObject.untranslatable(call.place, "only calls of functions exist in the provider's API")
            }
            let function = try call.requiredObject("function")
            parts.append(try toolCall(function, id: try call.requiredString("id")))
        }
        if let function = try message.object("function_call") {
            parts.append(try toolCall(function, id: ChatRequestDecoder.functionID(request.turns.count)))
        }
        let known = [
            "role", "content", "refusal", "tool_calls", "function_call", "reasoning_content", "thinking_blocks",
            "cache_control", "annotations",
        ]
        for member in message.others(than: known) {
            losses.add(message.place, member: member.name, "exists only in Chat Completions", weight: weight(member))
        }
        // A turn in which nothing was said is one nobody needs to see again.
        guard !parts.isEmpty else { return }
        request.turns.append(NeutralRequest.Turn(role: .assistant, parts: parts, place: message.place))
    }

    private mutating func toolCall(_ function: BodyObject, id: JSONText) throws(GatewayError) -> NeutralRequest.Part {
        let name = try function.requiredString("name")
        guard let arguments = ToolArguments.parse(try function.string("arguments") ?? .empty) else {
            throw BodyObject.error(
                "\(function.place.field("arguments").path) is not the text of a JSON object",
                "give the arguments as the model wrote them, or drop the call and its result")
        }
        callIDs.insert(id)
        return NeutralRequest.Part(.toolCall(id: id, name: name, arguments: arguments), function.place)
    }

    /// Thinking comes back in the extension fields in which it was answered (`ChatReplyEncoder`).
    private mutating func reasoning(_ message: BodyObject) throws(GatewayError) -> [NeutralRequest.Part] {
        var parts: [NeutralRequest.Part] = []
        for (index, item) in (try message.array("thinking_blocks") ?? []).enumerated() {
            let block = try BodyObject(item, message.place.item("thinking_blocks", index))
            if try block.word("type", of: ["thinking", "redacted_thinking"]) == "redacted_thinking" {
                parts.append(NeutralRequest.Part(.redactedReasoning(try block.requiredString("data")), block.place))
            } else {
                let content = NeutralRequest.Content.reasoning(
                    try block.requiredString("thinking"), signature: try block.requiredString("signature"))
                parts.append(NeutralRequest.Part(content, block.place))
            }
        }
        if parts.isEmpty, try message.string("reasoning_content") != nil {
            losses.add(
                message.place.field("reasoning_content"),
                "thinking without its signature cannot be given back; send thinking_blocks")
        }
        return parts
    }

    // MARK: Results

    private mutating func toolResult(_ message: BodyObject, callID: JSONText) throws(GatewayError) {
        let isNull = message["content"] == nil && message.object["content"] != nil
        let parts = isNull ? [] : try self.parts(message, allowsMedia: true)
        guard callIDs.contains(callID) else {
            throw BodyObject.error(
                "\(message.place.field("tool_call_id").path) answers no tool call of the conversation",
                "send the assistant's message with the call before its result")
        }
        for member in message.others(than: ["role", "content", "tool_call_id", "name", "cache_control"]) {
            losses.add(message.place, member: member.name, "exists only in Chat Completions")
        }
        // The marker belongs to the block around the result.
        let cache = message["cache_control"]
        let inner = parts.map { NeutralRequest.Part($0.content, $0.place, cache: cache == nil ? $0.cache : nil) }
        let content = NeutralRequest.Content.toolResult(callID: callID, parts: inner, isError: false)
        request.turns.append(
            NeutralRequest.Turn(
                role: .user, parts: [NeutralRequest.Part(content, message.place, cache: cache)], place: message.place))
    }

    /// The functions of 2023 have no ids: a result answers the call before it.
    private func functionCallID(before message: BodyObject) throws(GatewayError) -> JSONText {
        guard let index = request.turns.lastIndex(where: { $0.role == .assistant }) else { return .empty }
        return ChatRequestDecoder.functionID(index)
    }

    private static func functionID(_ turn: Int) -> JSONText { JSONText("call_function_\(turn)") }
}
