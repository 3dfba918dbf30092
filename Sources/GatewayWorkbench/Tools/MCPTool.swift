/// A tool of the mock: how it is listed, and what it does.
struct MCPTool: Sendable {
    typealias Play = @Sendable (MCPVisit, MCPServerMock) throws -> [MCPAct]

    var definition: JSONDocument
    let play: Play

    var name: String { definition["name"]?.text ?? "" }

    /// `properties` are those of its input; a name with `?` behind it may be left out.
    init(
        _ name: String, _ description: String, _ properties: JSONDocument = [:], hints: JSONDocument = [:],
        output: JSONDocument? = nil, more: JSONDocument = [:], _ play: @escaping Play
    ) {
        var schema: JSONDocument = ["type": "object"]
        var known: JSONDocument = [:]
        var required: [JSONDocument] = []
        for member in properties.members {
            let isOptional = member.name.hasSuffix("?")
            known.set(isOptional ? String(member.name.dropLast()) : member.name, member.value)
            if !isOptional { required.append(.string(member.name)) }
        }
        schema.set("properties", known.members.isEmpty ? .object([]) : known)
        if !required.isEmpty { schema.set("required", .array(required)) }
        var definition: JSONDocument = [
            "name": .string(name), "description": .string(description), "inputSchema": schema,
        ]
        if let output { definition.set("outputSchema", output) }
        if !hints.members.isEmpty { definition.set("annotations", hints) }
        for member in more.members { definition.set(member.name, member.value) }
        self.definition = definition
        self.play = play
    }

    /// A schema as it is written.
    init(_ definition: JSONDocument, _ play: @escaping Play) { (self.definition, self.play) = (definition, play) }

    static let text: JSONDocument = ["type": "string"]
    static let whole: JSONDocument = ["type": "integer"]
    static let number: JSONDocument = ["type": "number"]

    /// What is missing in the arguments, as a server tells a model.
    func complaint(_ arguments: JSONDocument) -> String? {
        for name in definition["inputSchema"]?["required"]?.items ?? [] {
            guard let name = name.text else { continue }
            guard let value = arguments[name] else { return "\(name) is missing" }
            let type = definition["inputSchema"]?["properties"]?[name]?["type"]?.text
            switch (type, value) {
            case ("string", .string), ("integer", .number), ("number", .number), ("boolean", .bool), (nil, _): continue
            case ("object", .object), ("array", .array): continue
            default: return "\(name) is no \(type ?? "value")"
            }
        }
        return nil
    }
}

/// Parts of results.
enum MCPContent {
    /// A picture of one red dot.
    static let dot =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
    /// A sound of one sample.
    static let tick = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

    static func text(_ text: String) -> JSONDocument { ["type": "text", "text": .string(text)] }
    static let image: JSONDocument = ["type": "image", "data": .string(dot), "mimeType": "image/png"]
    static let audio: JSONDocument = ["type": "audio", "data": .string(tick), "mimeType": "audio/wav"]

    static func link(_ uri: String, _ name: String, description: String = "A note.") -> JSONDocument {
        [
            "type": "resource_link", "uri": .string(uri), "name": .string(name),
            "description": .string(description), "mimeType": "text/plain",
        ]
    }

    static func embedded(_ uri: String, _ text: String, type: String = "text/plain") -> JSONDocument {
        ["type": "resource", "resource": ["uri": .string(uri), "mimeType": .string(type), "text": .string(text)]]
    }

    static func result(_ parts: JSONDocument..., structured: JSONDocument? = nil) -> [MCPAct] {
        var result: JSONDocument = ["content": .array(parts)]
        if let structured { result.set("structuredContent", structured) }
        return [.finish(result)]
    }

    /// The same said twice, as the protocol wants it of structured results.
    static func structured(_ value: JSONDocument) -> [MCPAct] { result(text(value.json), structured: value) }

    static func failure(_ message: String) -> [MCPAct] {
        [.finish(["content": [text(message)], "isError": true])]
    }
}

extension MCPVisit {
    /// Nothing, where the client did not ask to be told.
    func progress(_ done: Int, of total: Int, _ message: String) -> [MCPAct] {
        guard let progressToken else { return [] }
        return [
            .notify(
                "notifications/progress",
                [
                    "progressToken": progressToken, "progress": .int(done), "total": .int(total),
                    "message": .string(message),
                ])
        ]
    }

    private static let levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

    /// Nothing, where the client did not ask for that level; the old revisions send all before one was set.
    func log(_ level: String, _ data: JSONDocument) -> [MCPAct] {
        let least = logLevel ?? (revision.isStateless ? nil : "debug")
        guard let least, let floor = Self.levels.firstIndex(of: least),
            let rank = Self.levels.firstIndex(of: level), rank >= floor
        else { return [] }
        return [.notify("notifications/message", ["level": .string(level), "logger": "mock", "data": data])]
    }

    static func isLevel(_ text: String) -> Bool { levels.contains(text) }
}
