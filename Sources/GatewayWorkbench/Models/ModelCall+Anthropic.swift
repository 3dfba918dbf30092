extension ModelCall {
    /// Reads `POST /v1/messages`, or `…/count_tokens`, which takes no bound of the output. The signature of a
    /// thinking block has to be this mock's, as the vendor checks its own.
    static func message(_ body: JSONDocument, model: String, counts: Bool = false) throws -> ModelCall {
        var call = ModelCall(.message, body: body, model: model)
        try call.readCommon()
        if !counts {
            guard let bound = body["max_tokens"]?.integer else { throw Rejection("max_tokens: Field required") }
            call.outputTokensMax = bound
        }
        if let text = body["system"]?.text { call.count(text) }
        for block in body["system"]?.items ?? [] { call.count(block["text"]?.text) }
        guard case .array(let messages)? = body["messages"], !messages.isEmpty else {
            throw Rejection("messages: at least one message is required")
        }
        var openUses: Set<String> = []
        for (index, message) in messages.enumerated() {
            try call.readTurn(message, at: index, openUses: &openUses)
        }
        if let open = openUses.min() {
            throw Rejection(
                "messages: `tool_use` ids were found without `tool_result` blocks immediately after: \(open)")
        }
        let thinking = body["thinking"]?["type"]?.text
        call.thinks = thinking == "enabled" || thinking == "adaptive"
        if thinking == "enabled" {
            guard let budget = body["thinking"]?["budget_tokens"]?.integer, budget >= 1024 else {
                throw Rejection("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
            }
            if !counts, budget >= call.outputTokensMax ?? 0 {
                throw Rejection("`max_tokens` must be greater than `thinking.budget_tokens`")
            }
        }
        try call.readAnthropicTools()
        let format = body["output_config"]?["format"] ?? body["output_format"]
        if format?["type"] == "json_schema" { call.schema = format?["schema"] ?? [:] }
        return call
    }

    private mutating func readTurn(_ message: JSONDocument, at index: Int, openUses: inout Set<String>) throws {
        let role = message["role"]?.text ?? ""
        guard role == "user" || role == "assistant" else {
            throw Rejection("messages.\(index).role: Input should be 'user' or 'assistant'")
        }
        if index == 0, role != "user" { throw Rejection("messages: first message must use the \"user\" role") }
        endsWithToolResult = false
        if let text = message["content"]?.text {
            guard !text.isEmpty else { throw Rejection("messages.\(index): text content blocks must be non-empty") }
            if let open = openUses.min() { throw Self.unanswered(open, index) }
            count(text)
            if role == "user" { lastUserText = text }
            return
        }
        guard case .array(let blocks)? = message["content"], !blocks.isEmpty else {
            throw Rejection("messages.\(index).content: Field required")
        }
        let expected = openUses
        openUses = []
        var answered: Set<String> = []
        var texts: [String] = []
        for (number, block) in blocks.enumerated() {
            let name = "messages.\(index).content.\(number)"
            switch block["type"]?.text {
            case "tool_result"?:
                guard let id = block["tool_use_id"]?.text, expected.contains(id), answered.insert(id).inserted else {
                    throw Rejection("\(name): unexpected `tool_use_id` found in `tool_result` blocks")
                }
                try readBlockTexts(block["content"], name: name)
                endsWithToolResult = true
            case "tool_use"?:
                guard role == "assistant", let id = block["id"]?.text, let tool = block["name"]?.text,
                    case .object? = block["input"]
                else { throw Rejection("\(name).tool_use: id, name and an input object are required") }
                openUses.insert(id)
                count(tool)
                count(block["input"]?.json)
            default:
                if let text = try readBlock(block, name: name) { texts.append(text) }
            }
        }
        if let open = expected.subtracting(answered).min() { throw Self.unanswered(open, index) }
        if role == "user", !texts.isEmpty { lastUserText = texts.joined(separator: "\n") }
    }

    private static func unanswered(_ id: String, _ index: Int) -> Rejection {
        Rejection("messages.\(index): `tool_use` ids were found without `tool_result` blocks immediately after: \(id)")
    }

    private mutating func readBlock(_ block: JSONDocument, name: String) throws -> String? {
        switch block["type"]?.text {
        case "text"?:
            guard let text = block["text"]?.text, !text.isEmpty else {
                throw Rejection("\(name): text content blocks must be non-empty")
            }
            count(text)
            return text
        case "image"?, "document"?, "search_result"?:
            guard block["source"] != nil else { throw Rejection("\(name).source: Field required") }
            images += 1
        case "thinking"?:
            let thinking = block["thinking"]?.text ?? ""
            guard block["signature"]?.text == ModelOutput.signature(of: thinking) else {
                throw Rejection("\(name): Invalid `signature` in `thinking` block")
            }
            count(thinking)
        case "redacted_thinking"?: break
        case let other:
            throw Rejection("\(name): Input tag '\(other ?? "")' does not match any of the expected tags")
        }
        return nil
    }

    private mutating func readBlockTexts(_ content: JSONDocument?, name: String) throws {
        count(content?.text)
        for block in content?.items ?? [] { _ = try readBlock(block, name: "\(name).content") }
    }

    private mutating func readAnthropicTools() throws {
        for tool in body["tools"]?.items ?? [] {
            // Tools that the vendor runs itself have another type.
            if let type = tool["type"]?.text, type != "custom" { continue }
            guard let name = tool["name"]?.text, Self.isToolName(name), case .object? = tool["input_schema"] else {
                throw Rejection("tools: name and input_schema are required")
            }
            guard tool["input_schema"]?["type"] == "object" else {
                throw Rejection("tools.\(name).input_schema.type: Input should be 'object'")
            }
            tools.append(ModelTool(name: name, schema: tool["input_schema"] ?? [:]))
        }
        switch body["tool_choice"]?["type"]?.text {
        case "any"?: toolChoice = .any
        case "none"?: toolChoice = .none
        case "tool"?: toolChoice = .named(body["tool_choice"]?["name"]?.text ?? "")
        case "auto"?, nil: break
        case let other?: throw Rejection("tool_choice: Input tag '\(other)' does not match any of the expected tags")
        }
        try checkToolChoice()
        parallelTools = body["tool_choice"]?["disable_parallel_tool_use"]?.flag != true
    }
}

extension ModelOutput {
    /// What the mock signs its thinking with, so that a changed byte is found out.
    static func signature(of thinking: String) -> String {
        "EqMock" + hexadecimal(fingerprint(thinking.utf8)) + hexadecimal(fingerprint("signed \(thinking)".utf8)) + "=="
    }
}
