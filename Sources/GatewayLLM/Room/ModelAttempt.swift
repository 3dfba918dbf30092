import GatewayIdentity
import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// One try at one target. What answers, records and metrics say of who served is said of the last.
final class ModelAttempt {
    /// Nil for what names no model.
    let model: ModelTable.Match?
    let target: RoutedTarget
    let access: RoutedTarget.Access
    /// The model's name there.
    let name: [UInt8]
    let startedNanoseconds: UInt64
    /// What its source had when it began.
    let opening: UpstreamCredential?
    /// Nil where the provider speaks the client's API.
    var translation: Translation?
    /// The usage at a stream's end was asked for on our own account: the client does not see it.
    var hidesUsage = false

    var provider: CompiledProvider { target.target.provider }

    /// Takes a place at the target, until `end`.
    init(
        _ model: ModelTable.Match?, _ target: RoutedTarget, _ access: RoutedTarget.Access, name: [UInt8],
        opening: UpstreamCredential?, startedNanoseconds: UInt64
    ) {
        self.model = model
        self.target = target
        self.access = access
        self.name = name
        self.opening = opening
        self.startedNanoseconds = startedNanoseconds
        access.live.begin()
    }

    /// Gives the places back that the attempt holds.
    func end() {
        access.live.end()
        target.provider.end()
    }
}

extension ModelExchange {
    /// Tries the next target; answers when there is none left.
    func startAttempt() {
        defer { body.unload() }
        if let fixed { return startAttempt(at: list?.place ?? fixed) }
        while let exchange, let routed, let match {
            guard let place = nextPlace(routed, exchange) else {
                if nextModel() { continue }
                if endpoint == .countTokens, totalAttempts == 0 { return countLocally(exchange) }
                return answer(self.failure ?? nothingCanServe(match.model))
            }
            let target = routed.targets[place.target]
            let access = target.accesses[place.access]
            var opening: UpstreamCredential?
            if access.isFetched {
                switch self.opening(access, of: target.target.provider) {
                case .ready(let credential): opening = credential
                case .waiting(let source): return wait(for: source, target)
                case .failed(let error):
                    // The others go on.
                    choice.barred.append(place)
                    failure = failure ?? ModelFailure(error)
                    continue
                }
            }
            choice.tried.append(place)
            guard let name = target.target.upstreamName(for: match.name),
                target.provider.begin(countMax: target.concurrentMax)
            else {
                choice.barred.append(place)
                continue
            }
            let attempt = ModelAttempt(
                match, target, access, name: name, opening: opening, startedNanoseconds: worker.now)
            do throws(GatewayError) {
                return send(try prepare(attempt), attempt, exchange)
            } catch {
                // Another target may speak the client's dialect.
                attempt.end()
                choice.barred.append(place)
                failure = failure ?? ModelFailure(error)
            }
        }
    }

    /// What belongs to one place is tried there once: nobody else knows of it.
    private func startAttempt(at place: FixedPlace) {
        guard let exchange else { return }
        if let failure { return answer(failure) }
        if let list, list.place == nil { return answerList(list, exchange) }
        if let refusal = place.target.target.provider.refusal { return answer(ModelFailure(refusal)) }
        let opening: UpstreamCredential?
        switch self.opening(place.access, of: place.target.target.provider) {
        case .ready(let credential): opening = credential
        case .waiting(let source): return wait(for: source, place.target)
        case .failed(let error): return answer(ModelFailure(error))
        }
        guard place.target.provider.begin(countMax: place.target.concurrentMax) else {
            return answer(
                ModelFailure(GatewayError(.upstreamOverloaded, "the provider has as many requests as it may have")))
        }
        let attempt = ModelAttempt(
            match, place.target, place.access, name: [], opening: opening, startedNanoseconds: worker.now)
        do throws(GatewayError) { send(try payload(batchFile?.edits ?? kept.edits), attempt, exchange) } catch {
            attempt.end()
            answer(ModelFailure(error))
        }
    }

    private func nextPlace(_ routed: RoutedModel, _ exchange: Exchange) -> TargetChoice.Place? {
        guard attempts < routed.model.retry.attemptsMax else { return nil }
        let usage = (input: inputTokensEstimate, output: outputTokensMax ?? 0)
        return choice.next(of: routed, usage: usage, now: worker.now, random: &worker.random) { target, access in
            self.serves(target.target.provider.dialect) && self.lets(target.target.provider)
                && (target.target.when == nil || target.target.serves(self.principal, self.asked))
                && (self.pinned.map { $0 == FixedPlace(target: target, access: access).name } ?? true)
        }
    }

    /// Whether providers of that dialect have what is asked for, or something it can be translated to.
    func serves(_ dialect: ModelDialect) -> Bool {
        endpoint.operation?.isServed(by: dialect) ?? false
    }

    /// A provider without this API cannot count: an estimate is better than none, and says that it is one.
    private func countLocally(_ exchange: Exchange) {
        stage = .over
        settle()
        let tokens = request.inputTokensGuess
        losses = ["input_tokens=estimated"]
        respond(
            exchange, status: 200, type: Array("application/json".utf8),
            body: ByteBuffer(string: "{\"input_tokens\":\(tokens)}"))
    }

    /// Goes on with the next model that serves in place of the first; false when there is none.
    private func nextModel() -> Bool {
        guard !fallbacks.isEmpty else { return false }
        let next = fallbacks.removeFirst()
        match = next
        routed = room.routed(next)
        choice = TargetChoice()
        attempts = 0
        usedFallback = true
        return true
    }

