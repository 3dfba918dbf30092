import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire
import NIOCore

/// Phase 4, decide: which model is meant, and whether this caller may use it for this.
extension ModelExchange {
    func decide() throws(GatewayError) {
        guard let exchange else { return }
        if !request.isForm, body.count > 0 || endpoint.hasModelBody {
            try checkType(exchange)
            try readBody()
            try findFiles()
        }
        guard !request.name.isEmpty else {
            guard !endpoint.needsModel else {
                throw GatewayError(
                    .malformedRequest, "the request names no model",
                    hint: "in a long form write the field model before the files")
            }
            return try decideWithoutModel(exchange)
        }
        guard let found = room.table.find(request.name), let routed = room.routed(found.model) else {
            throw unknownModel(exchange)
        }
        match = found
        self.routed = routed
        let facts = BudgetFacts(principal: principal, model: found.text)
        self.facts = facts
        terms = room.budgets.terms(facts)
        try pin(routed)
        inputTokensEstimate = request.inputTokensMax(
            bytesPerToken: terms.inputBytesPerToken, context: found.model.context)
        try judge(exchange, found)
        try checkContext(found.model)
        fallbacks = try capable(found.model)
    }

    /// Files, batches and stored responses name no model: they belong to a provider.
    private func decideWithoutModel(_ exchange: Exchange) throws(GatewayError) {
        let place = try ownPlace(exchange)
        let provider = place.target.target.provider
        let operation = endpoint.operation ?? .files
        let facts = BudgetFacts(principal: principal, model: "\(provider.shownName)/\(operation.rawValue)")
        self.facts = facts
        terms = room.budgets.terms(facts)
        fixed = place
        // Whoever may do this with one of the provider's models may do it at the provider.
        // What a batch costs is not known here, so it is never implied.
        guard endpoint.isStored || room.table.access.names(operation, for: principal) else {
            throw GatewayError(
                .modelNotAllowed, "no policy lets you use what is kept at the provider: \(operation.rawValue)",
                hint: "a ModelAccessPolicy that names you has to list \(operation.rawValue) in its operations")
        }
        guard let decision = decision(operation, at: provider) else { return }
        try take(decision, nil, exchange)
    }

    /// What policies say of an operation that names no model: by the provider's models, one that is allowed is enough.
    func decision(_ operation: ModelOperation, at provider: CompiledProvider) -> AccessTable.Decision? {
        let models = room.table.models.lazy.filter { $0.targets.contains { $0.provider === provider } }
        let decisions = models.map { model in
            let asked = AccessTable.Request(
                name: model.nameBytes, operation: operation, bodyBytes: self.body.count)
            return self.room.table.access.decide(self.principal, asked)
        }
        return decisions.first(where: \.verdict.isAllowed) ?? decisions.first
    }

    /// Where a request without a model goes: to who issued the id it names, else to the provider it names, else to the
    /// first that has the API.
    private func ownPlace(_ exchange: Exchange) throws(GatewayError) -> FixedPlace {
        if case .response(let id, _) = endpoint {
            return try owned(id, "response").place
        }
        if let id = endpoint.objectID {
            let place = try owned(id, endpoint.keptKind == .batch ? "batch" : "file").place
            return try isSame(place, filePlace)
        }
        if let filePlace { return filePlace }
        let wanted = exchange.request.fields.value(named: "x-sluice-provider")
        guard
            let place = room.places.first(where: { place in
                let provider = place.target.target.provider
                return endpoint.isNative(to: provider.dialect) && (wanted.map { $0 == provider.shownName } ?? true)
            })
        else {
            throw GatewayError(
                .noBackend, "no provider has this API" + (wanted.map { ": \($0.prefix(64))" } ?? ""),
                hint: "name one of the providers by x-sluice-provider")
        }
        guard let kind = endpoint.listed, exchange.request.method == .get else { return place }
        let list = try makeList(kind, exchange, provider: wanted)
        self.list = list
        return list.place ?? place
    }

    /// What passes with the type it came with is read by its provider as that type: it must be the one that is judged.
    private func checkType(_ exchange: Exchange) throws(GatewayError) {
        guard endpoint.takesForm else { return }
        let type = String(decoding: exchange.request.contentType.prefix { $0 != 0x3B }, as: UTF8.self)
        guard type.lowercased().filter({ $0 != " " && $0 != "\t" }) == "application/json" else {
            throw GatewayError(
                .unsupportedMediaType, "a body of this type cannot be read here: \(type.prefix(64))",
                hint: "send application/json, or multipart/form-data")
        }
    }

