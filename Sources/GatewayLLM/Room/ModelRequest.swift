import GatewayModel
import GatewayWire

/// What the gateway must know of a request's body, read by one pass; the bytes stay as they are.
struct ModelRequest {
    /// As the client wrote it; empty where the endpoint needs none.
    var name: [UInt8] = []
    /// Where the name's value lies in the body, quotes included.
    var nameRange: Range<Int>?
    /// The name stands in a form, without quotes.
    var isForm = false
    var streams = false
    /// The stream's usage was asked for.
    var asksForUsage = false
    /// The bound the client sets on the output of one choice.
    var outputTokensMax: Int?
    var choices = 1
    /// Bytes of text that count as input, and pieces of media beside them.
    var measure = JSONMeasure()
    /// It builds upon what its provider keeps.
    var hasHistory = false
    /// The tokens of that, if they are remembered.
    var historyTokens: Int?
    /// Items and sounds of earlier answers, and a stored prompt, that are looked up.
    var namedItems = 0

    /// Reads `outline` of `body`. Throws what the client is told: what is wrong, where, and what to write instead.
    init(_ outline: JSONOutline, of body: Span<UInt8>, _ endpoint: ModelEndpoint) throws(GatewayError) {
        measure = outline.measure
        if let name = outline.miswritten(ModelRequest.decisive, in: body) {
            throw GatewayError(
                .malformedRequest, "the request has a field that could be taken for \(name)",
                hint: "write it in small letters")
        }
        try readModel(outline, body, isRequired: endpoint.hasModelBody)
        streams = try ModelRequest.flag("stream", outline, body) ?? false
        switch endpoint {
        case .chatCompletions:
            try ModelRequest.checkMessages(outline, body)
            // Some servers know only one of them: what an answer may come to is the larger.
            outputTokensMax = try ModelRequest.count("max_tokens", outline, body)
            if let count = try ModelRequest.count("max_completion_tokens", outline, body) {
                outputTokensMax = max(count, outputTokensMax ?? 0)
            }
            choices = try ModelRequest.count("n", outline, body) ?? 1
            try readStreamOptions(outline, body)
        case .completions:
            // What the API does when nothing is said.
            outputTokensMax = try ModelRequest.count("max_tokens", outline, body) ?? 16
            choices = max(
                try ModelRequest.count("n", outline, body) ?? 1, try ModelRequest.count("best_of", outline, body) ?? 1)
            try readStreamOptions(outline, body)
        case .responses:
            // What is judged by whose it is must stand where it is looked for.
            for (name, kinds, wanted) in ModelRequest.shapes {
                guard let member = outline.member(name, in: body), !kinds.contains(member.kind) else { continue }
                throw ModelRequest.wrong("\(name)", wanted, member, body)
            }
            outputTokensMax = try ModelRequest.count("max_output_tokens", outline, body)
            for name in ["previous_response_id", "conversation", "prompt"] as [StaticString] {
                if let member = outline.member(name, in: body), member.kind != .null { hasHistory = true }
            }
        case .messages:
            try ModelRequest.checkMessages(outline, body)
            outputTokensMax = try ModelRequest.count("max_tokens", outline, body)
        default: break
        }
    }

    /// What policies and budgets go by: a provider that does not mind their case must not find others.
    private static let decisive: [StaticString] = [
        "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of",
        "store",
    ]

    private static let shapes: [(name: StaticString, kinds: [JSONKind], wanted: String)] = [
        ("input", [.string, .escapedString, .array, .null], "a text or a list"),
        ("prompt", [.object, .null], "an object"),
    ]

    init() {}

    /// A form, and its field `model` if it has one.
    init(form model: (name: [UInt8], range: Range<Int>)?) throws(GatewayError) {
        isForm = true
        guard let model else { return }
        try ModelRequest.check(name: model.name)
        (name, nameRange) = (model.name, model.range)
    }

    private mutating func readModel(
        _ outline: JSONOutline, _ body: Span<UInt8>, isRequired: Bool
    ) throws(GatewayError) {
        guard let member = outline.member("model", in: body) else {
            guard isRequired else { return }
            throw GatewayError(
                .malformedRequest, "the request names no model: missing field \"model\"",
                hint: "GET /v1/models lists those you may use")
        }
        guard member.kind.isString else {
            throw ModelRequest.wrong("model", "a string", member, body, hint: "such as \"gpt-5\"")
        }
        guard member.text.count <= ModelTable.nameBytesMax else {
            throw GatewayError(
                .malformedRequest, "the name of the model is longer than \(ModelTable.nameBytesMax) bytes")
        }
        name = JSONString.decoded(body, member.text)
        nameRange = member.value
        try ModelRequest.check(name: name)
    }

