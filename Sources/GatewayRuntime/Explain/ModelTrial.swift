package import GatewayControl
import GatewayLLM
package import GatewayModel
package import GatewayPolicy
import GatewayProxy

/// Asks the policies of a configuration about a call of a model that nobody makes.
package struct ModelTrial: Sendable {
    /// A call, as far as policies look at it.
    package struct Question: Sendable {
        package var principal: Principal
        package var model: String
        package var operation: ModelOperation
        package var bodyBytes = 0
        package var inputTokens: Int?
        package var outputTokens: Int?
        package var isStream = false
        /// What the model has to be able to do, where that is known.
        package var needs: [ModelCapability] = []

        package init(principal: Principal, model: String, operation: ModelOperation = .chat) {
            self.principal = principal
            self.model = model
            self.operation = operation
        }
    }

    private let table: ModelTable

    package init(_ objects: ObjectSet) {
        table = SnapshotCompiler.compile(objects.objects, revision: 0).models
    }

    /// What is decided; a name nobody knows is refused as one that nobody may use.
    package func verdict(_ question: Question) -> Verdict {
        guard let match = table.find(Array(question.model.utf8)) else {
            return .deny(rule: "", reason: "the model does not exist: \(question.model)", code: .unknownModel)
        }
        let decision = table.access.decide(question.principal, request(question, match))
        guard decision.verdict.isAllowed else { return decision.verdict }
        let refusal: (rule: String, error: GatewayError)? =
            contextRefusal(question, match) ?? priceRefusal(question, match)
        guard let refusal else { return decision.verdict }
        return .deny(rule: refusal.rule, reason: refusal.error.message, code: refusal.error.code)
    }

    private func contextRefusal(
        _ question: Question, _ match: ModelTable.Match
    ) -> (rule: String, error: GatewayError)? {
        do throws(GatewayError) { try match.model.checkContext(outputTokens: question.outputTokens) } catch {
            return ("", error)
        }
        return nil
    }

    /// What a budget of dollars says of a call whose price nobody knows.
    private func priceRefusal(
        _ question: Question, _ match: ModelTable.Match
    ) -> (rule: String, error: GatewayError)? {
        let facts = BudgetFacts(principal: question.principal, model: match.text)
        let terms = table.budgets.terms(facts)
        // The sum does not matter, only whether there can be one.
        var ceiling = CostCeiling(question.operation, terms, inputTokens: 0, outputTokens: 0)
        ceiling.add(match.model)
        for fallback in table.fallbacks(of: match.model) where fallback.model.isCapable(of: question.needs) {
            ceiling.add(fallback.model)
        }
        return ceiling.refusal(of: facts.model).map { (terms.moneyRule, $0) }
    }

    /// The same with everything that led to it: each policy, and each budget that would count the call.
    package func explain(_ question: Question) -> ConfigNode {
        let verdict = verdict(question)
        let match = table.find(Array(question.model.utf8))
        var fields: [(String, ConfigNode)] = [
            ("decision", .text(verdict.isAllowed ? "allowed" : "denied")), ("model", .text(question.model)),
            ("operation", .text(question.operation.rawValue)),
        ]
        if !verdict.rule.isEmpty { fields.append(("rule", .text(verdict.rule))) }
        if !verdict.reason.isEmpty { fields.append(("reason", .text(verdict.reason))) }
        if let code = verdict.code { fields.append(("code", .text(code.rawValue))) }
        if let step = nextStep(question, verdict) { fields.append(("next", .text(step))) }
        guard let match else { return .object(fields) }
        let trials = table.access.trials(question.principal, request(question, match))
        fields.append(
            (
                "tried",
                .list(
                    trials.map {
                        .object([
                            ("policy", .text($0.rule)), ("effect", .text($0.effect.rawValue)),
                            ("holds", .flag($0.holds)), ("why", .text($0.why)),
                        ])
                    })
            ))
        fields.append(("budgets", .list(budgets(question, match))))
        return .object(fields)
    }

    private func request(_ question: Question, _ match: ModelTable.Match) -> AccessTable.Request {
        AccessTable.Request(
            name: Array(question.model.utf8), catalogName: match.name, operation: question.operation,
            bodyBytes: question.bodyBytes, inputTokens: question.inputTokens, outputTokens: question.outputTokens,
            isStream: question.isStream)
    }

    private func budgets(_ question: Question, _ match: ModelTable.Match) -> [ConfigNode] {
        let facts = BudgetFacts(principal: question.principal, model: match.text)
        return table.budgets.enforced.accounts(facts).map { account in
            .object([
                ("policy", .text(account.key.policy)), ("scope", .text(account.key.scope.rawValue)),
                ("tenant", .text(account.key.tenant)), ("value", .text(account.key.value)),
                ("limits", .list(account.limits.map { .text($0.text) })),
            ])
        }
    }

    private func nextStep(_ question: Question, _ verdict: Verdict) -> String? {
        switch verdict.code {
        case .unknownModel:
            table.nearest(Array(question.model.utf8), for: question.principal).map { "did you mean \($0)?" }
                ?? "a ModelCatalog has to offer it"
        case .modelNotAllowed, .modelLimitExceeded:
            table.find(Array(question.model.utf8)).map { match in
                table.access.nextStep(question.principal, request(question, match), verdict)
            }
        case .modelUnpriced:
            "give the model a price, or say unknownPrice: charge in its catalogue"
        default: nil
        }
    }
}

extension BudgetLimit {
    fileprivate var text: String {
        let amount = unit == .usd ? Money(picodollars: max).description : String(max)
        return "\(amount) \(unit.rawValue)" + (window == .total ? "" : "/\(window)")
    }
}
