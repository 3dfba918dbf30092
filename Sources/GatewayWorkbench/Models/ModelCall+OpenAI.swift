extension ModelCall {
    /// Reads `POST /v1/chat/completions`; what the vendor would refuse with 400 is refused.
    static func chat(_ body: JSONDocument, model: String) throws -> ModelCall {
        var call = ModelCall(.chat, body: body, model: model)
        try call.readCommon()
        guard case .array(let messages)? = body["messages"], !messages.isEmpty else {
            throw Rejection("'messages' must be an array with at least one message", parameter: "messages")
        }
        var openCalls: Set<String> = []
        for (index, message) in messages.enumerated() {
            try call.readMessage(message, at: index, openCalls: &openCalls)
        }
        if let open = openCalls.min() {
            throw Rejection(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                    + "'tool_call_id'. The following tool_call_ids did not have response messages: \(open)",
                parameter: "messages")
        }
        call.endsWithToolResult = messages.last?["role"]?.text == "tool"
        call.outputTokensMax = body["max_completion_tokens"]?.integer ?? body["max_tokens"]?.integer
        call.thinks = body["reasoning_effort"] != nil && body["reasoning_effort"] != "none"
        call.choices = min(max(body["n"]?.integer ?? 1, 1), 16)
        call.includesUsage = !call.stream || body["stream_options"]?["include_usage"]?.flag == true
        try call.readChatTools()
        return call
    }

    /// Reads `POST /v1/completions`.
    static func completion(_ body: JSONDocument, model: String) throws -> ModelCall {
        var call = ModelCall(.completion, body: body, model: model)
        try call.readCommon()
        let prompts = body["prompt"].map { $0.items.isEmpty ? [$0] : $0.items } ?? []
        for prompt in prompts {
            // Tokens instead of text count one each.
            if prompt.integer != nil { call.inputBytes += 4 }
            call.count(prompt.text)
            if let text = prompt.text { call.lastUserText = text }
        }
        call.outputTokensMax = body["max_tokens"]?.integer ?? 16
        call.choices = min(max(body["n"]?.integer ?? 1, 1), 16)
        call.includesUsage = !call.stream || body["stream_options"]?["include_usage"]?.flag == true
        return call
    }

    mutating func readCommon() throws {
        if let flag = body["stream"] {
            guard let value = flag.flag else {
                throw Rejection("Invalid type for 'stream': expected a boolean", parameter: "stream")
            }
            stream = value
        }
        if let bound = body["max_tokens"] ?? body["max_completion_tokens"] ?? body["max_output_tokens"] {
            guard let value = bound.integer, value > 0 else {
                throw Rejection("max_tokens must be a whole number above 0", parameter: "max_tokens")
            }
        }
        if let temperature = body["temperature"] {
            guard case .number(let text) = temperature, let value = Double(text), (0...2).contains(value) else {
                throw Rejection("temperature is not between 0 and 2", parameter: "temperature")
            }
        }
    }

    private mutating func readMessage(_ message: JSONDocument, at index: Int, openCalls: inout Set<String>) throws {
        let name = "messages[\(index)]"
        let role = message["role"]?.text ?? ""
        if role == "tool" {
            guard let id = message["tool_call_id"]?.text, openCalls.remove(id) != nil else {
                throw Rejection(
                    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
                    parameter: "\(name).role")
            }
        } else if let open = openCalls.min() {
            throw Rejection(
                "The following tool_call_ids did not have response messages: \(open)", parameter: "\(name).role")
        }
        guard ["system", "developer", "user", "assistant", "tool", "function"].contains(role) else {
            throw Rejection("Invalid value for '\(name).role': '\(role)'", parameter: "\(name).role")
        }
        let texts = try readContent(message["content"], name: "\(name).content")
        if role == "user" { lastUserText = texts.joined(separator: "\n") }
        for call in message["tool_calls"]?.items ?? [] {
            guard role == "assistant", let id = call["id"]?.text, let function = call["function"],
                let tool = function["name"]?.text, let arguments = function["arguments"]?.text
            else {
                throw Rejection("Invalid tool call in '\(name).tool_calls'", parameter: "\(name).tool_calls")
            }
            openCalls.insert(id)
            count(tool)
            count(arguments)
        }
        if message["content"] == nil, message["tool_calls"] == nil, message["function_call"] == nil, role != "tool" {
            guard role == "assistant" else {
                throw Rejection("Missing required parameter: '\(name).content'", parameter: "\(name).content")
            }
        }
    }

    /// Texts of a content that is text or a list of parts.
    private mutating func readContent(_ content: JSONDocument?, name: String) throws -> [String] {
        guard let content else { return [] }
        if let text = content.text {
            count(text)
            return [text]
        }
        guard case .array(let parts) = content else {
            throw Rejection("Invalid type for '\(name)': expected text or parts", parameter: name)
        }
        var texts: [String] = []
        for part in parts {
            switch part["type"]?.text {
            case "text"?, "refusal"?:
                guard let text = part["text"]?.text ?? part["refusal"]?.text else {
                    throw Rejection("A part of '\(name)' has no text", parameter: name)
                }
                texts.append(text)
                count(text)
            case "image_url"?:
                guard part["image_url"]?["url"]?.text != nil else {
                    throw Rejection("A part of '\(name)' has no image_url.url", parameter: name)
                }
                images += 1
            case "input_audio"?, "file"?: images += 1
            case let other:
                throw Rejection("Invalid value in '\(name)': '\(other ?? "")'", parameter: name)
            }
        }
        return texts
    }

    private mutating func readChatTools() throws {
        for tool in body["tools"]?.items ?? [] {
            if tool["type"] == "custom" { continue }
            guard let function = tool["function"], let name = function["name"]?.text, Self.isToolName(name) else {
                throw Rejection("Invalid tool: a function needs a name of letters, digits, _ and -", parameter: "tools")
            }
            tools.append(ModelTool(name: name, schema: function["parameters"] ?? ["type": "object"]))
        }
        switch body["tool_choice"] {
        case nil: break
        case .string("auto")?: toolChoice = .auto
        case .string("none")?: toolChoice = .none
        case .string("required")?: toolChoice = .any
        case let choice?:
            guard let name = choice["function"]?["name"]?.text else {
                throw Rejection("Invalid value for 'tool_choice'", parameter: "tool_choice")
            }
            toolChoice = .named(name)
        }
        try checkToolChoice()
        parallelTools = body["parallel_tool_calls"]?.flag ?? true
        switch body["response_format"]?["type"]?.text {
        case "json_schema"?:
            guard let format = body["response_format"]?["json_schema"], format["name"]?.text != nil else {
                throw Rejection("Missing required parameter: 'response_format.json_schema.name'")
            }
            schema = format["schema"] ?? [:]
        case "json_object"?: schema = [:]
        default: break
        }
    }

    func checkToolChoice() throws {
        if toolChoice != .auto, toolChoice != .none, tools.isEmpty {
            throw Rejection("'tool_choice' is only allowed when 'tools' are specified", parameter: "tool_choice")
        }
        if case .named(let name) = toolChoice, !tools.contains(where: { $0.name == name }) {
            throw Rejection("Tool choice '\(name)' not found in 'tools'", parameter: "tool_choice")
        }
    }

    static func isToolName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
                    || $0 == 0x2D
            }
    }
}