    private func nothingCanServe(_ model: CompiledModel) -> ModelFailure {
        if let reason = choice.reason { return ModelFailure(reason) }
        if !model.targets.contains(where: { serves($0.provider.dialect) }) {
            return ModelFailure(
                GatewayError(
                    .malformedRequest, "no provider of this model has this API: \(model.name)",
                    hint: "ask for it by chat/completions or messages, or ask for another model"))
        }
        return ModelFailure(GatewayError(.noHealthyEndpoint, "no provider of the model can serve now: \(model.name)"))
    }

    // MARK: Sending

    private func send(_ payload: consuming Payload, _ attempt: ModelAttempt, _ exchange: Exchange) {
        attempts += 1
        totalAttempts += 1
        if firstAttemptNanoseconds == 0 { firstAttemptNanoseconds = worker.now }
        self.attempt = attempt
        served = attempt
        reply = .none
        answerDecoder = nil
        dropsAnswer = false
        outcome = nil
        // What came of an earlier attempt is not this one's: it would be waited for as if nothing had come of it.
        firstTokenNanoseconds = 0
        let (framing, bytes) = load(payload, exchange)
        exchange.record.attempts = totalAttempts
        exchange.record.backend = attempt.provider.backend.name
        exchange.record.backendID = attempt.provider.backend.metricSlot
        lastByteNanoseconds = worker.now
        lastSentNanoseconds = max(lastSentNanoseconds, startedNanoseconds)
        armTimer()
        let query = upstreamQuery(attempt, exchange)
        call.begin(
            body: bytes, isWhole: sender == nil, to: attempt.provider.backend, rule: attempt.target.rule, on: worker,
            reader: self
        ) { head in
            let dropped = ModelFields.write(
                &head, exchange, list?.endpoint ?? endpoint, to: attempt.target, attempt.access.credential,
                framing: framing, query: query.sent)
            open(&head, by: attempt, bytes)
            losses = dropped.map { "anthropic-beta: \($0)" }
            lossLines = losses.map { "\($0) is not one of the provider's" }
            if query.isCut {
                losses.append("query")
                lossLines.append("query: it has a parameter that the API does not have there")
            }
            if let lost = attempt.translation?.request.losses { note(lost) }
        }
        pump()
    }

    /// Keeps what a translation lost.
    func note(_ lost: TranslationLosses) {
        if let header = lost.header { losses.append(header) }
        if !lost.lines.isEmpty { lossLines += lost.lines }
    }

    /// The body as this target is sent it: the client's own bytes, edited where they must be, or a translation.
    private func prepare(_ attempt: ModelAttempt) throws(GatewayError) -> Payload {
        guard endpoint.isNative(to: attempt.provider.dialect) else { return try translate(attempt) }
        if request.isForm {
            guard let range = request.nameRange, attempt.name != request.name else { return try payload() }
            return try payload([JSONSplice.Edit(range: range, bytes: attempt.name)])
        }
        var splice = kept
        // Spans need a buffer of their own to lie in.
        let all = try body.whole()
        let span = all.readableBytesUInt8Span
        if let range = request.nameRange, attempt.name != request.name {
            var value = attempt.target.target.fixedName?.json ?? []
            let name = attempt.name
            if value.isEmpty { JSONWriter.append(string: name.span, to: &value) }
            splice.replace(range, with: value)
        }
        if request.streams, endpoint.shape?.hasUsageChunk == true {
            do throws(JSONScanError) {
                attempt.hidesUsage = try UsageRequest.add(to: &splice, outline, of: span)
            } catch {
                throw GatewayError(.malformedRequest, "the field stream_options is not valid: \(error)")
            }
        }
        if request.outputTokensMax == nil, let policyOutputMax {
            splice.boundOutput(endpoint, policyOutputMax, outline, span)
        }
        if body.isSpilled || splice.isEmpty { return try payload(splice.edits) }
        return .bytes(splice.pieces(of: all))
    }
}

extension JSONSplice {
    /// A policy's bound, for a request that sets none.
    mutating func boundOutput(
        _ endpoint: ModelEndpoint, _ policyMax: Int, _ outline: JSONOutline, _ span: Span<UInt8>
    ) {
        let value = Array(String(policyMax).utf8)
        switch endpoint {
        case .chatCompletions: set("max_completion_tokens", to: value, in: outline, of: span)
        case .responses: set("max_output_tokens", to: value, in: outline, of: span)
        default: break
        }
    }
}

extension ModelExchange {
    /// The body in the provider's API.
    func translate(_ attempt: ModelAttempt) throws(GatewayError) -> Payload {
        guard let match else { return try payload() }
        var options = TranslationOptions(
            providerModel: String(decoding: attempt.name, as: UTF8.self),
            clientModel: String(decoding: request.name, as: UTF8.self),
            createdSeconds: nowMilliseconds / 1_000,
            outputTokensMax: outputTokensMax ?? match.model.context.outputTokensMax)
        options.isStrict = match.model.isStrict
        options.inputTokensEstimate = request.inputTokensGuess
        let translator = Translator(
            client: endpoint.conversation ?? .chatCompletions,
            provider: attempt.provider.dialect == .anthropic ? .messages : .chatCompletions, options: options)
        var all = try body.whole()
        if !kept.isEmpty { all = ByteBuffer(bytes: kept.applied(to: all.readableBytesUInt8Span)) }
        let translated = try translator.request(all.readableBytesUInt8Span)
        attempt.translation = Translation(translator: translator, request: translated)
        return try payload(translated.body)
    }
}
