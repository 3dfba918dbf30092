package import GatewayModel

/// What kind of call a model got, in OpenTelemetry's words.
package enum GenAIOperation: String, Sendable, CaseIterable {
    case chat
    case textCompletion = "text_completion"
    case embeddings
    /// Images, sound, and whatever else is passed through.
    case other = "_OTHER"
}

/// Why a model call failed: a closed set, so that it may be a label.
package enum ModelErrorType: String, Sendable, CaseIterable {
    case invalidRequest = "invalid_request"
    case contextTooLong = "context_too_long"
    case contentRefused = "content_refused"
    case tooLarge = "too_large"
    case unauthenticated
    case forbidden
    case notFound = "not_found"
    case rateLimited = "rate_limited"
    case quotaExhausted = "quota_exhausted"
    case budgetExceeded = "budget_exceeded"
    case overloaded
    case unavailable
    case timedOut = "timed_out"
    case connectionFailed = "connection_failed"
    case malformedReply = "malformed_reply"
    case serverError = "server_error"
    case clientClosed = "client_closed"
    case other = "_OTHER"
}

/// A settled model call: the input of metrics and spans. Never a prompt or an answer.
package struct ModelCallRecord: Sendable {
    package enum Cache: UInt8, Sendable {
        case none, hit, miss
    }

    /// From `MetricRegistry.modelSlot`; 0 for models that are none of the configuration's.
    package var slot = 0
    package var operation: GenAIOperation
    /// The vendor in OpenTelemetry's words, such as `openai` or `anthropic`.
    package var provider: String
    package var requestModel: String
    package var responseModel: String
    package var responseID: String
    package var finishReason: String
    package var isStream = false
    package var maxTokens: Int?
    /// Nil if nothing is known of it; then no usage is reported.
    package var usage: TokenUsage?
    /// The usage is the gateway's own estimate, since the provider told none.
    package var isUsageEstimated = false
    package var cost: Money?
    package var errorType: ModelErrorType?
    /// Calls of a provider, the first included.
    package var attempts = 1
    /// Another target than the first one chosen answered.
    package var isFallback = false
    package var cache = Cache.none
    /// What a translation could not carry, a line each: fields and reasons, never what stood in them.
    package var losses: [String] = []
    package static let lossesMax = 16

    // Nanoseconds; 0 is not known.
    package var durationNanoseconds: UInt64 = 0
    package var firstTokenNanoseconds: UInt64 = 0
    /// What the gateway itself took of the duration.
    package var overheadNanoseconds: UInt64 = 0

    package init(
        _ operation: GenAIOperation = .chat, provider: String = "", requestModel: String = "",
        responseModel: String = "", responseID: String = "", finishReason: String = ""
    ) {
        self.operation = operation
        self.provider = provider
        self.requestModel = requestModel
        self.responseModel = responseModel
        self.responseID = responseID
        self.finishReason = finishReason
    }

    /// Time between two tokens of a stream, after the first one.
    var perTokenNanoseconds: UInt64? {
        guard isStream, firstTokenNanoseconds > 0, durationNanoseconds > firstTokenNanoseconds,
            let tokens = usage?.outputTotal, tokens > 1
        else { return nil }
        return (durationNanoseconds - firstTokenNanoseconds) / UInt64(tokens - 1)
    }
}

/// A model call on the record of its request: a reference, so that records of other requests stay small.
package final class ModelCallNote: Sendable {
    package let call: ModelCallRecord
    package init(_ call: ModelCallRecord) { self.call = call }
}
