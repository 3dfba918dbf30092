import Testing

@testable import GatewayModel

@Suite("A price is applied exactly, and never leaves anything free")
struct PriceTableTests {
    private func rate(_ text: String) throws -> Money { try #require(Money(dollarsPerMillion: text)) }

    private func price(_ change: (inout ModelPrice) throws -> Void = { _ in }) throws -> PriceTable {
        var price = ModelPrice.placeholder
        price.rates = ModelRates()
        price.rates.input = try rate("3")
        price.rates.output = try rate("15")
        price.perRequest = nil
        price.tiers = []
        try change(&price)
        return PriceTable(price)
    }

    @Test func whatIsNotSaidCostsAsItsKind() throws {
        var usage = TokenUsage()
        usage.cacheRead = 1_000_000
        #expect(try price().cost(of: usage).description == "3")
        usage = TokenUsage()
        usage.cacheWrite1h = 1_000_000
        #expect(try price { $0.rates.cacheWrite5m = try rate("3.75") }.cost(of: usage).description == "3.75")
        usage = TokenUsage()
        usage.reasoning = 1_000_000
        usage.audioInput = 1_000_000
        usage.audioOutput = 1_000_000
        #expect(try price().cost(of: usage).description == "33")
    }

    @Test func everyKindIsPricedOnce() throws {
        let table = try price {
            $0.rates.cacheRead = try rate("0.3")
            $0.rates.cacheWrite5m = try rate("3.75")
            $0.rates.cacheWrite1h = try rate("6")
            $0.rates.reasoning = try rate("20")
            $0.rates.audioInput = try rate("40")
            $0.rates.audioOutput = try rate("80")
            $0.perRequest = Money(dollars: "0.01")
        }
        var usage = TokenUsage()
        usage.input = 1
        usage.cacheRead = 10
        usage.cacheWrite5m = 100
        usage.cacheWrite1h = 1_000
        usage.output = 10_000
        usage.reasoning = 100_000
        usage.audioInput = 7
        usage.audioOutput = 3
        // 3 + 3 + 375 + 6000 + 150000 + 2000000 + 280 + 240 millionths, and a cent.
        #expect(table.cost(of: usage).description == "2.166901")
    }

    @Test(arguments: [(200_000, "0.6"), (200_001, "1.200006")])
    func theTierHoldsForAllTokensAboveItsBound(_ input: Int, _ cost: String) throws {
        let table = try price {
            var tier = ModelPriceTier.placeholder
            tier.inputTokensOver = 200_000
            tier.rates = ModelRates()
            tier.rates.input = try rate("6")
            $0.tiers = [tier]
        }
        var usage = TokenUsage()
        usage.input = input
        #expect(table.cost(of: usage).description == cost)
        // The whole input counts, wherever it came from.
        usage.cacheRead = 10
        usage.input = input - 10
        #expect(table.cost(of: usage).description == cost)
    }

    @Test func theUpperBoundCoversWhateverTheTokensTurnOutToBe() throws {
        let table = try price {
            $0.rates.cacheWrite1h = try rate("6")
            $0.rates.audioOutput = try rate("80")
            $0.perRequest = Money(dollars: "0.5")
            var tier = ModelPriceTier.placeholder
            tier.inputTokensOver = 100
            tier.rates = ModelRates()
            tier.rates.input = try rate("1")
            tier.rates.cacheWrite1h = try rate("1")
            $0.tiers = [tier]
        }
        // A cheaper tier does not lower the bound: fewer tokens than estimated are charged by the base.
        #expect(table.costMax(inputTokens: 1_000_000, outputTokens: 1_000_000).description == "86.5")
        #expect(table.costMax(inputTokens: 0, outputTokens: 0).description == "0.5")
        var usage = TokenUsage()
        usage.cacheWrite1h = 1_000_000
        usage.audioOutput = 1_000_000
        #expect(table.cost(of: usage) <= table.costMax(inputTokens: 1_000_000, outputTokens: 1_000_000))
    }
}