    private func readBody() throws(GatewayError) {
        // Spans need a buffer of their own to lie in.
        let body = try body.whole()
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
            hint: (near.map { "did you mean \($0)? " } ?? "")
                + "GET /v1/models lists those you may use; another needs a ModelCatalog that offers it and a "
                + "ModelAccessPolicy that names you")
    }

    private func judge(_ exchange: Exchange, _ found: ModelTable.Match) throws(GatewayError) {
        guard let operation = endpoint.operation else { return }
        var asked = AccessTable.Request(
            name: request.name, catalogName: found.name, operation: operation, bodyBytes: body.count,
            inputTokens: inputTokensEstimate, outputTokens: request.outputTokensMax, isStream: request.streams)
        if room.table.readsHeaders { asked.headers = ModelExchange.headers(exchange.request.fields) }
        if room.table.readsTime {
            let (seconds, rest) = worker.wallNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            asked.now = CELTimestamp(seconds: Int64(seconds), nanoseconds: Int32(rest))
        }
        self.asked = asked
        try judge(exchange, asked)
        outputTokensMax = outputTokensMax ?? found.model.context.outputTokensMax
    }

    private func judge(_ exchange: Exchange, _ asked: AccessTable.Request) throws(GatewayError) {
        try take(room.table.access.decide(exchange.principal, asked), asked, exchange)
    }

    private func take(
        _ decision: AccessTable.Decision, _ asked: AccessTable.Request?, _ exchange: Exchange
    ) throws(GatewayError) {
        exchange.verdict = (exchange.verdict ?? .allowed).and(decision.verdict)
        exchange.record.verdictRule = decision.verdict.rule
        if var error = decision.verdict.error {
            if let asked { error.hint = room.table.access.nextStep(principal, asked, decision.verdict) }
            throw error
        }
        policyOutputMax = decision.outputTokensMax
        outputTokensMax = request.outputTokensMax ?? decision.outputTokensMax
    }

    /// What builds upon a stored response, or upon files, goes where these are.
    private func pin(_ routed: RoutedModel) throws(GatewayError) {
        var place = filePlace
        if let previous = request.previousResponse {
            let (own, origin) = try owned(previous, "response")
            place = try isSame(origin, place)
            request.historyTokens = room.services.objects.tokens(
                ProviderObject.Key(place: origin.name, id: String(decoding: own, as: UTF8.self)))
        }
        guard let place else { return }
        pinned = place.name
        let models = [routed] + room.table.fallbacks(of: routed.model).compactMap { room.routed($0.model) }
        guard models.contains(where: { $0.reaches(place.name) }) else {
            throw GatewayError(
                .malformedRequest,
                "what the request builds upon is kept at another provider than the model's: "
                    + place.target.target.provider.shownName,
                hint: "ask for a model of that provider")
        }
    }

    /// For conditions; of several fields of one name the last.
    private static func headers(_ fields: FieldBlock) -> CELMap {
        CELMap(fields.entries.map { (key: fields.text($0.name), value: fields.text($0.value)) })
    }

    /// Refuses what the model cannot do, and returns the models in its place that can.
    private func capable(_ model: CompiledModel) throws(GatewayError) -> [ModelTable.Match] {
        let fallbacks = room.table.fallbacks(of: model)
        guard model.capabilities != nil || fallbacks.contains(where: { $0.model.capabilities != nil }) else {
            return fallbacks
        }
        var tree: JSONTree?
        if !request.isForm, body.count > 0 {
            let all = try body.whole()
            do { tree = try JSONTree.parse(all.readableBytesUInt8Span) } catch {
                throw GatewayError(
                    .malformedRequest, "the request cannot be judged by what its model can do: \(error.reason)")
            }
        }
        let needs = CapabilityNeeds(endpoint, tree)
        if let lacking = needs.firstLacking(in: model.capabilities) {
            throw GatewayError(
                .modelIncapable,
                "the model has no \(lacking.capability.rawValue), which \(lacking.field) asks for: \(model.name)",
                hint: "leave it out, or ask for another model")
        }
        return fallbacks.filter { needs.firstLacking(in: $0.model.capabilities) == nil }
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
