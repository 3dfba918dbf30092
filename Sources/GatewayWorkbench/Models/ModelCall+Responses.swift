extension ModelCall {
    /// Reads `POST /v1/responses`. `earlierBytes` is what a previous response brings along.
    static func response(_ body: JSONDocument, model: String, earlierBytes: Int) throws -> ModelCall {
        var call = ModelCall(.response, body: body, model: model)
        try call.readCommon()
        call.inputBytes = earlierBytes
        call.count(body["instructions"]?.text)
        guard let input = body["input"] else {
            throw Rejection("Missing required parameter: 'input'", parameter: "input")
        }
        if let text = input.text {
            call.count(text)
            call.lastUserText = text
        }
        for (index, item) in input.items.enumerated() { try call.readItem(item, at: index) }
        call.outputTokensMax = body["max_output_tokens"]?.integer
        call.thinks = body["reasoning"]?["effort"].map { $0 != "none" } ?? (body["reasoning"]?["summary"] != nil)
        call.parallelTools = body["parallel_tool_calls"]?.flag ?? true
        try call.readResponseTools()
        switch body["text"]?["format"]?["type"]?.text {
        case "json_schema"?: call.schema = body["text"]?["format"]?["schema"] ?? [:]
        case "json_object"?: call.schema = [:]
        default: break
        }
        return call
    }

    private mutating func readItem(_ item: JSONDocument, at index: Int) throws {
        endsWithToolResult = false
        switch item["type"]?.text ?? "message" {
        case "message":
            guard let role = item["role"]?.text, let content = item["content"] else {
                throw Rejection("Invalid message in 'input[\(index)]'", parameter: "input[\(index)]")
            }
            var texts: [String] = []
            if let text = content.text { texts.append(text) }
            for part in content.items {
                switch part["type"]?.text {
                case "input_text"?, "output_text"?: texts.append(part["text"]?.text ?? "")
                case "input_image"?, "input_file"?: images += 1
                case let other:
                    throw Rejection("Invalid value in 'input[\(index)].content': '\(other ?? "")'")
                }
            }
            for text in texts { count(text) }
            if role == "user" { lastUserText = texts.joined(separator: "\n") }
        case "function_call":
            count(item["name"]?.text)
            count(item["arguments"]?.text)
        case "function_call_output":
            guard item["call_id"]?.text != nil else {
                throw Rejection("Missing required parameter: 'input[\(index)].call_id'")
            }
            count(item["output"]?.text)
            endsWithToolResult = true
        default: break
        }
    }

    private mutating func readResponseTools() throws {
        for tool in body["tools"]?.items ?? [] where tool["type"] == "function" {
            guard let name = tool["name"]?.text, Self.isToolName(name) else {
                throw Rejection("Invalid tool: a function needs a name of letters, digits, _ and -", parameter: "tools")
            }
            tools.append(ModelTool(name: name, schema: tool["parameters"] ?? ["type": "object"]))
        }
        switch body["tool_choice"] {
        case nil: break
        case .string("auto")?: toolChoice = .auto
        case .string("none")?: toolChoice = .none
        case .string("required")?: toolChoice = .any
        case let choice?: toolChoice = choice["name"]?.text.map(ToolChoice.named) ?? .auto
        }
        try checkToolChoice()
    }
}
