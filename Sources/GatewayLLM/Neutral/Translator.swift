package import GatewayModel
package import GatewayWire

/// A request in the provider's API, and what its reply needs to be read back.
package struct TranslatedRequest: Sendable {
    package var body: [UInt8]
    package var losses: TranslationLosses
    package var isStream: Bool
    /// Whether a client of Chat Completions asked for the usage of its stream.
    package var includesUsage: Bool
    package var toolNames: ToolNameMap
    /// The limit on output that was sent, for reservations.
    package var outputTokensMax: Int?
}

/// A reply in the client's API.
package struct TranslatedReply: Sendable {
    package var body: [UInt8]
    package var losses: TranslationLosses
    /// Nil if the provider did not say.
    package var usage: TokenUsage?
    package var finish: FinishReason
    /// The provider's own id of the reply.
    package var id: JSONText?
}

/// Translates between a client's API and a provider's, through the neutral model: one reader and one writer for each
/// API and direction, so that an API more is files more and no pairs.
package struct Translator: Sendable {
    package let client: ConversationAPI
    package let provider: ConversationAPI
    package var options: TranslationOptions

    package init(client: ConversationAPI, provider: ConversationAPI, options: TranslationOptions) {
        self.client = client
        self.provider = provider
        self.options = options
    }

    // MARK: Requests

    package func request(_ body: Span<UInt8>) throws(GatewayError) -> TranslatedRequest {
        let tree: JSONTree
        do { tree = try JSONTree.parse(body) } catch { throw Translator.unreadable(error) }
        return try request(tree)
    }

    package func request(_ tree: JSONTree) throws(GatewayError) -> TranslatedRequest {
        var losses = TranslationLosses()
        let neutral =
            switch client {
            case .chatCompletions: try ChatRequestDecoder.decode(tree, &losses)
            case .messages: try MessagesRequestDecoder.decode(tree, &losses)
            case .responses: try ResponsesRequestDecoder.decode(tree, &losses)
            }
        let (object, names) =
            switch provider {
            case .chatCompletions: try ChatRequestEncoder.encode(neutral, options, &losses)
            case .messages: try MessagesRequestEncoder.encode(neutral, options, &losses)
            case .responses: throw Translator.noProvider
            }
        if options.isStrict { try losses.refuseMeaning() }
        var bytes: [UInt8] = []
        object.write(to: &bytes)
        return TranslatedRequest(
            body: bytes, losses: losses, isStream: neutral.isStream, includesUsage: neutral.includesUsage,
            toolNames: names, outputTokensMax: object["max_tokens"]?.int ?? object["max_completion_tokens"]?.int)
    }

    private static func unreadable(_ error: JSONTreeError) -> GatewayError {
        let reason =
            switch error.reason {
            case .duplicateName(let name): "a name occurs twice: \(TranslationLosses.printable(name))"
            case .tooDeep: "it is nested deeper than \(JSONTree.depthMax) levels"
            case .tooManyValues: "it has more than \(JSONTree.valuesMax) values"
            case .badUTF8: "it is not UTF-8"
            case .unexpectedEnd: "it ends early"
            case .trailingBytes: "something follows it"
            default: "a mistake in its syntax"
            }
        return GatewayError(
            .malformedRequest, "the body is not the JSON of a request, at byte \(error.offset): \(reason)",
            hint: "send one JSON object in UTF-8")
    }

    private static let noProvider = GatewayError(
        .untranslatable, "requests of other APIs cannot be carried to a provider's Responses API",
        hint: "use the provider's Chat Completions API")

    // MARK: Replies

    /// A reply of status 200 that is no stream.
    package func reply(
        _ body: Span<UInt8>, to request: TranslatedRequest
    ) throws(GatewayError) -> TranslatedReply {
        let tree: JSONTree
        do { tree = try JSONTree.parse(body) } catch {
            throw GatewayError(.upstreamProtocolError, "the provider's answer is not JSON")
        }
        var losses = TranslationLosses()
        var neutral =
            switch provider {
            case .chatCompletions: try ChatReplyDecoder.decode(tree, &losses)
            case .messages: try MessagesReplyDecoder.decode(tree, &losses)
            case .responses: throw Translator.noProvider
            }
        let counted = neutral.usage
        neutral.usage =
            counted
            ?? Estimate.usage(
                inputTokens: options.inputTokensEstimate, outputBytes: neutral.parts.reduce(0) { $0 + $1.byteCount })
        let written =
            switch client {
            case .chatCompletions: ChatReplyEncoder.encode(neutral, options, request.toolNames)
            case .messages: MessagesReplyEncoder.encode(neutral, options, request.toolNames, &losses)
            case .responses: ResponsesReplyEncoder.encode(neutral, options, request.toolNames)
            }
        return TranslatedReply(
            body: written.bytes, losses: losses, usage: counted, finish: neutral.finish ?? .end, id: neutral.id)
    }

    package func makeStream(for request: TranslatedRequest) -> StreamTranslator {
        StreamTranslator(client, provider, request, options)
    }
}
