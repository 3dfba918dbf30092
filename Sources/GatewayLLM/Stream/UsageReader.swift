import GatewayModel
import GatewayWire

/// Usage in the providers' own words, cumulative as Anthropic's streams tell it: each count is the largest told.
struct UsageReader: Sendable, Equatable {
    private var inputTokens = 0
    private var cacheRead = 0
    private var cacheWrite = 0
    private var cacheWrite1h = 0
    private var outputTokens = 0
    private var thinking = 0

    /// What a `usage` comes to.
    enum Reading: Equatable {
        /// It has no count.
        case none
        /// It has one that no call can have: it is believed in nothing.
        case absurd
        case counts(TokenUsage)

        var usage: TokenUsage? { if case .counts(let usage) = self { usage } else { nil } }
    }

    /// More tokens than a call can have: no model reads or writes a tenth of them.
    static let countMax = 1 << 27

    /// Anthropic's `usage`.
    mutating func readAnthropic(_ json: Span<UInt8>) -> Reading {
        guard let outline = try? JSONOutline(json) else { return .none }
        var isTold = false
        var isAbsurd = false
        func count(_ name: StaticString, _ known: Int) -> Int {
            guard let value = UsageReader.count(name, outline, json) else { return known }
            isTold = true
            guard (0...UsageReader.countMax).contains(value) else {
                isAbsurd = true
                return known
            }
            return max(known, value)
        }
        inputTokens = count("input_tokens", inputTokens)
        cacheRead = count("cache_read_input_tokens", cacheRead)
        cacheWrite = count("cache_creation_input_tokens", cacheWrite)
        outputTokens = count("output_tokens", outputTokens)
        var parts = JSONOutline()
        if let member = outline.member("cache_creation", in: json), member.kind == .object,
            (try? parts.read(json, range: member.value)) != nil
        {
            let fiveMinutes = max(0, parts.integer("ephemeral_5m_input_tokens", in: json) ?? 0)
            cacheWrite1h = max(cacheWrite1h, parts.integer("ephemeral_1h_input_tokens", in: json) ?? 0)
            cacheWrite = max(cacheWrite, UsageReader.sum(fiveMinutes, cacheWrite1h))
        }
        if let member = outline.member("output_tokens_details", in: json), member.kind == .object,
            (try? parts.read(json, range: member.value)) != nil
        {
            thinking = max(thinking, parts.integer("thinking_tokens", in: json) ?? 0)
        }
        guard isTold else { return .none }
        if isAbsurd { return .absurd }
        var usage = TokenUsage()
        usage.input = inputTokens
        usage.cacheRead = cacheRead
        usage.cacheWrite1h = min(cacheWrite1h, cacheWrite)
        usage.cacheWrite5m = cacheWrite - usage.cacheWrite1h
        usage.reasoning = min(thinking, outputTokens)
        usage.output = outputTokens - usage.reasoning
        return usage.isWithin(UsageReader.countMax) ? .counts(usage) : .absurd
    }

    /// A count as it was told: whole, or whole with a fraction of nought. What stands there and is none is -1, which no
    /// call can have; nil for what was not told.
    @inline(__always)
    private static func count(_ name: StaticString, _ outline: JSONOutline, _ json: Span<UInt8>) -> Int? {
        guard let member = outline.member(name, in: json), member.kind != .null else { return nil }
        return count(member, json)
    }

    private static func count(_ member: JSONOutline.Member, _ json: Span<UInt8>) -> Int {
        if member.kind == .number, let value = JSONOutline.integer(json, member.value) { return value }
        let text = member.value.prefix(32).map { json[$0] }
        guard member.kind == .number, let number = Double(String(decoding: text, as: UTF8.self)) else { return -1 }
        return Int(exactly: number) ?? -1
    }

    /// OpenAI's `usage`, of the chat and of the Responses API. Parts never add up to more than the whole they are part
    /// of.
    static func readOpenAI(_ json: Span<UInt8>, countMax: Int = UsageReader.countMax) -> Reading {
        guard let outline = try? JSONOutline(json) else { return .none }
        @inline(__always)
        func count(_ name: StaticString, _ other: StaticString) -> Int? {
            UsageReader.count(name, outline, json) ?? UsageReader.count(other, outline, json)
        }
        let input = count("prompt_tokens", "input_tokens")
        let output = count("completion_tokens", "output_tokens")
        guard input != nil || output != nil else { return .none }
        let counts = 0...countMax
        guard counts.contains(input ?? 0), counts.contains(output ?? 0) else { return .absurd }
        var usage = TokenUsage()
        var details = JSONOutline()
        func part(_ name: StaticString) -> Int { max(0, details.integer(name, in: json) ?? 0) }
        var rest = input ?? 0
        func take(_ count: Int, from rest: inout Int) -> Int {
            let taken = min(count, rest)
            rest -= taken
            return taken
        }
        if read("prompt_tokens_details", "input_tokens_details", of: outline, json, into: &details) {
            usage.cacheRead = take(part("cached_tokens"), from: &rest)
            usage.cacheWrite5m = take(part("cache_write_tokens"), from: &rest)
            usage.audioInput = take(part("audio_tokens"), from: &rest)
        } else {
            // DeepSeek's word for the same.
            usage.cacheRead = take(max(0, outline.integer("prompt_cache_hit_tokens", in: json) ?? 0), from: &rest)
        }
        usage.input = rest
        rest = output ?? 0
        if read("completion_tokens_details", "output_tokens_details", of: outline, json, into: &details) {
            let reasoning = part("reasoning_tokens")
            // Some count reasoning beside the completion: then only the total holds all three.
            let all = sum(sum(input ?? 0, rest), reasoning)
            if reasoning > 0, outline.integer("total_tokens", in: json) == all {
                usage.reasoning = reasoning
            } else {
                usage.reasoning = take(reasoning, from: &rest)
            }
            usage.audioOutput = take(part("audio_tokens"), from: &rest)
        }
        usage.output = rest
        return usage.isWithin(countMax) ? .counts(usage) : .absurd
    }

    private static func read(
        _ name: StaticString, _ other: StaticString, of outline: JSONOutline, _ json: Span<UInt8>,
        into details: inout JSONOutline
    ) -> Bool {
        guard let member = outline.member(name, in: json) ?? outline.member(other, in: json), member.kind == .object
        else { return false }
        return (try? details.read(json, range: member.value)) != nil
    }

    private static func sum(_ one: Int, _ other: Int) -> Int {
        let (sum, overflows) = one.addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
