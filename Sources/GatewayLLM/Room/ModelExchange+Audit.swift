import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// What the audit log is told of a call: before a provider is asked, and when it is settled. A call that was refused is
/// told once.
extension ModelExchange {
    /// Answers from the cache or asks a provider as soon as the log has the intent; in class `strict` that is on the
    /// disk.
    func startWhenRecorded() {
        let trail = worker.shared.audit
        guard trail.isOn else { return start() }
        switch trail.intent(.modelCall, timeMilliseconds: nowMilliseconds, { describe(.allowed, in: &$0) }) {
        case .proceed(let ticket):
            self.ticket = ticket
            start()
        case .refused(let error): answer(ModelFailure(error))
        case .wait(let promise):
            awaitsRecord = true
            let bound = NIOLoopBound(self, eventLoop: worker.eventLoop)
            let eventLoop = worker.eventLoop
            promise.then { ticket in eventLoop.execute { bound.value.recorded(ticket) } }
        }
    }

    private func start() {
        if !answerFromCache() { startAttempt() }
    }

    private func recorded(_ ticket: AuditTicket?) {
        awaitsRecord = false
        worker.refreshClock()
        // The client has gone meanwhile: nothing is asked, and a ticket says so as it goes.
        guard stage == .calling, exchange != nil else { return }
        guard let ticket else { return answer(ModelFailure(AuditTrail.unavailable)) }
        self.ticket = ticket
        start()
    }

    /// Once, when the call is settled.
    func recordOutcome() {
        let trail = worker.shared.audit
        guard trail.isOn else { return }
        if let ticket {
            return ticket.outcome(timeMilliseconds: nowMilliseconds) { event in addOutcome(to: &event) }
        }
        // What was never understood was never decided.
        if let failure, !failure.error.code.isOfDecision { return }
        guard failure != nil || cacheMark == .hit else { return }
        var event = AuditEvent(.modelCall, timeMilliseconds: nowMilliseconds)
        describe(failure == nil ? .allowed : .denied, in: &event)
        addOutcome(to: &event)
        if failure != nil { event.effect = nil }
        trail.record(event)
    }

    private func describe(_ verdict: AuditVerdict, in event: inout AuditEvent) {
        event.correlation = recordID
        event.principal = principal
        event.source = clientAddress
        event.operation = endpoint.operation?.rawValue ?? ""
        let asked = String(decoding: request.name.prefix(256), as: UTF8.self)
        event.model = AuditModel(requested: asked, name: facts?.model ?? asked)
        event.decision = AuditDecision(verdict)
        event.decision?.facts = auditFacts
        if let failure {
            event.decision?.code = failure.error.code
            event.decision?.reason = failure.error.message
        }
        if worker.shared.audit.keepsRequests,
            let begin = try? body.read(0..<min(body.count, AuditBody.capturedBytesMax))
        {
            event.request = AuditBody(begin.readableBytesView, count: body.count)
        }
        if let exchange {
            event.decision?.rule = exchange.record.verdictRule
            if exchange.record.traceSampled { event.traceID = exchange.record.traceID }
        }
    }

    /// What the decision looked at, so that another policy can be asked the same.
    private var auditFacts: [AuditFact] {
        // In the order of their names, as records have them.
        var facts: [AuditFact] = []
        facts.reserveCapacity(6)
        facts.append(AuditFact("bodyBytes", body.count))
        if let tokens = asked?.inputTokens { facts.append(AuditFact("inputTokens", tokens)) }
        if let needs, !needs.all.isEmpty {
            facts.append(AuditFact("needs", .list(needs.all.map(\.capability.rawValue))))
        }
        if let tokens = asked?.outputTokens { facts.append(AuditFact("outputTokens", tokens)) }
        facts.append(AuditFact("route", route))
        facts.append(AuditFact("stream", request.streams))
        return facts
    }

    private func addOutcome(to event: inout AuditEvent) {
        let isServed = failure == nil && !hasLeft
        var effect = AuditEffect(
            isServed ? .done : hasLeft ? .aborted : .failed,
            status: failure?.rendering(requestID: requestID).status ?? (isServed ? 200 : 0))
        effect.durationMilliseconds = Int((worker.now &- startedNanoseconds) / 1_000_000)
        if isServed { effect.agreement = true }
        event.effect = effect
        event.decision?.code = failure?.error.code
        if let served {
            event.model?.provider = served.provider.shownName
            event.model?.served = servedText
            event.destination = AuditDestination(host: String(decoding: served.provider.authority, as: UTF8.self))
        }
        event.model?.attempts = totalAttempts
        if let account, account.isBilled {
            event.model?.usage = account.usage
            event.model?.cost = account.cost
            event.model?.isEstimated = account.isEstimated
        }
        if let credential = served?.access.credential {
            event.credential = AuditCredential(
                id: credential.name, kind: credential.source == nil ? "static" : "issued")
        }
        if cacheMark == .hit { event.details.append(AuditFact("cache", "hit")) }
        event.traffic = AuditTraffic(
            bytesIn: body.count, bytesOut: Int(clamping: exchange?.record.responseBytes ?? 0) + unsentBytes)
        if let auditedReply { event.response = AuditBody(auditedReply.readableBytesView) }
    }

    /// Remembers the beginning of what the client is sent, where a policy wants that.
    func keepForAudit(_ chunk: ByteBuffer) {
        guard let ticket, ticket.level == .requestResponse else { return }
        var kept = auditedReply ?? ByteBuffer()
        let room = AuditBody.capturedBytesMax - kept.readableBytes
        if room > 0, var part = chunk.getSlice(at: chunk.readerIndex, length: min(room, chunk.readableBytes)) {
            kept.writeBuffer(&part)
        }
        auditedReply = kept
    }
}

extension ErrorCode {
    /// Whether it says what somebody decided, rather than that nothing could be made of the request.
    fileprivate var isOfDecision: Bool {
        isOfPolicy || self == .unknownModel || self == .modelLimitExceeded || self == .auditUnavailable
    }
}
