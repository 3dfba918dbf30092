import GatewayModel
import GatewayWire

/// Anthropic's `usage`: cached and written tokens stand beside `input_tokens`, thinking is part of `output_tokens`.
/// In a stream the first event has the input and the later ones cumulative counts, so each is read over the one
/// before.
enum MessagesUsage {
    static func read(_ tree: JSONTree, over earlier: TokenUsage? = nil) -> TokenUsage? {
        guard tree["input_tokens"]?.tokenCount != nil || tree["output_tokens"]?.tokenCount != nil else {
            return earlier
        }
        var usage = earlier ?? .zero
        if let input = tree["input_tokens"]?.tokenCount { usage.input = input }
        if let read = tree["cache_read_input_tokens"]?.tokenCount { usage.cacheRead = read }
        if let written = tree["cache_creation_input_tokens"]?.tokenCount,
            written != usage.cacheWrite5m + usage.cacheWrite1h
        {
            usage.cacheWrite5m = written
            usage.cacheWrite1h = 0
        }
        if let parts = tree["cache_creation"], let hour = parts["ephemeral_1h_input_tokens"]?.tokenCount {
            usage.cacheWrite5m = parts["ephemeral_5m_input_tokens"]?.tokenCount ?? 0
            usage.cacheWrite1h = hour
        }
        if let output = tree["output_tokens"]?.tokenCount {
            let thinking = tree["output_tokens_details"]?["thinking_tokens"]?.tokenCount ?? 0
            usage.reasoning = min(thinking, output)
            usage.output = output - usage.reasoning
        }
        return usage
    }

    static func tree(_ usage: TokenUsage) -> JSONTree {
        var object: JSONObject = [
            "input_tokens": .integer(usage.input + usage.audioInput),
            "cache_creation_input_tokens": .integer(usage.cacheWrite5m + usage.cacheWrite1h),
            "cache_read_input_tokens": .integer(usage.cacheRead),
            "output_tokens": .integer(usage.outputTotal),
        ]
        if usage.cacheWrite1h > 0 {
            object["cache_creation"] = [
                "ephemeral_5m_input_tokens": .integer(usage.cacheWrite5m),
                "ephemeral_1h_input_tokens": .integer(usage.cacheWrite1h),
            ]
        }
        if usage.reasoning > 0 { object["output_tokens_details"] = ["thinking_tokens": .integer(usage.reasoning)] }
        return .object(object)
    }
}
