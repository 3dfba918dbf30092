extension ModelOutput {
    private static let vocabulary = [
        "the", "gateway", "counts", "every", "token", "été", "once", "and", "a", "stream", "漢字", "keeps", "its",
        "order", "so", "that", "budgets", "hold", "naïve", "clients", "see", "nothing", "🙂", "of", "retries",
    ]

    /// What the mock answers to a call: the same for the same call and seed.
    static func made(for call: ModelCall, seed: UInt64, number: UInt64) -> ModelOutput {
        var output = ModelOutput()
        let directive = call.directive
        let seed =
            seed ^ fingerprint(MockModelDirective.removed(from: call.lastUserText).utf8) ^ fingerprint(call.model.utf8)
        output.reasoningTokens = directive.number("reasoning", max: 1_000_000) ?? 0
        if call.thinks {
            output.thinking = directive["reasoning"] == "0" ? "" : "Let me see: what was asked has to be thought over."
            output.reasoningTokens = max(output.reasoningTokens, tokens(output.thinking))
        }
        if directive["finish"] == "refusal" {
            output.finish = .refusal
            output.text = "I cannot help with that."
            return output
        }
        output.toolCalls = toolCalls(of: call, seed: seed, number: number)
        if !output.toolCalls.isEmpty {
            output.finish = .toolCalls
            return output
        }
        if let schema = call.schema {
            output.text = SchemaInstance.make(schema, seed: seed).json
        } else if let said = directive["say"] {
            output.text = said
        } else if let count = directive.number("tokens", max: 4_000_000) {
            output.text = text(bytes: count * 4, seed: seed)
        } else {
            output.text =
                "Hello from \(call.model), a mock: your request had \(call.inputTokens) tokens, and "
                + text(bytes: 40, seed: seed) + "."
        }
        if let most = call.outputTokensMax.map({ max(1, $0 - output.reasoningTokens) }), tokens(output.text) > most {
            output.text = prefix(output.text, bytes: most * 4)
            output.finish = .length
        }
        if directive["finish"] == "length" { output.finish = .length }
        return output
    }

    private static func toolCalls(of call: ModelCall, seed: UInt64, number: UInt64) -> [ToolCall] {
        let chosen = chosenTools(of: call)
        let limit = call.parallelTools ? 128 : 1
        return chosen.prefix(limit).enumerated().map { index, tool in
            let prefix = call.dialect == .anthropic ? "toolu_" : "call_"
            let id = prefix + hexadecimal(number &* 1_000 &+ UInt64(index) ^ fingerprint(tool.name.utf8))
            let takesNothing = (tool.schema["properties"]?.members ?? []).isEmpty
            let arguments =
                takesNothing
                ? (call.directive["arguments"] == "empty" ? "" : "{}")
                : SchemaInstance.make(tool.schema, seed: seed &+ UInt64(index)).json
            return ToolCall(id: id, name: tool.name, arguments: arguments)
        }
    }

    /// The tools to call: the one that the request chose, or those that its last user message asks for: by the
    /// directive `tools=N`, by "use the tool" or "use the tools", or by the names of tools.
    private static func chosenTools(of call: ModelCall) -> [ModelTool] {
        guard let first = call.tools.first else { return [] }
        let text = call.lastUserText.lowercased()
        let named = call.tools.filter { text.contains($0.name.lowercased()) }
        switch call.toolChoice {
        case .none: return []
        case .named(let name): return call.tools.filter { $0.name == name }
        case .any, .auto:
            if call.endsWithToolResult, call.toolChoice == .auto { return [] }
            if let count = call.directive.number("tools", max: 128) {
                return (0..<count).map { call.tools[$0 % call.tools.count] }
            }
            if text.contains("use the tools") { return call.tools }
            if !named.isEmpty { return named }
            return text.contains("use the tool") || call.toolChoice == .any ? [first] : []
        }
    }

    /// Words up to exactly so many bytes.
    static func text(bytes count: Int, seed: UInt64) -> String {
        var numbers = SeededNumbers(seed: seed)
        var out: [UInt8] = []
        out.reserveCapacity(count)
        while out.count < count {
            let word = vocabulary[numbers.below(vocabulary.count)].utf8
            let space = out.isEmpty ? 0 : 1
            if out.count + space + word.count > count { break }
            if space == 1 { out.append(0x20) }
            out += word
        }
        out += repeatElement(0x2E, count: count - out.count)
        return String(decoding: out, as: UTF8.self)
    }

    /// The longest start of at most so many bytes that ends between two scalars.
    static func prefix(_ text: String, bytes count: Int) -> String {
        guard text.utf8.count > count else { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: count)
        while String.Index(end, within: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    /// The text in pieces of at least so many bytes, never within a scalar: the deltas of a stream.
    static func deltas(_ text: String, bytes size: Int) -> [String] {
        var pieces: [String] = []
        var piece = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            piece.append(scalar)
            count += UTF8.width(scalar)
            if count >= size {
                pieces.append(String(piece))
                piece = String.UnicodeScalarView()
                count = 0
            }
        }
        if count > 0 { pieces.append(String(piece)) }
        return pieces
    }
}
