/// Which edition of OpenTelemetry's names for generative AI is emitted. They are still in development there: the set
/// that dashboards know, and the one that is about to replace it.
package enum GenAINames: String, Sendable, CaseIterable {
    /// Semantic conventions 1.41, the last core release that defines `gen_ai.*`.
    case current
    /// semantic-conventions-genai with pull request 374: token counters by direction instead of a token type, and
    /// `cache_write` for `cache_creation`.
    case pending

    /// From the words of `OTEL_SEMCONV_STABILITY_OPT_IN`, as OpenTelemetry asks for the newest edition there.
    package init(optIn: String) {
        let words = optIn.split(separator: ",").map { $0.filter { $0 != " " } }
        self = words.contains("gen_ai_latest_experimental") ? .pending : .current
    }
}

/// The names themselves, once: metrics and attributes for OTLP, and what Prometheus makes of them.
enum GenAI {
    static let operation = "gen_ai.operation.name"
    static let provider = "gen_ai.provider.name"
    static let requestModel = "gen_ai.request.model"
    static let requestStream = "gen_ai.request.stream"
    static let maxTokens = "gen_ai.request.max_tokens"
    static let responseModel = "gen_ai.response.model"
    static let responseID = "gen_ai.response.id"
    static let finishReasons = "gen_ai.response.finish_reasons"
    static let timeToFirstChunk = "gen_ai.response.time_to_first_chunk"
    static let inputTokens = "gen_ai.usage.input_tokens"
    static let outputTokens = "gen_ai.usage.output_tokens"
    static let cacheReadTokens = "gen_ai.usage.cache_read.input_tokens"
    static let reasoningTokens = "gen_ai.usage.reasoning.output_tokens"
    static let tokenType = "gen_ai.token.type"
    static let tokenModality = "gen_ai.token.modality"

    static func cacheWriteTokens(_ names: GenAINames) -> String {
        names == .current ? "gen_ai.usage.cache_creation.input_tokens" : "gen_ai.usage.cache_write.input_tokens"
    }

    private static let call = [operation, provider, requestModel]

    static let duration = metric(
        "gen_ai.client.operation.duration", "s", .histogram, "From admission of a model call to the end of its answer.")
    static let firstToken = metric(
        "gen_ai.server.time_to_first_token", "s", .histogram, "From admission to the first token of a stream.")
    static let perToken = metric(
        "gen_ai.server.time_per_output_token", "s", .histogram, "Time between tokens after the first, of a stream.")

    /// Of `current`.
    static let tokenUsage = metric(
        "gen_ai.client.token.usage", "{token}", .histogram, "Tokens of a model call.", [tokenType])

    // Of `pending`.
    static let operationInput = metric(
        "gen_ai.client.inference.operation.input_tokens", "{token}", .histogram, "Input tokens of a model call.")
    static let operationOutput = metric(
        "gen_ai.client.inference.operation.output_tokens", "{token}", .histogram, "Output tokens of a model call.")
    static let usageInput = usage("input_tokens", "Input tokens, those from and to caches included.")
    static let usageOutput = usage("output_tokens", "Output tokens, reasoning included.")
    static let usageCacheRead = usage("cache_read.input_tokens", "Input tokens read from a cache.")
    static let usageCacheWrite = usage("cache_write.input_tokens", "Input tokens written to a cache.")
    static let usageReasoning = usage("reasoning.output_tokens", "Output tokens spent on reasoning.")

    private static func usage(_ name: String, _ help: String) -> MetricDescription {
        metric("gen_ai.client.inference.usage.\(name)", "{token}", .counter, help, [tokenModality])
    }

    private static func metric(
        _ name: String, _ unit: String, _ kind: MetricKind, _ help: String, _ more: [String] = []
    ) -> MetricDescription {
        let suffix = (unit == "s" ? "_seconds" : "") + (kind == .counter ? "_total" : "")
        let attributes = call + more
        return MetricDescription(
            prometheus(name) + suffix, kind, help, labels: attributes.map(prometheus),
            telemetry: TelemetryName(name: name, unit: unit, attributes: attributes))
    }

    private static func prometheus(_ name: String) -> String { String(name.map { $0 == "." ? "_" : $0 }) }
}
