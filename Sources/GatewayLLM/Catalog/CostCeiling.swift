package import GatewayModel

/// The most a call can cost: by the most expensive target that may serve it, fallbacks included. A call and a question
/// about one (`sluice why`, `sluice replay`) are judged here alike.
package struct CostCeiling {
    package private(set) var most = Money.zero
    private var unpriced: CompiledTarget?
    private let operation: ModelOperation
    private let terms: BudgetTerms
    private let inputTokens, outputTokens: Int

    package init(_ operation: ModelOperation, _ terms: BudgetTerms, inputTokens: Int, outputTokens: Int) {
        self.operation = operation
        self.terms = terms
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
    }

    /// A model that may serve the call.
    package mutating func add(_ model: CompiledModel) {
        for target in model.targets where operation.isServed(by: target.provider.dialect) {
            guard let price = target.budgetPrice(terms.onUnknownPrice) else {
                unpriced = unpriced ?? target
                continue
            }
            most = max(most, price.costMax(inputTokens: inputTokens, outputTokens: outputTokens))
        }
    }

    /// Why a budget of dollars refuses a call of this name: nobody knows what it would cost. Nil when it does not.
    package func refusal(of name: String) -> GatewayError? {
        guard let unpriced, terms.countsMoney else { return nil }
        return GatewayError(
            .modelUnpriced, "a budget of dollars is upon this model, and nobody knows its price: \(name)",
            hint: "the operator gives it a price, or says unknownPrice: charge",
            cause: "no price for target \(unpriced.key)")
    }
}

extension ModelOperation {
    /// Whether providers of that dialect have it, or something it can be translated to.
    func isServed(by dialect: ModelDialect) -> Bool {
        switch self {
        case .chat, .responses, .messages: true
        case .countTokens: dialect == .anthropic
        default: dialect == .openai
        }
    }
}
