import GatewayModel

/// One event of a stream, with what had been said once it was sent.
struct ModelEvent: Sendable {
    var bytes: [UInt8]
    /// Tokens said up to here.
    var output = 0
    var reasoning = 0
    /// Up to here the client could read from the stream what it is billed.
    var tells = false
}

/// A call and what the model said, on the way to the bytes of a dialect.
struct ModelReply: Sendable {
    let call: ModelCall
    let output: ModelOutput
    /// Sixteen digits that no other reply of this server has.
    let token: String
    /// Seconds since 1970, by count and not by clock.
    let created: Int
    /// False: the fault `no-usage`.
    var tellsUsage = true

    /// The usage of the whole reply.
    var usage: TokenUsage { call.usage(output: output.visibleTokens, reasoning: output.reasoningTokens) }
    var deltaBytes: Int { max(1, call.directive.number("delta") ?? 4) }
    /// Usage so far stands in every event, as some vendors do.
    var tellsUsageEachTime: Bool { tellsUsage && call.directive["usage"] == "each" }
    /// What the fault `huge` and the word `pad` put into one event.
    var padding: JSONDocument? {
        let size = call.directive["fault"] == "huge" ? 300_000 : call.directive.number("pad", max: 64 << 20)
        return size.map { .string(String(repeating: "x", count: $0)) }
    }

    var document: JSONDocument {
        var document =
            switch call.operation {
            case .chat: chatDocument
            case .completion: completionDocument
            case .message: messageDocument
            case .response: responseDocument(status: nil)
            }
        if let padding { document.set("padding", padding) }
        return document
    }

    var events: [ModelEvent] {
        switch call.operation {
        case .chat: chatEvents
        case .completion: completionEvents
        case .message: messageEvents
        case .response: responseEvents
        }
    }

    /// What a failure in the middle of a stream looks like.
    var errorEvent: ModelEvent {
        switch call.operation {
        case .message:
            Self.event("error", ModelError(529, "Overloaded").anthropic(id: token))
        case .response:
            Self.event(
                "error",
                [
                    "type": "error", "sequence_number": 9_999, "code": "server_error",
                    "message": "The server had an error while processing your request", "param": nil,
                ])
        case .chat, .completion:
            Self.event(nil, ModelError(500, "The server had an error while processing your request").openai)
        }
    }

    static func event(_ name: String?, _ data: JSONDocument) -> ModelEvent {
        var bytes: [UInt8] = []
        if let name { bytes += "event: \(name)\n".utf8 }
        bytes += "data: ".utf8
        bytes += data.bytes
        bytes += "\n\n".utf8
        return ModelEvent(bytes: bytes)
    }
}

/// Counts what the events of a stream have said so far.
struct SaidTokens {
    private var textBytes = 0
    private var callTokens = 0
    private(set) var reasoning = 0

    var output: Int { (textBytes + 3) / 4 + callTokens }

    mutating func say(_ text: String) { textBytes += text.utf8.count }
    mutating func say(_ call: ModelOutput.ToolCall) { callTokens += call.tokens }
    /// A whole reasoning counts when it begins: how much of it was done cannot be seen.
    mutating func reason(_ tokens: Int) { reasoning += tokens }
}