    /// Names are told in heads, logs and to policies.
    private static func check(name: [UInt8]) throws(GatewayError) {
        guard name.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return }
        throw GatewayError(
            .malformedRequest, "the name of the model has a control character",
            hint: "GET /v1/models lists those you may use")
    }

    private mutating func readStreamOptions(_ outline: JSONOutline, _ body: Span<UInt8>) throws(GatewayError) {
        guard let member = outline.member("stream_options", in: body), member.kind != .null else { return }
        guard member.kind == .object else {
            throw ModelRequest.wrong("stream_options", "an object", member, body)
        }
        var options = JSONOutline()
        do { try options.read(body, range: member.value) } catch {
            throw GatewayError(.malformedRequest, "the field stream_options is not valid: \(error)")
        }
        asksForUsage = try ModelRequest.flag("include_usage", options, body) ?? false
    }

    /// What is no conversation is told so here, and not by what it would cost.
    private static func checkMessages(_ outline: JSONOutline, _ body: Span<UInt8>) throws(GatewayError) {
        guard let member = outline.member("messages", in: body), member.kind != .array else { return }
        throw wrong("messages", "a list", member, body, hint: #"such as [{"role": "user", "content": "hello"}]"#)
    }

    @inline(__always)
    private static func flag(
        _ name: StaticString, _ outline: JSONOutline, _ body: Span<UInt8>
    ) throws(GatewayError) -> Bool? {
        guard let member = outline.member(name, in: body), member.kind != .null else { return nil }
        guard member.kind == .true || member.kind == .false else {
            throw wrong("\(name)", "true or false", member, body)
        }
        return member.kind == .true
    }

    @inline(__always)
    private static func count(
        _ name: StaticString, _ outline: JSONOutline, _ body: Span<UInt8>
    ) throws(GatewayError) -> Int? {
        guard let member = outline.member(name, in: body), member.kind != .null else { return nil }
        guard member.kind == .number, let value = JSONOutline.integer(body, member.value), value > 0 else {
            throw wrong("\(name)", "a whole number above 0", member, body)
        }
        return value
    }

    /// Names the value as it was written; of what is long its beginning.
    private static func wrong(
        _ name: String, _ wanted: String, _ member: JSONOutline.Member, _ body: Span<UInt8>, hint: String? = nil
    ) -> GatewayError {
        let shownMax = 40
        let range = member.value
        let shown = range.prefix(shownMax).map { body[$0] >= 0x20 ? body[$0] : 0x20 }
        let text = String(decoding: shown, as: UTF8.self) + (range.count > shownMax ? "…" : "")
        return GatewayError(.malformedRequest, "the field \(name) must be \(wanted), not \(text)", hint: hint)
    }

    /// The most input tokens the body can come to: a byte is at most so many tokens, and a picture, a sound or a
    /// document counts as a whole, since its tokens have nothing to do with its bytes.
    func inputTokensMax(bytesPerToken: Int, context: ModelContext) -> Int {
        let text = max(0, measure.stringBytes - measure.blobBytes)
        // A prompt may be given as tokens: each number of a list is one.
        let guess =
            (text + bytesPerToken - 1) / bytesPerToken + measure.arrayNumbers + ModelRequest.tokensOfMessage
            + (measure.blobs + namedItems) * ModelRequest.tokensOfMedia
        guard hasHistory else { return min(guess, context.inputTokensMax ?? .max) }
        // What a response builds upon is read again, all of it.
        guard let historyTokens else { return context.inputTokensMax ?? guess + ModelRequest.tokensOfHistory }
        return min(guess + historyTokens, context.inputTokensMax ?? .max)
    }

    /// What the body comes to where a provider did not say.
    var inputTokensGuess: Int {
        Estimate.tokens(measure.stringBytes - measure.blobBytes) + measure.arrayNumbers + (historyTokens ?? 0)
    }

    /// A stored conversation of a length that nobody remembers, of a model whose context has no bound.
    private static let tokensOfHistory = 32_768

    /// What a conversation's own marks come to.
    private static let tokensOfMessage = 16
    /// A large picture, an item of an answer; a long document may be more, which is then a debt.
    private static let tokensOfMedia = 4_096
}
