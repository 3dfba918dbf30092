import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// Phase 4, decide: which model is meant, and whether this caller may use it for this.
extension ModelExchange {
    func decide() throws(GatewayError) {
        guard let exchange else { return }
        try checkCoding(exchange)
        try readBody()
        guard let found = room.table.find(request.name), let routed = room.routed(found.model) else {
            throw unknownModel(exchange)
        }
        match = found
        self.routed = routed
        fallbacks = room.table.fallbacks(of: found.model)
        let facts = BudgetFacts(principal: principal, model: String(decoding: found.name, as: UTF8.self))
        self.facts = facts
        terms = room.budgets.terms(facts)
        inputTokensEstimate = request.inputTokensMax(
            bytesPerToken: terms.inputBytesPerToken, context: found.model.context)
        try judge(exchange, found)
        try checkContext(found.model)
    }

    /// What cannot be read cannot be judged.
    private func checkCoding(_ exchange: Exchange) throws(GatewayError) {
        guard let coding = exchange.request.fields.first(.contentEncoding) else { return }
        let text = exchange.request.fields.text(coding.value).lowercased()
        guard text != "identity" else { return }
        throw GatewayError(
            .malformedRequest, "a compressed body is not accepted here: content-encoding \(text.prefix(32))",
            hint: "send it as it is")
    }

    private func readBody() throws(GatewayError) {
        // Spans need a buffer of their own to lie in.
        let body = body
        guard body.readableBytes > 0 else {
            throw GatewayError(.malformedRequest, "the request has no body", hint: "send a JSON object with a model")
        }
        do throws(JSONScanError) {
            try outline.read(body.readableBytesUInt8Span)
        } catch {
            throw GatewayError(.malformedRequest, ModelExchange.problem(error), hint: "send one JSON object")
        }
        request = try ModelRequest(outline, of: body.readableBytesUInt8Span, endpoint)
    }

    private static func problem(_ error: JSONScanError) -> String {
        switch error {
        case .duplicateName: "the request's body names a field twice"
        case .tooDeep: "the request's body is nested too deeply"
        case .tooManyMembers: "the request's body has too many fields"
        case .badUTF8: "the request's body is not valid UTF-8"
        case .unexpectedEnd: "the request's body ends early"
        case .notAnObject: "the request's body is not a JSON object"
        default: "the request's body is not valid JSON: \(error)"
        }
    }

    private func unknownModel(_ exchange: Exchange) -> GatewayError {
        let name = String(decoding: request.name.prefix(128), as: UTF8.self)
        let near = room.table.nearest(request.name, for: exchange.principal)
        return GatewayError(
            .unknownModel, "the model does not exist or you may not use it: \(name)",
            hint: near.map { "did you mean \($0)?" } ?? "GET /v1/models lists those you may use")
    }

    private func judge(_ exchange: Exchange, _ found: ModelTable.Match) throws(GatewayError) {
        guard let operation = endpoint.operation else { return }
        let asked = AccessTable.Request(
            name: request.name, catalogName: found.name, operation: operation, bodyBytes: body.readableBytes,
            inputTokens: inputTokensEstimate, outputTokens: request.outputTokensMax, isStream: request.streams,
            hasTools: outline.member("tools", in: body.readableBytesUInt8Span) != nil)
        self.asked = asked
        let decision = room.table.access.decide(exchange.principal, asked)
        exchange.verdict = (exchange.verdict ?? .allowed).and(decision.verdict)
        exchange.record.verdictRule = decision.verdict.rule
        if let error = decision.verdict.error { throw error }
        policyOutputMax = decision.outputTokensMax
        outputTokensMax = request.outputTokensMax ?? decision.outputTokensMax ?? found.model.context.outputTokensMax
    }

    private func checkContext(_ model: CompiledModel) throws(GatewayError) {
        guard let most = model.context.outputTokensMax, let asked = request.outputTokensMax, asked > most else {
            return
        }
        throw GatewayError(
            .modelLimitExceeded, "the model gives at most \(most) tokens, and \(asked) are asked for: \(model.name)",
            hint: "ask for at most \(most)")
    }
}
