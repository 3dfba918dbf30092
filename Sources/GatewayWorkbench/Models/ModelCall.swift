import GatewayModel

/// Whose API a call speaks.
package enum MockDialect: String, Sendable, Hashable, CaseIterable {
    case openai, anthropic
}

/// One tool of a request.
struct ModelTool: Sendable, Hashable {
    var name: String
    var schema: JSONDocument
}

/// What a generating request asks for, whatever its dialect.
struct ModelCall: Sendable {
    enum Operation: String, Sendable { case chat, completion, response, message }
    enum ToolChoice: Sendable, Hashable { case auto, none, any, named(String) }

    var operation: Operation
    var body: JSONDocument
    /// As asked for, with what follows a semicolon.
    var askedModel: String
    var stream = false
    /// A stream ends with its usage: always for Anthropic and for Responses.
    var includesUsage = true
    var choices = 1
    /// Bytes of every text that goes in.
    var inputBytes = 0
    var images = 0
    var lastUserText = ""
    /// The tools have answered: what follows is text.
    var endsWithToolResult = false
    var tools: [ModelTool] = []
    var toolChoice = ToolChoice.auto
    var parallelTools = true
    /// What the answer has to fit; `{}` where only some JSON is asked for.
    var schema: JSONDocument?
    var thinks = false
    var outputTokensMax: Int?
    var directive = MockModelDirective()

    init(_ operation: Operation, body: JSONDocument, model: String) {
        self.operation = operation
        self.body = body
        askedModel = model
    }

    var dialect: MockDialect { operation == .message ? .anthropic : .openai }
    var model: String { String(askedModel.prefix { $0 != ";" }) }

    /// Four bytes are a token, an image is 85 of them; no request is free.
    var inputTokens: Int { max(1, (inputBytes + 3) / 4 + images * ModelCall.tokensPerImage) }
    static let tokensPerImage = 85

    mutating func count(_ text: String?) { inputBytes += text?.utf8.count ?? 0 }

    /// A name of which one call is refused with 400.
    struct Rejection: Error {
        var message: String
        var parameter: String?
        var code: String?

        init(_ message: String, parameter: String? = nil, code: String? = nil) {
            self.message = message
            self.parameter = parameter
            self.code = code
        }
    }
}

/// What the model says.
struct ModelOutput: Sendable {
    enum Finish: Sendable { case stop, length, toolCalls, refusal }
    struct ToolCall: Sendable {
        var id: String
        var name: String
        /// JSON; empty where the tool takes none and the directive says so.
        var arguments: String

        var tokens: Int { (name.utf8.count + arguments.utf8.count + 3) / 4 }
    }

    var thinking = ""
    /// Billed as reasoning beside the text; at least the thinking that is shown.
    var reasoningTokens = 0
    var text = ""
    var toolCalls: [ToolCall] = []
    var finish = Finish.stop

    static func tokens(_ text: String) -> Int { (text.utf8.count + 3) / 4 }
    var visibleTokens: Int { Self.tokens(text) + toolCalls.reduce(0) { $0 + $1.tokens } }
}

extension ModelCall {
    /// The usage of this call with so much of the output said.
    func usage(output: Int, reasoning: Int) -> TokenUsage {
        var usage = TokenUsage()
        let total = inputTokens
        usage.cacheRead = min(total, directive.number("cached") ?? 0)
        usage.cacheWrite5m = min(total - usage.cacheRead, directive.number("cache-write") ?? 0)
        usage.cacheWrite1h = min(
            total - usage.cacheRead - usage.cacheWrite5m, directive.number("cache-write-1h") ?? 0)
        usage.input = total - usage.cacheRead - usage.cacheWrite5m - usage.cacheWrite1h
        usage.output = output * choices
        usage.reasoning = reasoning
        return usage
    }
}
