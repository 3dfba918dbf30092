import GatewayModel
import GatewayPolicy
package import GatewayRecords
import GatewayWire

/// What the audit log is told of requests that no room tells it: every refusal by identity, rule, rate or budget, what
/// was asked of servers of tools, and where an AuditPolicy asks for them the other requests that were let through.
extension Exchange {
    func audit(_ trail: AuditTrail) {
        if let note = record.toolCall { return auditTool(note, trail) }
        let isRefused = verdict?.isAllowed == false || record.errorCode?.isOfPolicy == true
        guard isRefused || trail.keepsPlainHTTP else { return }
        let method = request.fields.text(request.methodName)
        var event = AuditEvent(.http(method: method), timeMilliseconds: Int(worker.wallNanoseconds / 1_000_000))
        event.correlation = record.requestID
        event.traceID = record.traceID
        event.principal = principal
        event.source = record.clientAddress
        event.resource = record.route
        event.operation = method
        event.http = AuditHTTP(
            method: method, host: request.fields.text(request.authority), path: request.fields.text(request.path),
            status: record.status)
        if !record.upstreamAddress.isEmpty { event.destination = AuditDestination(host: record.backend) }
        var decision = AuditDecision(isRefused ? .denied : .allowed)
        decision.rule = record.verdictRule
        decision.reason = verdict?.reason ?? ""
        decision.code = record.errorCode
        decision.facts = [
            AuditFact("listener", record.listener), AuditFact("route", record.route), AuditFact("rule", record.rule),
        ]
        event.decision = decision
        event.details = part
        event.traffic = traffic
        event.effect = effect(isRefused: isRefused)
        trail.record(event)
    }

    /// What is about to be done, for `AuditTrail.intent`.
    package func describe(_ call: borrowing ToolCallRecord, asIntentIn event: inout AuditEvent) {
        describe(call, .allowed, in: &event)
        event.effect = AuditEffect(.pending)
    }

    private func auditTool(_ note: ToolCallNote, _ trail: AuditTrail) {
        guard let ticket = auditTicket.take() else {
            trail.record(toolEvent(note.call))
            return
        }
        // The rest is what the intent says already.
        ticket.outcome(timeMilliseconds: Int(worker.wallNanoseconds / 1_000_000)) { outcome in
            outcome.decision?.code = record.errorCode
            outcome.details = toolDetails(note.call)
            outcome.traffic = traffic
            outcome.effect = toolEffect(note.call.result) ?? AuditEffect(.failed, status: record.status)
        }
    }

    private var traffic: AuditTraffic {
        AuditTraffic(bytesIn: Int(clamping: record.requestBytes), bytesOut: Int(clamping: record.responseBytes))
    }

    /// A message to a server of tools: by digests, never by what was said.
    private func toolEvent(_ call: borrowing ToolCallRecord) -> AuditEvent {
        var event = AuditEvent(.toolCall, timeMilliseconds: Int(worker.wallNanoseconds / 1_000_000))
        let isAsked = call.result == .waiting && call.verdict == "ask"
        describe(call, call.result == .refused ? .denied : isAsked ? .asked : .allowed, in: &event)
        event.traffic = traffic
        event.effect = toolEffect(call.result)
        return event
    }

    private func describe(_ call: borrowing ToolCallRecord, _ verdict: AuditVerdict, in event: inout AuditEvent) {
        event.correlation = record.requestID
        event.traceID = record.traceID
        event.principal = principal
        event.source = record.clientAddress
        event.operation = call.method
        event.resource = call.item.isEmpty ? call.server : "\(call.server)/\(call.item)"
        if !call.server.isEmpty { event.destination = AuditDestination(host: call.server) }
        var decision = AuditDecision(verdict)
        decision.rule = record.verdictRule
        decision.reason = self.verdict?.reason ?? ""
        decision.code = record.errorCode
        decision.facts = [AuditFact("route", record.route), AuditFact("verdict", call.verdict)]
        event.decision = decision
        event.details = toolDetails(call)
    }

    /// What came of it; nil for what was refused.
    private func toolEffect(_ result: ToolCallRecord.Result) -> AuditEffect? {
        let state: AuditEffect.State
        switch result {
        case .ok, .toolError: state = .done
        case .waiting: state = .pending
        case .failed: state = .failed
        case .refused: return nil
        }
        return effect(state)
    }

    private func toolDetails(_ call: borrowing ToolCallRecord) -> [AuditFact] {
        // In the order of their names, as records have them.
        var details: [AuditFact] = []
        details.reserveCapacity(8)
        func add(_ name: String, _ text: String) {
            if !text.isEmpty { details.append(AuditFact(name, text)) }
        }
        add("approval", call.approval)
        add("approvedBy", approver(call))
        add("argumentsDigest", call.argumentsDigest)
        details += part
        add("pin", call.pin)
        if call.redactions > 0 { details.append(AuditFact("redactions", call.redactions)) }
        add("result", call.result.name)
        add("resultDigest", call.resultDigest)
        add("risk", call.risk?.rawValue ?? "")
        if let shown = call.shownCount { details.append(AuditFact("shown", shown)) }
        add("unchecked", call.unchecked)
        return details
    }

    /// Which of the parts of one request it is.
    private var part: [AuditFact] { record.part > 0 ? [AuditFact("part", record.part)] : [] }

    /// The caller's own key is told as the principal; here it is enough that it was the caller.
    private func approver(_ call: borrowing ToolCallRecord) -> String {
        call.approvedBy.hasPrefix("caller ") ? "caller" : call.approvedBy
    }

    private func effect(isRefused: Bool) -> AuditEffect? {
        guard !isRefused else { return nil }
        let state: AuditEffect.State =
            switch record.outcome {
            case .completed, .upgraded: .done
            case .clientAborted, .timedOut: .aborted
            case .upstreamFailed, .refused: .failed
            }
        return effect(state)
    }

    private func effect(_ state: AuditEffect.State) -> AuditEffect {
        var effect = AuditEffect(state, status: record.status)
        effect.durationMilliseconds = Int((record.endedNanoseconds &- record.startedNanoseconds) / 1_000_000)
        return effect
    }
}

extension ErrorCode {
    /// Whether it is identity or policy that refuses (`SL-3nnn`).
    package var isOfPolicy: Bool { rawValue.hasPrefix("SL-3") }
}
