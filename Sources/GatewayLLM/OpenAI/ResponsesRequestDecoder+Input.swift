import GatewayModel
import GatewayWire

extension ResponsesRequestDecoder {
    mutating func input(_ body: BodyObject) throws(GatewayError) {
        if let instructions = try body.string("instructions"), !instructions.isEmpty {
            let place = body.place.field("instructions")
            add(.system, NeutralRequest.Part(.text(instructions), place), place)
        }
        guard let input = body["input"] else { throw body.missing("input", "the conversation") }
        if let text = input.string {
            let place = body.place.field("input")
            guard !text.isEmpty else { throw BodyObject.error("input is empty", "give some text") }
            add(.user, NeutralRequest.Part(.text(text), place), place)
            return
        }
        guard let items = input.array else {
            throw BodyObject.mistyped(input, body.place.field("input"), "a string or an array of items")
        }
        guard !items.isEmpty else { throw BodyObject.error("input is empty", "give at least one item") }
        for (index, tree) in items.enumerated() {
            try self.item(try BodyObject(tree, body.place.item("input", index)))
        }
    }

    /// What an assistant says and calls is one turn, as are the results that follow; messages stay apart.
    private mutating func add(_ role: NeutralRequest.Role, _ part: NeutralRequest.Part, _ place: Place) {
        if let last = request.turns.indices.last, request.turns[last].role == role {
            let isResult = { (part: NeutralRequest.Part) in
                if case .toolResult = part.content { true } else { false }
            }
            if role == .assistant || isResult(part) && request.turns[last].parts.allSatisfy(isResult) {
                request.turns[last].parts.append(part)
                return
            }
        }
        request.turns.append(NeutralRequest.Turn(role: role, parts: [part], place: place))
    }

    // MARK: Items

    private mutating func item(_ item: BodyObject) throws(GatewayError) {
        let type = try item.string("type")
        switch type?.escaped {
        case nil, "message": try message(item)
        case "function_call":
            guard let arguments = ToolArguments.parse(try item.string("arguments") ?? .empty) else {
                throw BodyObject.error(
                    "\(item.place.field("arguments").path) is not the text of a JSON object",
                    "give the arguments as the model wrote them, or drop the call and its result")
            }
            let call = NeutralRequest.Content.toolCall(
                id: try item.requiredString("call_id"), name: try item.requiredString("name"), arguments: arguments)
            add(.assistant, NeutralRequest.Part(call, item.place), item.place)
        case "function_call_output":
            var parts: [NeutralRequest.Part] = []
            if let text = item["output"]?.string {
                parts = [NeutralRequest.Part(.text(text), item.place.field("output"))]
            } else {
                for (index, tree) in (try item.array("output") ?? []).enumerated() {
                    parts.append(try content(try BodyObject(tree, item.place.item("output", index)), .user))
                }
            }
            let result = NeutralRequest.Content.toolResult(
                callID: try item.requiredString("call_id"), parts: parts, isError: false)
            add(.user, NeutralRequest.Part(result, item.place), item.place)
        case "reasoning": try reasoning(item)
        case "item_reference":
            throw BodyObject.untranslatable(
                item.place, "what a provider keeps is known only to it; send the item itself")
        case "custom_tool_call", "custom_tool_call_output":
            throw BodyObject.untranslatable(item.place, "only calls of functions exist in the provider's API")
        default:
            guard let type, type.escaped.hasSuffix("_call") || type.escaped.hasSuffix("_output") else {
                throw BodyObject.invalid(
                    item.place.field("type"), type ?? .empty,
                    ["message", "function_call", "function_call_output", "reasoning"])
            }
            losses.add(item.place, "work of the provider's own tools exists only in Responses")
        }
    }

    /// Thinking that came through this gateway holds its signature (`ResponsesItems`); any other is the provider's own.
    private mutating func reasoning(_ item: BodyObject) throws(GatewayError) {
        var text = ""
        for (index, tree) in (try item.array("summary") ?? []).enumerated() {
            text += try BodyObject(tree, item.place.item("summary", index)).requiredString("text").escaped
        }
        guard let sealed = try item.string("encrypted_content"),
            let content = ResponsesItems.thinking(JSONText(pieces: text), sealed)
        else {
            losses.add(item.place, "thinking can be given back only to the provider that signed it")
            return
        }
        add(.assistant, NeutralRequest.Part(content, item.place), item.place)
    }

    private mutating func message(_ item: BodyObject) throws(GatewayError) {
        let role: NeutralRequest.Role
        switch try item.word("role", of: ["user", "assistant", "system", "developer"]) {
        case "user": role = .user
        case "assistant": role = .assistant
        case nil: throw item.missing("role", "user, assistant or developer")
        default: role = .system
        }
        guard let content = item["content"] else {
            throw item.missing("content", "a string or an array of content parts")
        }
        var parts: [NeutralRequest.Part] = []
        if let text = content.string {
            if !text.isEmpty { parts = [NeutralRequest.Part(.text(text), item.place.field("content"))] }
        } else {
            for (index, tree) in (try item.array("content") ?? []).enumerated() {
                parts.append(try self.content(try BodyObject(tree, item.place.item("content", index)), role))
            }
        }
        if role == .assistant {
            for part in parts { add(.assistant, part, item.place) }
        } else {
            guard !parts.isEmpty else {
                throw BodyObject.error("\(item.place.field("content").path) is empty", "give some content")
            }
            request.turns.append(NeutralRequest.Turn(role: role, parts: parts, place: item.place))
        }
    }

    // MARK: Content

    private mutating func content(
        _ part: BodyObject, _ role: NeutralRequest.Role
    ) throws(GatewayError) -> NeutralRequest.Part {
        let type = try part.requiredString("type")
        let content: NeutralRequest.Content
        switch (type.escaped, role) {
        case ("input_text", _), ("output_text", _), ("text", _): content = .text(try part.requiredString("text"))
        case ("refusal", .assistant): content = .refusal(try part.requiredString("refusal"))
        case ("input_image", .user): content = try image(part)
        case ("input_file", .user): content = try file(part)
        default:
            throw BodyObject.invalid(
                part.place.field("type"), type,
                role == .user ? ["input_text", "input_image", "input_file"] : ["input_text", "output_text"])
        }
        return NeutralRequest.Part(content, part.place)
    }

    private func refuseUpload(_ part: BodyObject) throws(GatewayError) {
        guard part["file_id"] != nil else { return }
        throw BodyObject.untranslatable(
            part.place.field("file_id"), "an uploaded file is known only to the provider it was uploaded to")
    }

    private func image(_ part: BodyObject) throws(GatewayError) -> NeutralRequest.Content {
        try refuseUpload(part)
        guard let source = DataURL.source(try part.requiredString("image_url")) else {
            throw BodyObject.error(
                "\(part.place.field("image_url").path) is neither an http URL nor a base64 data URL",
                "give https://… or data:image/png;base64,…")
        }
        return .image(source, detail: try part.string("detail").flatMap { $0.isExactly("auto") ? nil : $0 })
    }

    private func file(_ part: BodyObject) throws(GatewayError) -> NeutralRequest.Content {
        try refuseUpload(part)
        let title = try part.string("filename")
        if let url = try part.string("file_url") { return .document(.url(url), title: title) }
        guard let source = DataURL.source(try part.requiredString("file_data")), case .base64 = source else {
            throw BodyObject.error(
                "\(part.place.field("file_data").path) is no base64 data URL", "give data:application/pdf;base64,…")
        }
        return .document(source, title: title)
    }
}
