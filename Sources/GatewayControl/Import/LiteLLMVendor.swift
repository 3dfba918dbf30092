/// A vendor as LiteLLM's model names write it (`groq/llama-3`), in our words.
struct LiteLLMVendor: Sendable {
    var prefix: String
    var dialect: String
    /// Nil where every installation has its own.
    var baseURL: String?
    /// Where LiteLLM looks for the key when a model names none; nil where none is needed.
    var keyVariable: String?

    static let all: [LiteLLMVendor] = [
        openAI("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        openAI("text-completion-openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        LiteLLMVendor(
            prefix: "anthropic", dialect: "anthropic", baseURL: "https://api.anthropic.com",
            keyVariable: "ANTHROPIC_API_KEY"),
        openAI("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        openAI("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        openAI("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        openAI("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
        openAI("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        openAI("together_ai", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
        openAI("fireworks_ai", "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
        openAI("perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
        openAI("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
        openAI("nvidia_nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
        openAI("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
        openAI("ollama", "http://localhost:11434/v1", nil), openAI("ollama_chat", "http://localhost:11434/v1", nil),
        openAI("hosted_vllm", nil, nil), openAI("vllm", nil, nil), openAI("lm_studio", nil, nil),
        openAI("openai_like", nil, nil), openAI("custom_openai", nil, nil), openAI("litellm_proxy", nil, nil),
    ]

    private static func openAI(_ prefix: String, _ baseURL: String?, _ keyVariable: String?) -> LiteLLMVendor {
        LiteLLMVendor(prefix: prefix, dialect: "openai", baseURL: baseURL, keyVariable: keyVariable)
    }

    static func named(_ prefix: String) -> LiteLLMVendor? { all.first { $0.prefix == prefix } }

    /// The vendor of `vendor/model`, and of the names LiteLLM knows without one; nil for all others.
    static func split(_ model: String) -> (vendor: LiteLLMVendor, model: String)? {
        if let slash = model.firstIndex(of: "/") {
            guard let vendor = named(String(model[..<slash])) else { return nil }
            return (vendor, String(model[model.index(after: slash)...]))
        }
        let starts = [("claude", "anthropic"), ("gpt-", "openai"), ("chatgpt", "openai"), ("text-embedding", "openai")]
        let isReasoning = model.hasPrefix("o") && model.dropFirst().first.map { "134".contains($0) } == true
        let prefix = starts.first { model.hasPrefix($0.0) }?.1 ?? (isReasoning ? "openai" : nil)
        guard let prefix, let vendor = named(prefix) else { return nil }
        return (vendor, model)
    }
}
