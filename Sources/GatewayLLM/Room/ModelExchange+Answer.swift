import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire
import NIOCore

/// What an attempt's answer has come to so far.
enum ModelReply {
    case none
    case fault(FaultReply)
    /// One document.
    case whole(WholeReply)
    case stream(ReplyStream)
}

/// An error of the provider: gathered, up to a bound.
final class FaultReply {
    let status: Int
    let retryAfter: UInt64?
    var body = ByteBuffer()

    init(status: Int, retryAfter: UInt64?) {
        self.status = status
        self.retryAfter = retryAfter
    }
}

extension ModelReply {
    /// What it has told in its provider's own words; nil where nothing is read of it.
    var facts: ReplyFacts? {
        switch self {
        case .none, .fault: nil
        case .whole(let whole): whole.facts
        case .stream(let stream): stream.facts
        }
    }

    /// What records show of it.
    struct Names {
        var responseID = ""
        var responseModel = ""
        var finishReason = ""
    }

    var names: Names? {
        switch self {
        case .none, .fault: nil
        case .whole(let whole): whole.names
        case .stream(let stream):
            stream.facts.map {
                Names(responseID: $0.responseID, responseModel: $0.responseModel, finishReason: $0.finishReason)
            }
        }
    }

    /// Whether it failed, by its provider's own words, before it said anything.
    var failedUnseen: Bool {
        switch self {
        case .none, .fault: false
        case .whole(let whole): whole.failedUnseen
        case .stream(let stream): stream.facts.map { $0.error != nil && !$0.hasContent } ?? false
        }
    }

    /// Whether its provider has told the client itself that it failed.
    var hasToldFault: Bool {
        if case .stream(let stream) = self {
            !stream.isTranslated && stream.fault != nil && !stream.hasWithheldFault
        } else {
            false
        }
    }

    /// It came with status 200 and was no answer: who is asked again is paid again for another like it.
    var isUseless: Bool {
        switch self {
        case .none, .fault: false
        case .whole(let whole): !whole.failedUnseen
        case .stream(let stream): stream.error != nil
        }
    }

    /// What of a translated one could not be carried.
    var losses: TranslationLosses {
        switch self {
        case .none, .fault: TranslationLosses()
        case .whole(let whole): whole.losses
        case .stream(let stream): stream.losses
        }
    }

    /// All of it as the client gets it, if it was held or kept.
    var whole: (type: [UInt8], body: ByteBuffer)? {
        switch self {
        case .none, .fault: nil
        case .whole(let whole): whole.isComplete ? whole.all.map { (whole.type, $0) } : nil
        case .stream(let stream): stream.kept.map { (stream.type, $0) }
        }
    }
}

/// How an attempt ended.
enum AttemptOutcome {
    case completed
    /// Nothing of it can be used; perhaps another attempt can.
    indirect case failed(ModelFailure)

    var cause: ModelRetry.Cause? { if case .failed(let failure) = self { failure.cause } else { nil } }
}

extension ModelExchange: AnswerReader {
    static let faultBytesMax = 64 * 1024
    static let eventStream = Array("text/event-stream; charset=utf-8".utf8)

    func receiveAnswerHead(_ head: borrowing ResponseHead) {
        lastByteNanoseconds = worker.now
        takeHead(head)
        do throws(GatewayError) { answerDecoder = try ModelExchange.decoder(head.fields) } catch { drop(error) }
    }

    /// A body that cannot be read: what says that it failed has said so by its status.
    private func drop(_ error: GatewayError) {
        dropsAnswer = true
        answerDecoder = nil
        if case .fault = reply { return }
        giveUp(
            ModelFailure(upstream: GatewayError(.upstreamProtocolError, "the provider's answer: \(error.message)")))
    }

    private func takeHead(_ head: borrowing ResponseHead) {
        guard head.status < 300, head.status >= 200 else {
            reply = .fault(FaultReply(status: head.status, retryAfter: RetryAfter.nanoseconds(head)))
            return
        }
        let type = ModelExchange.type(of: head)
        // Who was asked for a stream and does not say JSON sends one, whatever it calls it; a stored response comes as
        // one where its query asks for that.
        let isStream =
            request.streams
            ? !type.starts(with: "application/json".utf8)
            : endpoint.isStored && type.starts(with: "text/event-stream".utf8)
        if isStream {
            reply = .stream(
                ReplyStream(
                    endpoint.shape, attempt?.translation, hidesUsage: attempt?.hidesUsage ?? false,
                    choices: request.choices, marks: marks,
                    keepsBytesMax: cacheKey == nil ? 0 : Int(clamping: match?.model.cache?.maxEntryBytes.bytes ?? 0),
                    type: ModelExchange.eventStream))
        } else {
            reply = .whole(
                WholeReply(
                    endpoint.shape, attempt?.translation, edit: replyEdit, isBilled: endpoint.isBilled,
                    isStored: endpoint.isStored, status: head.status, type: type))
        }
    }

