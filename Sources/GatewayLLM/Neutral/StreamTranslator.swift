package import GatewayModel
package import GatewayWire

/// Translates one streamed reply. It is fed the provider's parsed server-sent events one at a time and appends the
/// client's bytes. Before the first content nothing is appended, so that another provider can still be asked.
package struct StreamTranslator: Sendable {
    package enum Outcome: Sendable, Equatable {
        case goesOn
        /// The stream is whole; the client's end was appended and nothing more will be.
        case complete
        /// The provider reported an error; nothing was appended for it. Ask another provider if `hasContent` is false,
        /// otherwise tell the client (`ErrorRendering.event`).
        case fault(ProviderError)
    }

    private enum State { case running, complete }

    // One reader and one writer; optionals rather than an enum, so that they change in place.
    private var chatDecoder: ChatStreamDecoder?
    private var messagesDecoder: MessagesStreamDecoder?
    private var chatEncoder: ChatStreamEncoder?
    private var messagesEncoder: MessagesStreamEncoder?
    private var responsesEncoder: ResponsesStreamEncoder?
    private var state = State.running
    private var events: [NeutralEvent] = []
    private let inputTokensEstimate: Int
    /// Of text, thinking and arguments.
    private var outputBytes = 0

    /// What the provider counted, as far as it has come.
    package private(set) var usage: TokenUsage?
    package private(set) var finish: FinishReason?
    /// The provider's own id of the reply.
    package private(set) var id: JSONText?
    /// Whether the client has been given something it can see.
    package private(set) var hasContent = false
    package var isComplete: Bool { state == .complete }

    static let holdsTooMuch = GatewayError(
        .upstreamProtocolError, "the provider's stream interleaves more than can be held back for the client's API",
        hint: "ask without parallel tool calls, or use a model whose provider speaks your API")

    init(
        _ client: ConversationAPI, _ provider: ConversationAPI, _ request: TranslatedRequest,
        _ options: TranslationOptions
    ) {
        inputTokensEstimate = options.inputTokensEstimate
        switch provider {
        case .chatCompletions: chatDecoder = ChatStreamDecoder()
        case .messages: messagesDecoder = MessagesStreamDecoder()
        case .responses: break
        }
        switch client {
        case .chatCompletions:
            chatEncoder = ChatStreamEncoder(options, request.toolNames, includesUsage: request.includesUsage)
        case .messages: messagesEncoder = MessagesStreamEncoder(options, request.toolNames)
        case .responses: responsesEncoder = ResponsesStreamEncoder(options, request.toolNames)
        }
    }

    /// One event: its name (empty if it has none) and its data. Nothing follows an error.
    package mutating func receive(
        event: Span<UInt8>, data: Span<UInt8>, into out: inout [UInt8]
    ) throws(GatewayError) -> Outcome {
        guard state == .running else { return .complete }
        events.removeAll(keepingCapacity: true)
        try chatDecoder?.receive(data, into: &events)
        try messagesDecoder?.receive(event: event, data, into: &events)
        for event in events {
            if case .fault(let fault) = event { return .fault(fault) }
            try pass(event, into: &out)
            if state == .complete { return .complete }
        }
        return .goesOn
    }

    /// The provider's stream has ended. Without a reason why the model stopped it was cut off, which is an error:
    /// nothing was appended for it.
    package mutating func end(into out: inout [UInt8]) throws(GatewayError) {
        guard state == .running else { return }
        guard finish != nil else {
            throw GatewayError(.upstreamReset, "the provider's stream ended before the answer was whole")
        }
        try pass(.end, into: &out)
    }

    /// What of the reply could not be carried, so far.
    package var losses: TranslationLosses {
        if let losses = messagesDecoder?.losses, !losses.isEmpty { return losses }
        return messagesEncoder?.losses ?? TranslationLosses()
    }

    private mutating func pass(_ event: NeutralEvent, into out: inout [UInt8]) throws(GatewayError) {
        switch event {
        case .start(let id): self.id = id
        case .usage(let usage): self.usage = usage
        case .finish(let reason, _): finish = reason
        case .text(_, let text), .reasoning(_, let text), .refusal(_, let text), .arguments(_, let text):
            outputBytes += text.byteCount
        case .end:
            state = .complete
            if usage == nil {
                let estimate = Estimate.usage(inputTokens: inputTokensEstimate, outputBytes: outputBytes)
                try write(.usage(estimate), into: &out)
            }
        default: break
        }
        let count = out.count
        try write(event, into: &out)
        if out.count > count { hasContent = true }
    }

    private mutating func write(_ event: NeutralEvent, into out: inout [UInt8]) throws(GatewayError) {
        try chatEncoder?.receive(event, into: &out)
        try messagesEncoder?.receive(event, into: &out)
        try responsesEncoder?.receive(event, into: &out)
    }
}
