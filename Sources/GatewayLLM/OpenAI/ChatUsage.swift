import GatewayModel
import GatewayWire

/// OpenAI's `usage`: cached, written and audio tokens are part of `prompt_tokens`, reasoning part of
/// `completion_tokens`.
enum ChatUsage {
    static func read(_ tree: JSONTree) -> TokenUsage? {
        guard let prompt = tree["prompt_tokens"]?.tokenCount else { return nil }
        let input = tree["prompt_tokens_details"] ?? [:]
        let output = tree["completion_tokens_details"] ?? [:]
        var usage = TokenUsage()
        usage.cacheRead = input["cached_tokens"]?.tokenCount ?? 0
        usage.cacheWrite5m = input["cache_write_tokens"]?.tokenCount ?? 0
        usage.audioInput = input["audio_tokens"]?.tokenCount ?? 0
        usage.input = max(0, prompt - usage.cacheRead - usage.cacheWrite5m - usage.audioInput)
        usage.reasoning = output["reasoning_tokens"]?.tokenCount ?? 0
        usage.audioOutput = output["audio_tokens"]?.tokenCount ?? 0
        let completion = tree["completion_tokens"]?.tokenCount ?? 0
        usage.output = max(0, completion - usage.reasoning - usage.audioOutput)
        return usage
    }

    static func tree(_ usage: TokenUsage) -> JSONTree {
        var input: JSONObject = ["cached_tokens": .integer(usage.cacheRead)]
        let written = usage.cacheWrite5m + usage.cacheWrite1h
        if written > 0 { input["cache_write_tokens"] = .integer(written) }
        if usage.audioInput > 0 { input["audio_tokens"] = .integer(usage.audioInput) }
        var output: JSONObject = ["reasoning_tokens": .integer(usage.reasoning)]
        if usage.audioOutput > 0 { output["audio_tokens"] = .integer(usage.audioOutput) }
        return [
            "prompt_tokens": .integer(usage.inputTotal), "completion_tokens": .integer(usage.outputTotal),
            "total_tokens": .integer(usage.total), "prompt_tokens_details": .object(input),
            "completion_tokens_details": .object(output),
        ]
    }
}

extension JSONTree {
    /// A count of tokens; nil for what cannot be one, so that no sum overflows.
    var tokenCount: Int? { int.flatMap { (0...1 << 40).contains($0) ? $0 : nil } }
}
