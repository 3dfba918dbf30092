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

    /// No count of a call, or of a batch together, is larger: what is told beyond is no count, and sums of them do not
    /// overflow.
    package static let countMax = 1 << 40

    /// Whether every count is one that can be: 0 to `most`.
    package func isWithin(_ most: Int) -> Bool {
        // As a bit pattern a negative one is larger than all.
        func fits(_ count: Int) -> Bool { UInt(bitPattern: count) <= UInt(bitPattern: most) }
        return fits(input) && fits(cacheRead) && fits(cacheWrite5m) && fits(cacheWrite1h) && fits(audioInput)
            && fits(output) && fits(reasoning) && fits(audioOutput)
    }

    /// All tokens that went in, as budgets and context limits count them.
    package var inputTotal: Int { input + cacheRead + cacheWrite5m + cacheWrite1h + audioInput }
    /// All tokens that came out.
    package var outputTotal: Int { output + reasoning + audioOutput }
    package var total: Int { inputTotal + outputTotal }
}
