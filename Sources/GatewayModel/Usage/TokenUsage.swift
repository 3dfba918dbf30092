/// What a model call used, in one convention for every provider: the counts do not overlap, so that each is priced
/// once. OpenAI counts cached and audio tokens within its input and reasoning within its output, Anthropic counts
/// cached tokens beside its input; both are taken apart into these when a reply is read.
package struct TokenUsage: Sendable, Hashable {
    /// Input that was neither read from a cache, nor written to one, nor audio.
    package var input: Int = 0
    package var cacheRead: Int = 0
    /// Written to a cache that lives five minutes (Anthropic's default).
    package var cacheWrite5m: Int = 0
    package var cacheWrite1h: Int = 0
    package var audioInput: Int = 0
    /// Output that is neither reasoning nor audio.
    package var output: Int = 0
    package var reasoning: Int = 0
    package var audioOutput: Int = 0

    package init() {}

    package static let zero = TokenUsage()

    /// Every count at most what any call could use: beyond, sums could overflow.
    package var bounded: TokenUsage {
        func bound(_ count: Int) -> Int { min(max(0, count), 1 << 40) }
        var usage = TokenUsage()
        usage.input = bound(input)
        usage.cacheRead = bound(cacheRead)
        usage.cacheWrite5m = bound(cacheWrite5m)
        usage.cacheWrite1h = bound(cacheWrite1h)
        usage.audioInput = bound(audioInput)
        usage.output = bound(output)
        usage.reasoning = bound(reasoning)
        usage.audioOutput = bound(audioOutput)
        return usage
    }

    /// All tokens that went in, as budgets and context limits count them.
    package var inputTotal: Int { input + cacheRead + cacheWrite5m + cacheWrite1h + audioInput }
    /// All tokens that came out.
    package var outputTotal: Int { output + reasoning + audioOutput }
    package var total: Int { inputTotal + outputTotal }
}
