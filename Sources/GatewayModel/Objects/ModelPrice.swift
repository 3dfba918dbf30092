/// What a model costs: decimal texts, in US dollars for a million tokens.
package struct ModelPrice: ConfigObject, Hashable {
    package var rates: ModelRates
    /// For each request, whatever its tokens.
    package var perRequest: Money?
    /// Ascending by `inputTokensOver`.
    package var tiers: [ModelPriceTier]

    package init(_ fields: FieldReader) {
        rates = ModelRates(fields, isComplete: true)
        let perRequest: DollarAmount? = fields.optional("perRequest", "dollars for each request on top")
        self.perRequest = perRequest?.money
        let written: [ModelPriceTier] = fields.list("tiers", "other rates for long inputs", count: 0...16)
        tiers = written.sorted { $0.inputTokensOver < $1.inputTokensOver }
        let bounds = Set(written.map(\.inputTokensOver))
        fields.check(
            bounds.count == written.count, at: "tiers", .duplicateKey, "two tiers with the same inputTokensOver",
            hint: "one tier for each bound")
    }
}

/// The rates of a request whose input is longer than a bound; they hold for all of its tokens.
package struct ModelPriceTier: ConfigObject, Hashable {
    package var inputTokensOver: Int
    package var rates: ModelRates

    package init(_ fields: FieldReader) {
        inputTokensOver = fields.required(
            "inputTokensOver", "the tier holds for inputs of more tokens than this", .range(1...1_000_000_000))
        rates = ModelRates(fields, isComplete: false)
    }
}

/// Rates for a token of each kind; one that is not said follows from another (see `ModelRates.effective`).
package struct ModelRates: Sendable, Hashable {
    package var input: Money?
    package var output: Money?
    package var cacheRead: Money?
    package var cacheWrite5m: Money?
    package var cacheWrite1h: Money?
    package var reasoning: Money?
    package var audioInput: Money?
    package var audioOutput: Money?

    package init() {}

    init(_ fields: FieldReader, isComplete: Bool) {
        if isComplete {
            let input: TokenRate = fields.required("input", "input tokens, such as \"0.25\"")
            let output: TokenRate = fields.required("output", "output tokens; \"0\" where there are none")
            (self.input, self.output) = (input.perToken, output.perToken)
        } else {
            input = Self.rate(fields, "input", "input tokens")
            output = Self.rate(fields, "output", "output tokens")
        }
        cacheRead = Self.rate(fields, "cacheRead", "input read from a cache; as input by default")
        cacheWrite5m = Self.rate(fields, "cacheWrite5m", "input written to a five-minute cache; as input by default")
        cacheWrite1h = Self.rate(fields, "cacheWrite1h", "input written to an hour's cache; as cacheWrite5m by default")
        reasoning = Self.rate(fields, "reasoning", "reasoning tokens; as output by default")
        audioInput = Self.rate(fields, "audioInput", "audio that went in; as input by default")
        audioOutput = Self.rate(fields, "audioOutput", "audio that came out; as output by default")
    }

    private static func rate(_ fields: FieldReader, _ name: String, _ documentation: String) -> Money? {
        let rate: TokenRate? = fields.optional(name, documentation)
        return rate?.perToken
    }
}

/// Dollars for a million tokens, as a decimal text: what one token costs.
package struct TokenRate: ConfigValue, Hashable {
    package var perToken: Money

    package static func decode(_ value: ValueReader) -> TokenRate? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a decimal string such as \"0.25\"")
            return nil
        }
        if let money = DecimalText.isDecimal(text) ? Money(dollarsPerMillion: text) : nil, money <= most {
            return TokenRate(perToken: money)
        }
        value.reportInvalid(
            "\"\(text.prefix(80))\"",
            hint: "write dollars for a million tokens, at most six decimals, such as \"0.25\"")
        return nil
    }

    /// A dollar a token: far above any price, and small enough that no sum of token counts overflows.
    private static let most = Money(picodollars: Money.picodollarsPerDollar)

    package static var placeholder: TokenRate { TokenRate(perToken: .zero) }
    package static var schema: ConfigNode { DecimalText.schema(decimals: 6) }
}

/// Dollars, as a decimal text.
package struct DollarAmount: ConfigValue, Hashable {
    package var money: Money

    package static func decode(_ value: ValueReader) -> DollarAmount? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a decimal string such as \"5.00\"")
            return nil
        }
        if let money = DecimalText.isDecimal(text) ? Money(dollars: text) : nil { return DollarAmount(money: money) }
        value.reportInvalid("\"\(text.prefix(80))\"", hint: "write dollars such as \"5.00\", not negative")
        return nil
    }

    package static var placeholder: DollarAmount { DollarAmount(money: .zero) }
    package static var schema: ConfigNode { DecimalText.schema(decimals: 12) }
}

/// Digits, perhaps a point and more digits: no sign, no exponent, nothing that two readers could read differently.
enum DecimalText {
    static func isDecimal(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count)
            && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { NameSyntax.isDigit($0) } }
    }

    static func schema(decimals: Int) -> ConfigNode {
        .object([("type", .text("string")), ("pattern", .text("^[0-9]+(\\.[0-9]{1,\(decimals)})?$"))])
    }
}
