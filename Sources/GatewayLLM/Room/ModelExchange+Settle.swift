import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire
import NIOCore

/// Phase 7, settle: what the attempts used is put in place of what was reserved, once, however the call ends.
extension ModelExchange {
    /// Adds what one attempt used. Nothing came of an error; what broke off is counted by what was seen of it.
    func bill(_ attempt: ModelAttempt) {
        // A stored response was paid for when it was made.
        guard fixed == nil || !endpoint.isStored else { return }
        // What a provider says failed before it said anything costs nothing.
        if reply.failedUnseen { return }
        let seen: (usage: TokenUsage?, outputBytes: Int, isWhole: Bool)
        switch reply {
        case .fault: return
        case .none:
            // It may have read all of the prompt and lost its client before it could answer.
            guard hasLeft || failure?.cause == .timeout || outcome?.cause == .timeout, endpoint.isBilled else { return }
            seen = (nil, 0, false)
        case .whole(let whole): seen = (whole.usage, whole.outputBytes, whole.isRead)
        // A stream that said why it stopped has told its count, whether or not its last event came.
        case .stream(let stream): seen = (stream.usage, stream.outputBytes, stream.isComplete || stream.hasFinished)
        }
        var usage = seen.usage ?? .zero
        // Who answers with words and says that they were none has not counted them.
        let isUncounted = usage.outputTotal == 0 && seen.outputBytes > 0
        let isEstimated = endpoint.isBilled && (!seen.isWhole || seen.usage == nil || isUncounted)
        guard isEstimated || seen.usage != nil else {
            // A picture has a price and no tokens.
            if fixed == nil, endpoint != .countTokens, seen.isWhole {
                account?.add(.zero, cost: attempt.target.target.price?.cost(of: .zero), isEstimated: false)
            }
            return
        }
        if isEstimated {
            if usage.inputTotal == 0 {
                usage.input = request.inputTokensGuess
            }
            // A count that is told as it grows is believed, the one a stream begins with is not.
            let guess = Estimate.tokens(seen.outputBytes)
            if hasLeft, !request.streams {
                // Nobody sees how much of an answer was made before it was called off: all that it could
                // be is charged.
                usage.output = max(usage.output, account?.held.outputTokens ?? 0)
            } else if usage.outputTotal * 2 < guess {
                usage.output = guess - usage.reasoning - usage.audioOutput
            }
        }
        noteSize(usage, attempt)
        account?.add(usage, cost: attempt.target.target.cost(of: usage), isEstimated: isEstimated)
    }

    /// For who builds upon the response.
    private func noteSize(_ usage: TokenUsage, _ attempt: ModelAttempt) {
        guard endpoint == .responses, attempt.translation == nil, let id = reply.facts?.responseID, !id.isEmpty,
            let owner = ResponseOrigin.owner(principal)
        else { return }
        let place = FixedPlace(target: attempt.target, access: attempt.access).name
        room.services.objects.note(
            ProviderObject(
                ProviderObject.Key(place: place, id: id), .response, owner: owner, tokens: usage.total))
    }

    /// Tells the target's live state how the attempt went.
    func report(_ attempt: ModelAttempt, _ failure: ModelFailure?) {
        // What belongs to one place says nothing of the model whose place it shares.
        guard fixed == nil else { return }
        guard let failure else {
            let first = max(firstTokenNanoseconds, attempt.startedNanoseconds)
            return attempt.access.live.succeeded(
                firstTokenNanoseconds: first - attempt.startedNanoseconds, now: worker.now)
        }
        // What every provider would refuse says nothing about this one.
        guard failure.cause != nil else { return }
        attempt.access.live.failed(
            attempt.provider.cooldown, retryAfterNanoseconds: failure.retryAfterNanoseconds, now: worker.now)
    }

    // MARK: Answers

    /// The whole answer has come.
    func complete() {
        // A stream that was begun by a comment cannot go on as a document.
        if case .whole = reply, request.streams, isHeadSent, !isVisible {
            return answer(.upstream(.upstreamProtocolError))
        }
        stage = .over
        // Earlier attempts may have failed; this one has not.
        if failure != nil { failure = nil }
        if case .whole(let whole) = reply {
            if ticket != nil, let all = whole.all { keepForAudit(all) }
            unsentBytes = whole.heldBytes
        }
        settle()
        keepInCache()
        guard let exchange else { return }
        switch reply {
        case .whole(let whole) where !isHeadSent:
            let body = whole.take() ?? ByteBuffer()
            respond(exchange, status: whole.status, type: whole.type, body: body)
        default:
            self.exchange = nil
            exchange.sendEnd()
        }
        reply = .none
    }

    /// Ends with an error: in the head where none has gone, in the protocol where one has.
    func answer(_ failure: ModelFailure) {
        stage = .over
        self.failure = failure
        settle()
        guard let exchange else { return }
        self.exchange = nil
        exchange.record.errorCode = failure.error.code
        exchange.record.outcome =
            totalAttempts == 0 || failure.error.code == .budgetExceeded ? .refused : .upstreamFailed
        let rendering = failure.rendering(requestID: requestID)
        guard !reply.hasToldFault || !isVisible else { return exchange.sendEnd() }
        guard isHeadSent else {
            exchange.response.reset()
            exchange.response.status = rendering.status
            for (name, value) in rendering.fields { exchange.response.fields.append(name, value) }
            mark(&exchange.response.fields)
            return exchange.respond(body: ByteBuffer(bytes: rendering.body(for: errorShape)))
        }
        guard request.streams else { return exchange.breakOff(failure.error) }
        // What has gone so far may end within a line.
        if lastByteSent != 0x0A { exchange.sendBody(ByteBuffer(string: "\n\n")) }
        exchange.sendBody(ByteBuffer(bytes: rendering.event(for: errorShape)))
        exchange.sendEnd()
    }

    /// The client is gone: the count must not go with it.
    func leave() {
        stage = .over
        guard call.isUnderWay else { return settle() }
        // A request that will never be whole has no answer to read.
        // What is being made has to be found again.
        if routed?.model.onDisconnect == .drain || makesKept, isWhole, !isSettled {
            isDetached = true
            worker.detachedCalls += 1
            drainEndsNanoseconds = worker.now + ModelExchange.drainNanoseconds
            armTimer()
            // It may have been held up by the client that is gone.
            let call = call
            return worker.eventLoop.assumeIsolated().execute { call.resumeReading() }
        }
        cancelSoon()
    }

    static let drainNanoseconds: UInt64 = 120_000_000_000

    func settle() {
        timer.cancel()
        guard !isSettled else { return }
        isSettled = true
        if isDetached { worker.detachedCalls -= 1 }
        endBatch()
        record()
        recordOutcome()
        guard let account else { return }
        // Nothing went out: nothing is charged, a request neither.
        if totalAttempts == 0, cacheMark != .hit, endpoint != .countTokens {
            return account.release(nowMilliseconds: nowMilliseconds)
        }
        var row = UsageRow(principal, model: modelText, requestID: requestID, timeMilliseconds: nowMilliseconds)
        fill(&row, account)
        account.settle(lent: &row, nowMilliseconds: nowMilliseconds)
    }

    /// Whose errors the client reads.
    var errorShape: ReplyShape { endpoint.shape ?? (dialect == .anthropic ? .messages : .chatCompletions) }
}
