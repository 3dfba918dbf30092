/// What a model costs, ready to be applied: every rate is there, and every sum is exact.
package struct PriceTable: Sendable, Hashable {
    /// What one token of each kind costs.
    package struct Rates: Sendable, Hashable {
        package var input: Money
        package var output: Money
        package var cacheRead: Money
        package var cacheWrite5m: Money
        package var cacheWrite1h: Money
        package var reasoning: Money
        package var audioInput: Money
        package var audioOutput: Money
    }

    package struct Tier: Sendable, Hashable {
        package var inputTokensOver: Int
        package var rates: Rates
    }

    package let base: Rates
    package let perRequest: Money
    /// Ascending.
    package let tiers: [Tier]

    package init(_ price: ModelPrice) {
        base = PriceTable.whole(price.rates, over: ModelRates())
        perRequest = price.perRequest ?? .zero
        tiers = price.tiers.map {
            Tier(inputTokensOver: $0.inputTokensOver, rates: PriceTable.whole($0.rates, over: price.rates))
        }
    }

    /// The rates a request of that input is charged by: those of the highest tier it goes over.
    package func rates(inputTokens: Int) -> Rates {
        for tier in tiers.reversed() where inputTokens > tier.inputTokensOver { return tier.rates }
        return base
    }

    /// Exactly what a request that used this costs.
    package func cost(of usage: TokenUsage) -> Money {
        let rates = rates(inputTokens: usage.inputTotal)
        var sum = perRequest
        sum += rates.input * usage.input
        sum += rates.cacheRead * usage.cacheRead
        sum += rates.cacheWrite5m * usage.cacheWrite5m
        sum += rates.cacheWrite1h * usage.cacheWrite1h
        sum += rates.audioInput * usage.audioInput
        sum += rates.output * usage.output
        sum += rates.reasoning * usage.reasoning
        sum += rates.audioOutput * usage.audioOutput
        return sum
    }

    /// The most that a request of at most so many tokens can cost, whatever kinds they turn out to be.
    package func costMax(inputTokens: Int, outputTokens: Int) -> Money {
        var most = base.costMax(inputTokens, outputTokens)
        for tier in tiers where inputTokens > tier.inputTokensOver {
            most = max(most, tier.rates.costMax(inputTokens, outputTokens))
        }
        return perRequest + most
    }

    /// A rate that is not said is the one said outside the tier; failing that it follows from its kind's plain rate. It
    /// is never zero for being left out.
    private static func whole(_ rates: ModelRates, over outer: ModelRates) -> Rates {
        let input = rates.input ?? outer.input ?? .zero
        let output = rates.output ?? outer.output ?? .zero
        let cacheWrite5m = rates.cacheWrite5m ?? outer.cacheWrite5m ?? input
        return Rates(
            input: input, output: output, cacheRead: rates.cacheRead ?? outer.cacheRead ?? input,
            cacheWrite5m: cacheWrite5m, cacheWrite1h: rates.cacheWrite1h ?? outer.cacheWrite1h ?? cacheWrite5m,
            reasoning: rates.reasoning ?? outer.reasoning ?? output,
            audioInput: rates.audioInput ?? outer.audioInput ?? input,
            audioOutput: rates.audioOutput ?? outer.audioOutput ?? output)
    }
}

extension PriceTable.Rates {
    fileprivate func costMax(_ inputTokens: Int, _ outputTokens: Int) -> Money {
        let input = max(max(input, cacheRead), max(max(cacheWrite5m, cacheWrite1h), audioInput))
        let output = max(max(output, reasoning), audioOutput)
        return input * inputTokens + output * outputTokens
    }
}
