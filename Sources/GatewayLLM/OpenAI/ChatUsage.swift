import GatewayModel
import GatewayWire

/// OpenAI's `usage`: cached, written and audio tokens are part of `prompt_tokens`, reasoning part of
/// `completion_tokens`.
enum ChatUsage {
    /// As what is passed on is read: what a call costs does not depend on the API it came by.
    static func read(_ tree: JSONTree) -> TokenUsage? {
        var bytes: [UInt8] = []
        tree.write(to: &bytes)
        return UsageReader.readOpenAI(bytes.span).usage
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
    var tokenCount: Int? { int.flatMap { (0...TokenUsage.countMax).contains($0) ? $0 : nil } }
}
