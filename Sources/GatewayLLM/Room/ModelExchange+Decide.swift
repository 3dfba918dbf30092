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
            try findKept()
        }
        guard !request.name.isEmpty else {
            guard !endpoint.needsModel else {
                throw GatewayError(
                    .malformedRequest, "the request names no model",
                    hint: "in a long form write the field model before the files")
            }
            return try decideWithoutModel(exchange)
        }
        guard let found = room.table.find(request.name) else { throw unknownModel(exchange) }
        let routed = room.routed(found)
        match = found
        self.routed = routed
        let facts = BudgetFacts(principal: principal, model: found.text)
        terms = room.budgets.terms(facts)
        self.facts = facts
        try pin(routed)
        inputTokensEstimate = request.inputTokensMax(
            bytesPerToken: terms.inputBytesPerToken, context: found.model.context)
        try judge(exchange, found)
        try judgeListed(routed)
        try found.model.checkContext(outputTokens: request.outputTokensMax)
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
        if let decision = decision(operation, at: provider) { try take(decision, exchange) }
        guard let batch else { return }
        try judgeModel(of: batch, exchange)
        self.facts = BudgetFacts(principal: principal, model: batch.model)
        terms = room.budgets.terms(self.facts ?? facts)
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
        if let object = endpoint.object {
            let owned = try room.owned(object.id, object.kind, by: principal)
            endpoint = endpoint.about(owned.id)
            keptNote = owned.note
            return try isSame(owned.place, keptPlace)
        }
        guard let owner = ResponseOrigin.owner(principal) else {
            throw GatewayError(
                .forbidden,
                "what you make at a provider would be nobody's: your credential names no user, agent or key",
                hint: "use a key, or a token with a subject")
        }
        if let call = endpoint.kept, method == .post, let place = try placeOfNew(call) { return place }
        if let keptPlace { return keptPlace }
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
        guard let call = endpoint.kept, method == .get else { return place }
        let list = try makeList(call.kind, owner, exchange, provider: wanted)
        self.list = list
        return list.place ?? place
    }

    /// What passes with the type it came with is read by its provider as that type: it must be the one that is judged.
    private func checkType(_ exchange: Exchange) throws(GatewayError) {
        guard endpoint.keepsType else { return }
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
        let outline: JSONOutline
        do throws(JSONScanError) {
            outline = try JSONOutline(body.readableBytesUInt8Span)
        } catch {
            throw GatewayError(
                .malformedRequest, ModelExchange.problem(error, of: body.readableBytesUInt8Span),
                hint: "send one JSON object")
        }
        request = try ModelRequest(outline, of: body.readableBytesUInt8Span, endpoint)
        self.outline = outline
    }

    /// In plain words, with the place. A body that is long is not read again to find it.
    static func problem(_ error: JSONScanError, of text: Span<UInt8>) -> String {
        var place: JSONTreeError?
        if text.count <= 1 << 20 {
            do throws(JSONTreeError) { _ = try JSONTree.parse(text) } catch { place = error }
        }
        let at = place.map { " at byte \($0.offset)" } ?? ""
        return switch error {
        case .duplicateName:
            if case .duplicateName(let name)? = place?.reason {
                "the request's body names a field twice: \(TranslationLosses.printable(name))"
            } else {
                "the request's body names a field twice"
            }
        case .tooDeep: "the request's body is nested too deeply"
        case .tooManyMembers: "the request's body has too many fields"
        case .badUTF8: "the request's body is not valid UTF-8"
        case .unexpectedEnd: "the request's body ends early"
        case .notAnObject: "the request's body is not a JSON object"
        case .unexpectedByte: "the request's body is not valid JSON: an unexpected character\(at)"
        case .badLiteral: "the request's body is not valid JSON: a word other than true, false and null\(at)"
        case .badNumber: "the request's body is not valid JSON: a malformed number\(at)"
        case .badString: "the request's body is not valid JSON: a control character in a string\(at)"
        case .badEscape: "the request's body is not valid JSON: an unknown escape in a string\(at)"
        case .trailingBytes: "the request's body goes on after its JSON object\(at)"
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
        addConditions(&asked, exchange)
        // The record of a refusal says by what it was made.
        self.asked = asked
        try judge(exchange, asked)
        outputTokensMax = outputTokensMax ?? found.model.context.outputTokensMax
    }

    /// What conditions are asked about beside the body.
    func addConditions(_ asked: inout AccessTable.Request, _ exchange: Exchange) {
        if room.table.readsHeaders { asked.headers = ModelExchange.headers(exchange.request.fields) }
        if room.table.readsTime {
            let (seconds, rest) = worker.wallNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            asked.now = CELTimestamp(seconds: Int64(seconds), nanoseconds: Int32(rest))
        }
    }

    private func judge(_ exchange: Exchange, _ asked: AccessTable.Request) throws(GatewayError) {
        let decision = room.table.access.decide(principal, asked)
        do throws(GatewayError) {
            try take(decision, exchange)
        } catch {
            var error = error
            error.hint = room.table.access.nextStep(principal, asked, decision.verdict)
            throw error
        }
    }

    private func take(_ decision: AccessTable.Decision, _ exchange: Exchange) throws(GatewayError) {
        if !decision.verdict.isAllowed {
            exchange.verdict = (exchange.verdict ?? .allowed).and(decision.verdict)
        } else if exchange.verdict == nil {
            exchange.verdict = .allowed
        }
        exchange.record.verdictRule = decision.verdict.rule
        if let error = decision.verdict.error { throw error }
        policyOutputMax = decision.outputTokensMax
        outputTokensMax = request.outputTokensMax ?? decision.outputTokensMax
    }

    /// What builds upon a stored response, or upon files, goes where these are.
    private func pin(_ routed: RoutedModel) throws(GatewayError) {
        guard let place = keptPlace else { return }
        pinned = place.name
        let models = [routed] + room.table.fallbacks(of: routed.model).map { room.routed($0) }
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
        var needs = CapabilityNeeds(endpoint, nil)
        if !request.isForm, body.count > 0 {
            let all = try body.whole()
            needs = try CapabilityNeeds(endpoint, json: all.readableBytesUInt8Span)
        }
        self.needs = needs
        try model.check(needs)
        return fallbacks.filter { needs.firstLacking(in: $0.model.capabilities) == nil }
    }
}

extension CompiledModel {
    /// Refuses what the model cannot do.
    func check(_ needs: CapabilityNeeds) throws(GatewayError) {
        guard let lacking = needs.firstLacking(in: capabilities) else { return }
        throw GatewayError(
            .modelIncapable,
            "the model has no \(lacking.capability.rawValue), which \(lacking.field) asks for: \(name)",
            hint: "leave it out, or ask for another model")
    }
}

extension CapabilityNeeds {
    init(_ endpoint: ModelEndpoint, json: Span<UInt8>) throws(GatewayError) {
        let tree: JSONTree
        do { tree = try JSONTree.parse(json) } catch {
            throw GatewayError(
                .malformedRequest, "the request cannot be judged by what its model can do: \(error.reason)")
        }
        self.init(endpoint, tree)
    }
}
