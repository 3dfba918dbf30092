import GatewayModel
import GatewayWire

extension MessagesRequestDecoder {
    mutating func system(_ body: BodyObject) throws(GatewayError) {
        guard let system = body["system"] else { return }
        let place = body.place.field("system")
        let parts = try textParts(system, place) { body.place.item("system", $0) }
        guard !parts.isEmpty else { return }
        request.turns.append(NeutralRequest.Turn(role: .system, parts: parts, place: place))
    }

    mutating func messages(_ body: BodyObject) throws(GatewayError) {
        guard let items = try body.array("messages") else { throw body.missing("messages", "the conversation") }
        guard !items.isEmpty else { throw BodyObject.error("messages is empty", "give at least one message") }
        for (index, item) in items.enumerated() {
            let message = try BodyObject(item, body.place.item("messages", index))
            let role: NeutralRequest.Role
            switch try message.word("role", of: ["user", "assistant", "system"]) {
            case "user": role = .user
            case "assistant": role = .assistant
            case nil: throw message.missing("role", "user or assistant")
            default: role = .system
            }
            guard let content = message["content"] else {
                throw message.missing("content", "a string or an array of content blocks")
            }
            let place = message.place
            let parts =
                role == .system
                ? try textParts(content, place.field("content")) { place.item("content", $0) }
                : try self.parts(content, message.place, role)
            // What says nothing needs no turn; a turn of lost blocks only is lost with them.
            guard !parts.isEmpty else { continue }
            request.turns.append(NeutralRequest.Turn(role: role, parts: parts, place: place))
        }
    }

    /// Text as a string or as blocks of type text; empty ones say nothing.
    private mutating func textParts(
        _ content: JSONTree, _ place: Place, _ item: (Int) -> Place
    ) throws(GatewayError) -> [NeutralRequest.Part] {
        if let text = content.string { return text.isEmpty ? [] : [NeutralRequest.Part(.text(text), place)] }
        guard let items = content.array else {
            throw BodyObject.mistyped(content, place, "a string or an array of text blocks")
        }
        var parts: [NeutralRequest.Part] = []
        for (index, tree) in items.enumerated() {
            let block = try BodyObject(tree, item(index))
            guard let type = try block.word("type", of: ["text"]) else { throw block.missing("type", "text") }
            if let content = try self.content(block, JSONText(type), .system) {
                parts.append(NeutralRequest.Part(content, block.place))
            }
        }
        return parts
    }

    private mutating func parts(
        _ content: JSONTree, _ place: Place, _ role: NeutralRequest.Role
    ) throws(GatewayError) -> [NeutralRequest.Part] {
        if let text = content.string {
            guard !text.isEmpty else {
                throw BodyObject.error("\(place.field("content").path) is empty", "give some content")
            }
            return [NeutralRequest.Part(.text(text), place.field("content"))]
        }
        guard let items = content.array else {
            throw BodyObject.mistyped(content, place.field("content"), "a string or an array of content blocks")
        }
        guard !items.isEmpty || role == .assistant else {
            throw BodyObject.error("\(place.field("content").path) is empty", "give some content")
        }
        var parts: [NeutralRequest.Part] = []
        for (index, item) in items.enumerated() {
            let block = try BodyObject(item, place.item("content", index))
            let type = try block.requiredString("type")
            if let content = try self.content(block, type, role) {
                parts.append(NeutralRequest.Part(content, block.place))
            }
        }
        return parts
    }

    // MARK: Blocks

    /// Nil for a block that says nothing or is lost.
    private mutating func content(
        _ block: BodyObject, _ type: JSONText, _ role: NeutralRequest.Role
    ) throws(GatewayError) -> NeutralRequest.Content? {
        var known = ["type", "cache_control"]
        let content: NeutralRequest.Content?
        switch (type.escaped, role) {
        case ("text", _):
            let text = try block.requiredString("text")
            known += ["text"]
            content = text.isEmpty ? nil : .text(text)
        case ("image", .user):
            known += ["source"]
            content = .image(try imageSource(try block.requiredObject("source")), detail: nil)
        case ("document", .user):
            known += ["source", "title"]
            content = try document(block)
        case ("search_result", .user):
            content = try searchResult(block)
            known = block.object.members.map(\.name.value)
        case ("tool_use", .assistant):
            known += ["id", "name", "input", "caller", "toolset_name"]
            content = .toolCall(
                id: try block.requiredString("id"), name: try block.requiredString("name"),
                arguments: try block.requiredObject("input").object)
        case ("tool_result", .user):
            known += ["tool_use_id", "content", "is_error", "toolset_name"]
            content = try toolResult(block)
        case ("thinking", .assistant):
            known += ["thinking", "signature"]
            content = .reasoning(
                try block.requiredString("thinking"), signature: try block.string("signature") ?? .empty)
        case ("redacted_thinking", .assistant):
            known += ["data"]
            content = .redactedReasoning(try block.requiredString("data"))
        default: return try foreign(block, type, role)
        }
        if block["cache_control"] != nil { losses.add(block.place.field("cache_control"), Self.foreign, weight: .hint) }
        for member in block.others(than: known) {
            // Citations that are not asked for.
            if member.value.array?.isEmpty == true || member.value["enabled"] == false { continue }
            losses.add(block.place, member: member.name, Self.foreign)
        }
        return content
    }

