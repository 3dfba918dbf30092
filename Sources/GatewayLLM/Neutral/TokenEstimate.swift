import GatewayWire

/// How many tokens a request puts in, told without a tokenizer: good to about a fifth for prose and code, no more than
/// that. Whoever shows it says that it is an estimate.
enum TokenEstimate {
    /// About what every vendor takes for an image of usual size.
    static let image = 1600
    /// A page of a PDF, which is about forty thousand characters of base64.
    static let page = 2000
    static let pageBytes = 40_000
    static let turn = 4

    static func input(_ request: NeutralRequest) -> Int {
        var tokens = 3
        for turn in request.turns {
            tokens += TokenEstimate.turn
            for part in turn.parts { tokens += self.part(part) }
        }
        for tool in request.tools {
            tokens += 8 + text(tool.name) + (tool.description.map(text) ?? 0)
            if let schema = tool.schema { tokens += text(JSONText(JSONTree.object(schema).compactText)) }
        }
        if case .schema(let schema, _, _, _) = request.outputFormat { tokens += text(JSONText(schema.compactText)) }
        return tokens
    }

    private static func part(_ part: NeutralRequest.Part) -> Int {
        switch part.content {
        case .text(let text), .refusal(let text), .reasoning(let text, _): self.text(text)
        case .redactedReasoning(let data): data.byteCount / 6
        case .image: image
        case .document(.plainText(let text), _): self.text(text)
        case .document(.base64(_, let data), _): page * (1 + data.byteCount / pageBytes)
        case .document(.url, _): page
        case .toolCall(_, let name, let arguments):
            8 + text(name) + text(JSONText(JSONTree.object(arguments).compactText))
        case .toolResult(_, let parts, _): parts.reduce(8) { $0 + self.part($1) }
        }
    }

    /// Four characters of ASCII make a token; other scripts make one of fewer bytes.
    private static func text(_ text: JSONText) -> Int {
        var ascii = 0
        var others = 0
        for byte in text.escaped.utf8 {
            if byte < 0x80 { ascii += 1 } else { others += 1 }
        }
        return (ascii * 5 + others * 8 + 19) / 20
    }
}