    private static func type(of head: borrowing ResponseHead) -> [UInt8] {
        guard let entry = head.fields.first(.contentType) else { return [] }
        return head.fields.equals(entry.value, ModelFields.json) ? ModelFields.json : head.fields.copy(entry.value)
    }

    /// What a stored response, or a sound, is marked with on its way to the client.
    var marks: ResponseMarks? {
        let isChat = endpoint == .chatCompletions && outline.measure.hasAudio
        // What was translated is stored nowhere.
        guard endpoint == .responses || endpoint.isStored || isChat, let attempt, attempt.translation == nil,
            let owner = ResponseOrigin.owner(principal)
        else { return nil }
        let place = FixedPlace(target: attempt.target, access: attempt.access)
        return ResponseMarks(place: place, owner: owner, services: room.services, isChat: isChat)
    }

    func receiveAnswer(_ bytes: ByteBuffer) {
        lastByteNanoseconds = worker.now
        guard outcome == nil else { return }
        guard !dropsAnswer else { return }
        guard let answerDecoder else { return take(bytes) }
        do throws(GatewayError) {
            try answerDecoder.decode(bytes) { (piece: ByteBuffer) throws(GatewayError) in take(piece) }
        } catch { drop(error) }
    }

    private func take(_ bytes: ByteBuffer) {
        // Of several pieces one may have ended it.
        guard outcome == nil else { return }
        switch reply {
        case .none: break
        case .fault(let fault):
            var bytes = bytes
            if fault.body.readableBytes < ModelExchange.faultBytesMax { fault.body.writeBuffer(&bytes) }
        case .whole(let whole):
            whole.receive(bytes)
            passOn(whole)
        case .stream(let stream):
            stream.receive(bytes)
            passOn(stream)
        }
    }

    func flushAnswer() { exchange?.flush() }

    func receiveAnswerEnd(trailers: FieldBlock?) {
        guard outcome == nil else { return }
        // An answer without a body has no coding, whatever its head says.
        if let answerDecoder, !answerDecoder.isEmpty {
            do throws(GatewayError) { try answerDecoder.finish() } catch { drop(error) }
        }
        guard outcome == nil else { return }
        switch reply {
        case .none: outcome = .failed(.upstream(.upstreamProtocolError))
        case .fault(let fault): outcome = .failed(failure(of: fault))
        case .whole(let whole):
            outcome = whole.finish().map { .failed($0) } ?? .completed
        case .stream(let stream):
            stream.receiveEnd()
            passOn(stream)
            if outcome == nil {
                outcome = isAnswer(stream) ? .completed : .failed(stream.fault ?? .upstream(.upstreamReset))
            }
        }
    }

    func answerFailed(_ error: GatewayError) {
        guard outcome == nil else { return }
        outcome = .failed(ModelFailure(upstream: error))
        exchange?.record.errorCause = error.cause ?? ""
    }

    var isWritable: Bool { exchange?.isDownstreamWritable ?? true }

    /// The attempt is over; what follows is decided here, and only here.
    func callFinished() {
        guard let attempt else { return }
        self.attempt = nil
        (sender, sentBody) = (nil, nil)
        attempt.end()
        if attempt.translation != nil { note(reply.losses) }
        bill(attempt)
        guard stage == .calling else { return settle() }
        switch outcome ?? .failed(.upstream(.upstreamReset)) {
        case .completed:
            report(attempt, nil)
            if goesOnListing { return startAttempt() }
            complete()
        case .failed(let failure):
            report(attempt, failure)
            rejectCredential(of: attempt, failure)
            if let gone = list?.next, failure.provider?.kind == .notFound {
                room.services.objects.forget(gone.key)
                list?.skip()
                return startAttempt()
            }
            self.failure = failure
            if failure.error.code == .upstreamProtocolError, reply.isUseless || dropsAnswer,
                let place = choice.tried.last
            {
                choice.barred.append(place)
            }
            guard !isVisible, let cause = failure.cause, let routed,
                routed.model.retry.on.contains(cause),
                exchange != nil
            else {
                return answer(failure)
            }
            again(routed)
        }
    }

