/// A resource of the mock: how it is listed, and what is in it.
struct MCPResource: Sendable {
    let definition: JSONDocument
    let content: JSONDocument

    var uri: String { definition["uri"]?.text ?? "" }

    init(_ uri: String, _ name: String, type: String = "text/plain", text: String? = nil, blob: String? = nil) {
        definition = [
            "uri": .string(uri), "name": .string(name), "description": .string("The \(name) of the mock."),
            "mimeType": .string(type),
        ]
        var content: JSONDocument = ["uri": .string(uri), "mimeType": .string(type)]
        if let text { content.set("text", .string(text)) }
        if let blob { content.set("blob", .string(blob)) }
        self.content = content
    }
}

/// A prompt of the mock: how it is listed, and what it says.
struct MCPPrompt: Sendable {
    let definition: JSONDocument
    let play: @Sendable (MCPVisit) -> [MCPAct]

    var name: String { definition["name"]?.text ?? "" }

    init(
        _ name: String, _ description: String, _ arguments: [String] = [],
        _ play: @escaping @Sendable (MCPVisit) -> [MCPAct]
    ) {
        var definition: JSONDocument = ["name": .string(name), "description": .string(description)]
        if !arguments.isEmpty {
            definition.set(
                "arguments",
                .array(
                    arguments.map { ["name": .string($0), "description": .string("The \($0)."), "required": true] }))
        }
        self.definition = definition
        self.play = play
    }

    static func messages(_ parts: JSONDocument...) -> [MCPAct] {
        [.finish(["messages": .array(parts.map { ["role": "user", "content": $0] })])]
    }
}

/// Resources, prompts and completion.
extension MCPServerMock {
    var resources: [MCPResource] {
        var all = notes.map { MCPResource("mock://notes/\($0.key)", $0.key, text: $0.value) }
        if options.sets.contains(.surface) {
            all.append(MCPResource("mock://text/readme", "readme", type: "text/markdown", text: "# Read me"))
            all.append(MCPResource("mock://blob/dot", "dot", type: "image/png", blob: MCPContent.dot))
        }
        if options.sets.contains(.conformance) { all += Self.suiteResources }
        return all
    }

    var templates: [JSONDocument] {
        var all: [JSONDocument] = [
            [
                "uriTemplate": "mock://notes/{id}", "name": "note", "description": "A note by its id.",
                "mimeType": "text/plain",
            ]
        ]
        if options.sets.contains(.conformance) {
            all.append([
                "uriTemplate": "test://template/{id}/data", "name": "data", "description": "Data by its id.",
                "mimeType": "application/json",
            ])
        }
        return all
    }

    func read(_ visit: MCPVisit) throws -> [MCPAct] {
        guard let uri = visit.params["uri"]?.text else { throw MCPError.parameters("uri is missing") }
        if let resource = resources.first(where: { $0.uri == uri }) {
            return [.finish(["contents": [resource.content]])]
        }
        if options.sets.contains(.conformance), uri.hasPrefix("test://template/"), uri.hasSuffix("/data") {
            let id = uri.dropFirst(16).dropLast(5)
            let data: JSONDocument = ["id": .string(String(id)), "templateTest": true, "data": "Data for ID: \(id)"]
            return [
                .finish([
                    "contents": [
                        ["uri": .string(uri), "mimeType": "application/json", "text": .string(data.json)]
                    ]
                ])
            ]
        }
        let code = visit.revision.isStateless ? -32602 : -32002
        throw MCPError(code, "Resource not found", data: ["uri": .string(uri)], status: 200)
    }

    var prompts: [MCPPrompt] {
        var all = [
            MCPPrompt("greet", "Greets somebody.", ["name", "style"]) { visit in
                let name = visit.arguments["name"]?.text ?? "you"
                let style = visit.arguments["style"]?.text ?? "warm"
                return MCPPrompt.messages(MCPContent.text("Greet \(name) in a \(style) way."))
            }
        ]
        if options.sets.contains(.surface) {
            all.append(
                MCPPrompt("review", "Reviews a note.") { _ in
                    MCPPrompt.messages(
                        MCPContent.embedded("mock://notes/n1", "water the plants"), MCPContent.text("Review it."))
                })
            all.append(
                MCPPrompt("picture", "Says what is on a picture.") { _ in
                    MCPPrompt.messages(MCPContent.image, MCPContent.text("What is it?"))
                })
            all.append(
                MCPPrompt("ask", "Asks the user first.") { visit in
                    guard let answer = visit.answers["topic"] else {
                        return [.ask([.form("topic", "About what?", ["topic": MCPTool.text])], keepsState: false)]
                    }
                    return MCPPrompt.messages(
                        MCPContent.text("Talk about \(answer["content"]?["topic"]?.text ?? "nothing")"))
                })
        }
        if options.sets.contains(.conformance) { all += Self.suitePrompts }
        return all
    }

    func prompt(_ visit: MCPVisit) throws -> [MCPAct] {
        guard let prompt = prompts.first(where: { $0.name == visit.name }) else {
            throw MCPError.parameters("Unknown prompt: \(visit.name)")
        }
        for argument in prompt.definition["arguments"]?.items ?? [] {
            let name = argument["name"]?.text ?? ""
            if visit.arguments[name]?.text == nil { throw MCPError.parameters("\(name) is missing") }
        }
        return prompt.play(visit)
    }

    func completion(_ visit: MCPVisit) throws -> JSONDocument {
        guard let kind = visit.params["ref"]?["type"]?.text, let argument = visit.params["argument"],
            let start = argument["value"]?.text
        else { throw MCPError.parameters("ref and argument are needed") }
        let all: [String]
        switch (kind, argument["name"]?.text) {
        case ("ref/prompt", "style"?): all = ["warm", "wary", "cold", "formal"]
        case ("ref/prompt", _): all = ["paris", "park", "party"]
        case ("ref/resource", _): all = notes.map(\.key)
        default: throw MCPError.parameters("there is nothing to complete")
        }
        let values = all.filter { $0.hasPrefix(start) }
        return [
            "completion": [
                "values": .array(values.map { .string($0) }), "total": .int(values.count), "hasMore": false,
            ]
        ]
    }
}
