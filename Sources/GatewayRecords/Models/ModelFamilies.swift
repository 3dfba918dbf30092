extension MetricCatalog {
    private static let call = ["operation", "provider", "model"]

    static let modelCalls = MetricDescription(
        "sluice_model_calls_total", .counter, "Settled model calls.", labels: call)
    static let modelStreams = MetricDescription(
        "sluice_model_streams_total", .counter, "Of these, streams.", labels: call)
    static let modelErrors = MetricDescription(
        "sluice_model_errors_total", .counter, "Model calls that failed.", labels: call + ["error_type"])
    static let modelAttempts = MetricDescription(
        "sluice_model_attempts_total", .counter, "Calls of providers, retries and fallbacks included.", labels: call)
    static let modelFallbacks = MetricDescription(
        "sluice_model_fallbacks_total", .counter, "Calls that another target than the first one answered.",
        labels: call)
    static let modelCache = MetricDescription(
        "sluice_model_cache_total", .counter, "Calls that the exact cache was asked for.", labels: call + ["result"])
    static let modelTokens = MetricDescription(
        "sluice_model_tokens_total", .counter, "Tokens by what they are priced as; the kinds do not overlap.",
        labels: call + ["kind"])
    static let modelEstimated = MetricDescription(
        "sluice_model_usage_estimated_total", .counter, "Calls whose usage was estimated, since none was told.",
        labels: call)
    static let modelCost = MetricDescription(
        "sluice_model_cost_usd_total", .counter, "What calls cost, in US dollars.", labels: call)
    static let modelOverhead = MetricDescription(
        "sluice_model_overhead_seconds", .histogram, "What the gateway itself took of a model call.", labels: call)

    /// The metrics of model calls, in the order of a scrape.
    static func models(_ names: GenAINames) -> [MetricDescription] {
        let tokens: [MetricDescription] =
            switch names {
            case .current: [GenAI.tokenUsage]
            case .pending:
                [
                    GenAI.operationInput, GenAI.operationOutput, GenAI.usageInput, GenAI.usageOutput,
                    GenAI.usageCacheRead, GenAI.usageCacheWrite, GenAI.usageReasoning,
                ]
            }
        return [GenAI.duration, GenAI.firstToken, GenAI.perToken] + tokens + [
            modelCalls, modelStreams, modelErrors, modelAttempts, modelFallbacks, modelCache, modelTokens,
            modelEstimated, modelCost, modelOverhead,
        ]
    }
}

extension MetricSample {
    /// The families of model calls. Slots that never counted a call are left out.
    func modelFamilies() -> [MetricFamily] {
        let slots: [ModelSlot] = models.enumerated().compactMap { number, labels in
            let start = number * ModelLayout.stride
            guard start + ModelLayout.stride <= values.models.count else { return nil }
            let slot = ModelSlot(labels: labels, words: Array(values.models[start..<(start + ModelLayout.stride)]))
            return slot.words[ModelLayout.calls] > 0 ? slot : nil
        }
        return MetricCatalog.models(names).map { description in
            MetricFamily(description: description, points: slots.flatMap { $0.points(description.name) })
        }
    }
}

/// The numbers of one slot, by the metric they belong to.
private struct ModelSlot {
    var labels: ModelLabels
    var words: [UInt64]

    func points(_ metric: String) -> [MetricFamily.Point] {
        switch metric {
        case GenAI.duration.name: [point(durations(ModelLayout.duration))]
        case GenAI.firstToken.name: counted([point(durations(ModelLayout.firstToken))])
        case GenAI.perToken.name: counted([point(durations(ModelLayout.perToken))])
        case GenAI.tokenUsage.name:
            counted([point(tokens(ModelLayout.input), ["input"]), point(tokens(ModelLayout.output), ["output"])])
        case GenAI.operationInput.name: counted([point(tokens(ModelLayout.input))])
        case GenAI.operationOutput.name: counted([point(tokens(ModelLayout.output))])
        case GenAI.usageInput.name:
            modalities([.input, .cacheRead, .cacheWrite5m, .cacheWrite1h], audio: [.audioInput])
        case GenAI.usageOutput.name: modalities([.output, .reasoning], audio: [.audioOutput])
        case GenAI.usageCacheRead.name: modalities([.cacheRead], audio: [])
        case GenAI.usageCacheWrite.name: modalities([.cacheWrite5m, .cacheWrite1h], audio: [])
        case GenAI.usageReasoning.name: modalities([.reasoning], audio: [])
        case MetricCatalog.modelErrors.name:
            ModelErrorType.allCases.enumerated().flatMap { number, error in
                counted([count(ModelLayout.errors + number, [error.rawValue])])
            }
        case MetricCatalog.modelCache.name:
            counted([count(ModelLayout.cacheHits, ["hit"]), count(ModelLayout.cacheMisses, ["miss"])])
        case MetricCatalog.modelTokens.name:
            TokenKind.allCases.enumerated().flatMap { number, kind in
                counted([count(ModelLayout.tokens + number, [kind.rawValue])])
            }
        case MetricCatalog.modelCost.name:
            [point(.money(picodollars: words[ModelLayout.cost]))]
        case MetricCatalog.modelOverhead.name:
            counted([
                point(
                    .histogram(
                        buckets: Array(words[(ModelLayout.overhead + 1)...].prefix(OverheadBuckets.count)),
                        sumNanoseconds: words[ModelLayout.overhead], bounds: OverheadBuckets.upperSeconds))
            ])
        case MetricCatalog.modelCalls.name: [count(ModelLayout.calls)]
        case MetricCatalog.modelStreams.name: [count(ModelLayout.streams)]
        case MetricCatalog.modelAttempts.name: [count(ModelLayout.attempts)]
        case MetricCatalog.modelFallbacks.name: [count(ModelLayout.fallbacks)]
        case MetricCatalog.modelEstimated.name: [count(ModelLayout.estimated)]
        default: []
        }
    }

    private func point(_ number: MetricFamily.Number, _ more: [String] = []) -> MetricFamily.Point {
        .init(labels: [labels.operation.rawValue, labels.provider, labels.model] + more, number: number)
    }

    private func count(_ word: Int, _ more: [String] = []) -> MetricFamily.Point { point(.count(words[word]), more) }

    private func durations(_ place: Int) -> MetricFamily.Number {
        .histogram(
            buckets: Array(words[(place + 1)...].prefix(DurationBuckets.count)), sumNanoseconds: words[place],
            bounds: DurationBuckets.upperSeconds)
    }

    private func tokens(_ place: Int) -> MetricFamily.Number {
        .tokens(buckets: Array(words[(place + 1)...].prefix(TokenBuckets.count)), sum: words[place])
    }

    /// Text and images are not told apart by providers; sound is.
    private func modalities(_ kinds: [TokenKind], audio: [TokenKind]) -> [MetricFamily.Point] {
        func sum(_ kinds: [TokenKind]) -> UInt64 {
            TokenKind.allCases.enumerated().filter { kinds.contains($1) }
                .reduce(0) { $0 &+ words[ModelLayout.tokens + $1.offset] }
        }
        return counted([point(.count(sum(kinds)), ["unknown"]), point(.count(sum(audio)), ["audio"])])
    }

    /// Only what counted something.
    private func counted(_ points: [MetricFamily.Point]) -> [MetricFamily.Point] {
        points.filter { point in
            switch point.number {
            case .count(let value): value > 0
            case .histogram(let buckets, _, _), .tokens(let buckets, _): buckets.contains { $0 > 0 }
            default: true
            }
        }
    }
}