    /// What the provider's own tools left behind is lost; anything else is a mistake.
    private mutating func foreign(
        _ block: BodyObject, _ type: JSONText, _ role: NeutralRequest.Role
    ) throws(GatewayError) -> NeutralRequest.Content? {
        let isServerTool = type.isExactly("server_tool_use") || type.escaped.hasSuffix("_tool_result")
        if isServerTool || type.isExactly("container_upload") {
            losses.add(block.place, "work of the provider's own tools exists only in Messages")
            return nil
        }
        let user = ["text", "image", "document", "tool_result"]
        throw BodyObject.invalid(
            block.place.field("type"), type,
            role == .user ? user : role == .system ? ["text"] : ["text", "tool_use", "thinking", "redacted_thinking"])
    }

    private func imageSource(_ source: BodyObject) throws(GatewayError) -> NeutralRequest.Source {
        switch try source.word("type", of: ["base64", "url", "file"]) {
        case "base64":
            return .base64(
                mediaType: try source.requiredString("media_type").value, data: try source.requiredString("data"))
        case "url": return .url(try source.requiredString("url"))
        case nil: throw source.missing("type", "base64 or url")
        default:
            throw BodyObject.untranslatable(
                source.place, "an uploaded file is known only to the provider it was uploaded to")
        }
    }

    private mutating func document(_ block: BodyObject) throws(GatewayError) -> NeutralRequest.Content {
        let source = try block.requiredObject("source")
        let title = try block.string("title")
        switch try source.word("type", of: ["base64", "text", "content", "url", "file"]) {
        case "base64", "url", "file": return .document(try imageSource(source), title: title)
        case "text": return .document(.plainText(try source.requiredString("data")), title: title)
        case nil: throw source.missing("type", "base64, text or url")
        default:
            guard let text = source["content"]?.string else {
                throw BodyObject.untranslatable(source.place, "a document made of blocks exists only in Messages")
            }
            return .document(.plainText(text), title: title)
        }
    }

    /// A search result is a text with a title and a source; elsewhere it can only be told.
    private mutating func searchResult(_ block: BodyObject) throws(GatewayError) -> NeutralRequest.Content {
        var text = try block.requiredString("title") + "\n" + (try block.requiredString("source"))
        for (index, item) in (try block.array("content") ?? []).enumerated() {
            text = text + "\n" + (try BodyObject(item, block.place.item("content", index)).requiredString("text"))
        }
        losses.add(block.place, "a search result is carried as plain text")
        return .text(text)
    }

    private mutating func toolResult(_ block: BodyObject) throws(GatewayError) -> NeutralRequest.Content {
        let id = try block.requiredString("tool_use_id")
        let isError = try block.bool("is_error") ?? false
        var parts: [NeutralRequest.Part] = []
        if let text = block["content"]?.string {
            parts = [NeutralRequest.Part(.text(text), block.place.field("content"))]
        } else {
            for (index, item) in (try block.array("content") ?? []).enumerated() {
                let inner = try BodyObject(item, block.place.item("content", index))
                let type = try inner.requiredString("type")
                guard !type.isExactly("tool_result") else {
                    throw BodyObject.invalid(inner.place.field("type"), type, ["text", "image", "document"])
                }
                if type.isExactly("tool_reference") || type.isExactly("browser_state") {
                    losses.add(inner.place, Self.foreign)
                } else if let content = try content(inner, type, .user) {
                    parts.append(NeutralRequest.Part(content, inner.place))
                }
            }
        }
        return .toolResult(callID: id, parts: parts, isError: isError)
    }
}
