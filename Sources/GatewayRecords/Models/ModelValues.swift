import GatewayModel

/// Where a model's numbers lie in its run of words.
enum ModelLayout {
    static let kinds = 8
    static let errorCount = ModelErrorType.allCases.count
    static let duration = 0
    static let firstToken = duration + DurationBuckets.count + 1
    static let perToken = firstToken + DurationBuckets.count + 1
    static let overhead = perToken + DurationBuckets.count + 1
    static let input = overhead + OverheadBuckets.count + 1
    static let output = input + TokenBuckets.count + 1
    static let tokens = output + TokenBuckets.count + 1
    static let errors = tokens + kinds
    static let calls = errors + errorCount
    static let streams = calls + 1
    static let attempts = streams + 1
    static let fallbacks = attempts + 1
    static let cacheHits = fallbacks + 1
    static let cacheMisses = cacheHits + 1
    static let estimated = cacheMisses + 1
    static let cost = estimated + 1
    static let stride = cost + 1
}

/// The upper bounds of token counts, as OpenTelemetry advises.
enum TokenBuckets {
    static let upper: [StaticString] = [
        "1", "4", "16", "64", "256", "1024", "4096", "16384", "65536", "262144", "1048576", "4194304", "16777216",
        "67108864",
    ]
    /// With the last bucket, for everything above.
    static let count = 15

    /// The bucket of a count; a bound belongs to the bucket below it. Bounds are powers of four.
    @inline(__always)
    static func index(_ tokens: Int) -> Int {
        guard tokens > 1 else { return 0 }
        let bits = Int.bitWidth - (tokens - 1).leadingZeroBitCount
        return min((bits + 1) / 2, count - 1)
    }
}

/// The upper bounds of the gateway's own time: ten microseconds to a quarter of a second.
enum OverheadBuckets {
    static let upperNanoseconds: [UInt64] = [
        10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
        50_000_000, 100_000_000, 250_000_000,
    ]
    static let upperSeconds: [StaticString] = [
        "0.00001", "0.000025", "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
        "0.05", "0.1", "0.25",
    ]
    static let count = 15

    @inline(__always)
    static func index(_ nanoseconds: UInt64) -> Int {
        var index = 0
        while index < upperNanoseconds.count, nanoseconds > upperNanoseconds[index] { index &+= 1 }
        return index
    }
}

/// The labels of a slot for model calls.
struct ModelLabels: Sendable, Hashable {
    var operation: GenAIOperation
    var provider: String
    var model: String

    /// Slot 0: what has no slot of its own.
    static let other = ModelLabels(operation: .other, provider: "_OTHER", model: "_OTHER")
}

extension MetricValues {
    /// Slots of models at most.
    static let modelSlotsMax = 1_024

    /// Counts a settled model call.
    mutating func count(_ call: borrowing ModelCallRecord) {
        let slot = call.slot > 0 && call.slot < MetricValues.modelSlotsMax ? call.slot : 0
        let start = slot &* ModelLayout.stride
        if start &+ ModelLayout.stride > models.count { MetricValues.grow(&models, start + ModelLayout.stride) }
        models[start &+ ModelLayout.calls] &+= 1
        if call.isStream { models[start &+ ModelLayout.streams] &+= 1 }
        models[start &+ ModelLayout.attempts] &+= UInt64(max(0, call.attempts))
        if call.isFallback { models[start &+ ModelLayout.fallbacks] &+= 1 }
        if call.cache == .hit { models[start &+ ModelLayout.cacheHits] &+= 1 }
        if call.cache == .miss { models[start &+ ModelLayout.cacheMisses] &+= 1 }
        if call.isUsageEstimated { models[start &+ ModelLayout.estimated] &+= 1 }
        if let error = call.errorType { models[start &+ ModelLayout.errors &+ MetricValues.index(error)] &+= 1 }
        if let cost = call.cost { models[start &+ ModelLayout.cost] &+= UInt64(clamping: cost.picodollars) }
        add(call.durationNanoseconds, start &+ ModelLayout.duration)
        if call.firstTokenNanoseconds > 0 { add(call.firstTokenNanoseconds, start &+ ModelLayout.firstToken) }
        if let perToken = call.perTokenNanoseconds { add(perToken, start &+ ModelLayout.perToken) }
        if call.overheadNanoseconds > 0 {
            let overhead = start &+ ModelLayout.overhead
            models[overhead] &+= call.overheadNanoseconds
            models[overhead &+ 1 &+ OverheadBuckets.index(call.overheadNanoseconds)] &+= 1
        }
        // A hit costs nothing and used nothing: its tokens were counted when they were made.
        if let usage = call.usage, call.cache != .hit { count(usage, start) }
    }

    private mutating func count(_ usage: TokenUsage, _ start: Int) {
        let tokens = start &+ ModelLayout.tokens
        for (index, kind) in TokenKind.allCases.enumerated() {
            models[tokens &+ index] &+= UInt64(max(0, kind.count(usage)))
        }
        addTokens(usage.inputTotal, start &+ ModelLayout.input)
        addTokens(usage.outputTotal, start &+ ModelLayout.output)
    }

    /// A sum, then its buckets.
    private mutating func add(_ nanoseconds: UInt64, _ place: Int) {
        models[place] &+= nanoseconds
        models[place &+ 1 &+ DurationBuckets.index(nanoseconds)] &+= 1
    }

    private mutating func addTokens(_ tokens: Int, _ place: Int) {
        models[place] &+= UInt64(max(0, tokens))
        models[place &+ 1 &+ TokenBuckets.index(tokens)] &+= 1
    }

    private static func index(_ error: ModelErrorType) -> Int { ModelErrorType.allCases.firstIndex(of: error) ?? 0 }
}

/// The kinds of tokens that are priced apart and do not overlap.
enum TokenKind: String, CaseIterable {
    case input
    case cacheRead = "cache_read"
    case cacheWrite5m = "cache_write_5m"
    case cacheWrite1h = "cache_write_1h"
    case audioInput = "audio_input"
    case output, reasoning
    case audioOutput = "audio_output"

    func count(_ usage: TokenUsage) -> Int {
        switch self {
        case .input: usage.input
        case .cacheRead: usage.cacheRead
        case .cacheWrite5m: usage.cacheWrite5m
        case .cacheWrite1h: usage.cacheWrite1h
        case .audioInput: usage.audioInput
        case .output: usage.output
        case .reasoning: usage.reasoning
        case .audioOutput: usage.audioOutput
        }
    }
}