    // MARK: Passing on

    /// A long document leaves before its end; a short one waits for its price, which is said in the head.
    private func passOn(_ whole: WholeReply) {
        noteFirstToken()
        guard let exchange, whole.mustPass else { return }
        if !isHeadSent { sendHead(exchange, status: whole.status, type: whole.type) }
        isVisible = true
        if let chunk = whole.take() {
            keepForAudit(chunk)
            exchange.sendBody(chunk)
        }
    }

    /// A stream's first events say nothing yet: until there is content another provider can take over unseen.
    private func passOn(_ stream: ReplyStream) {
        if stream.hasContent { noteFirstToken() }
        if let error = stream.error { return giveUp(ModelFailure(upstream: error)) }
        let isAnswer = isAnswer(stream)
        if !isAnswer, let fault = stream.fault, stream.isTranslated || !isVisible && !stream.hasContent {
            return giveUp(fault)
        }
        // The provider's words may name its account, as those of an error with a status do: they are told in ours.
        let trip = stream.hasWithheldFault ? stream.fault : trips(stream)
        defer { if let trip { giveUp(trip) } }
        guard let exchange else {
            _ = stream.take()
            return
        }
        guard isVisible || stream.hasContent || isAnswer || stream.heldBytes > StreamLimit.heldBytesMax else {
            return
        }
        if !isHeadSent { sendHead(exchange, status: 200, type: stream.type) }
        isVisible = true
        lastSentNanoseconds = worker.now
        for chunk in stream.take() {
            lastByteSent = chunk.readableBytesView.last ?? lastByteSent
            keepForAudit(chunk)
            exchange.sendBody(chunk)
        }
    }

    /// That a stored response failed is an answer to who asks for it.
    private func isAnswer(_ stream: ReplyStream) -> Bool {
        stream.isComplete || endpoint.isStored && stream.hasToldFailure
    }

    private func noteFirstToken() {
        guard firstTokenNanoseconds == 0 else { return }
        firstTokenNanoseconds = worker.now
    }

    /// Ends the attempt, but not within the event that brought the bytes: the call is in the middle of passing them on.
    func giveUp(_ failure: ModelFailure) {
        guard outcome == nil else { return }
        outcome = .failed(failure)
        cancelSoon()
    }

    /// Ends the attempt at hand, if it is still the one at hand when the event is over.
    func cancelSoon() {
        let number = totalAttempts
        worker.eventLoop.assumeIsolated().execute { [self] in
            if totalAttempts == number, attempt != nil { call.cancel() }
        }
    }

    private func failure(of fault: FaultReply) -> ModelFailure {
        let body = fault.body
        var failure = ModelFailure(ProviderError(body: body.readableBytesUInt8Span, status: fault.status))
        failure.retryAfterNanoseconds = fault.retryAfter
        return failure
    }

    // MARK: The next attempt

    private func again(_ routed: RoutedModel) {
        guard attempts < routed.model.retry.attemptsMax, !hasUntried(routed) else { return startAttempt() }
        // Everyone has had a turn: give them a moment, but not one that is longer than anyone would wait.
        let longest = UInt64(max(0, routed.model.retry.backoffMax.milliseconds)) * 1_000_000
        if let failure, failure.retryAfterNanoseconds ?? 0 > longest { return answer(failure) }
        var delay = backoff(routed.model.retry)
        // Nobody else is there who could be asked before that.
        if routed.onlyPlace != nil, let asked = failure?.retryAfterNanoseconds { delay = max(delay, asked) }
        worker.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(delay))) { [self] in
            guard stage == .calling, exchange != nil, self.attempt == nil else { return }
            worker.refreshClock()
            startAttempt()
        }
    }

    private func hasUntried(_ routed: RoutedModel) -> Bool {
        for target in routed.targets.indices {
            for access in routed.targets[target].accesses.indices
            where !choice.tried.contains(TargetChoice.Place(target: target, access: access)) {
                return true
            }
        }
        return !fallbacks.isEmpty
    }

    /// Full jitter below the exponential step.
    private func backoff(_ retry: ModelRetry) -> UInt64 {
        let first = UInt64(max(1, retry.backoff.milliseconds)) * 1_000_000
        let most = UInt64(max(1, retry.backoffMax.milliseconds)) * 1_000_000
        return worker.random.next(below: min(first << UInt64(min(max(0, attempts - 1), 16)), most)) + 1
    }
}

/// Bounds of what is held of a stream before it is shown.
enum StreamLimit {
    static let heldBytesMax = 64 * 1024
}
