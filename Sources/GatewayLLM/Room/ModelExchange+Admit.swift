import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayState

/// Phase 5, admit: reserves the most the call can come to, on every budget that counts it, all or none.
extension ModelExchange {
    func admit() throws(ModelFailure) {
        guard let exchange, let facts else { return }
        let output = match.map { outputTokensReserved($0.model) } ?? 0
        let demand = BudgetAmounts(
            cost: try costMax(exchange, facts, output: output), inputTokens: inputTokensEstimate, outputTokens: output)
        switch room.services.ledger.reserve(
            facts, demand, room.budgets.enforced, shadow: room.budgets.shadow, requestID: requestID,
            mayRunUnrecorded: terms.mayRunUncounted, nowMilliseconds: nowMilliseconds)
        {
        case .admitted(let reservation):
            account = CallAccount(reservation, held: demand)
            try reserveBatch(exchange)
        case .refused(let refusal): throw failure(refusal, exchange)
        case .unavailable(let error): throw ModelFailure(error)
        }
    }

    private func failure(_ refusal: BudgetRefusal, _ exchange: Exchange) -> ModelFailure {
        exchange.record.verdictRule = refusal.standing.account.policy
        let now = nowMilliseconds
        var failure = ModelFailure(refusal.error(nowMilliseconds: now))
        failure.retryAfterNanoseconds = refusal.retryAfterSeconds(nowMilliseconds: now)
            .map { UInt64($0) * 1_000_000_000 }
        failure.standing = refusal.standing
        return failure
    }

    /// A batch outlives the call that makes it, and so does what is reserved for it.
    private func reserveBatch(_ exchange: Exchange) throws(ModelFailure) {
        guard let batch, let facts, let fixed else { return }
        inputTokensEstimate = batch.inputTokens
        defer { inputTokensEstimate = 0 }
        let demand = BudgetAmounts(
            cost: try costMax(exchange, facts, output: batch.outputTokens), inputTokens: batch.inputTokens,
            outputTokens: batch.outputTokens, requests: 0, concurrent: 0)
        switch room.services.ledger.reserve(
            facts, demand, room.budgets.enforced, shadow: room.budgets.shadow, requestID: requestID,
            mayRunUnrecorded: terms.mayRunUncounted, nowMilliseconds: nowMilliseconds)
        {
        case .admitted(let reservation):
            let provider = fixed.target.target.provider
            var row = UsageRow(
                principal, model: batch.model, requestID: requestID, timeMilliseconds: nowMilliseconds)
            row.route = route
            row.provider = provider.shownName
            row.operation = ModelOperation.batches.rawValue
            row.status = 200
            let target = match?.model.targets.first { $0.provider === provider }
            openBatch = OpenBatch(reservation, row: row, price: target?.price ?? target?.unknownPrice)
        case .refused(let refusal): throw failure(refusal, exchange)
        case .unavailable(let error): throw ModelFailure(error)
        }
    }

    /// The batch has not been made, as far as is known. One that its provider may have made stays charged.
    func endBatch() {
        guard let openBatch else { return }
        self.openBatch = nil
        switch reply {
        case .fault: openBatch.release(nowMilliseconds: nowMilliseconds)
        default:
            if outcome?.cause == .connect || totalAttempts == 0 {
                openBatch.release(nowMilliseconds: nowMilliseconds)
            }
        }
    }

    /// Why a stream may not go on: what it has come to is reserved no more, and finds no room. Nil for one that may,
    /// and for one whose end is here.
    func trips(_ stream: ReplyStream) -> ModelFailure? {
        guard let account, let attempt, endpoint.isBilled, !stream.hasFinished, !stream.isComplete else { return nil }
        var seen = stream.usage ?? .zero
        if seen.inputTotal == 0 { seen.input = min(inputTokensEstimate, account.held.inputTokens) }
        let guess = Estimate.tokens(stream.outputBytes)
        if seen.outputTotal < guess { seen.output += guess - seen.outputTotal }
        let target = attempt.target.target
        let refusal = account.cover(seen, price: target.price ?? target.unknownPrice, nowMilliseconds: nowMilliseconds)
        guard let refusal else { return nil }
        var error = refusal.error(nowMilliseconds: nowMilliseconds)
        error.message = "the answer was cut off: \(error.message)"
        var failure = ModelFailure(error)
        failure.retryAfterNanoseconds = refusal.retryAfterSeconds(nowMilliseconds: nowMilliseconds)
            .map { UInt64($0) * 1_000_000_000 }
        return failure
    }

    /// All choices together; what nobody bounds is guessed, and what a stream takes beyond is reserved as it comes.
    private func outputTokensReserved(_ model: CompiledModel) -> Int {
        guard endpoint.hasOutputTokens else { return 0 }
        let each = outputTokensMax ?? model.context.outputTokensMax ?? terms.outputTokensDefault
        let (all, overflow) = each.multipliedReportingOverflow(by: request.choices)
        return overflow ? BudgetAmounts.tokensMax : all
    }

    private func costMax(_ exchange: Exchange, _ facts: BudgetFacts, output: Int) throws(ModelFailure) -> Money {
        guard let match else { return .zero }
        var ceiling = CostCeiling(
            endpoint.operation ?? .chat, terms, inputTokens: inputTokensEstimate, outputTokens: output)
        ceiling.add(match.model)
        for fallback in fallbacks { ceiling.add(fallback.model) }
        guard let refusal = ceiling.refusal(of: facts.model) else { return ceiling.most }
        exchange.record.verdictRule = terms.moneyRule
        throw ModelFailure(refusal)
    }

    var nowMilliseconds: Int { Int(worker.wallNanoseconds / 1_000_000) }
}
