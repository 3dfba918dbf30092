import GatewayModel
import GatewayPolicy
import GatewayRecords
import GatewayWire
import NIOCore

/// The way of one traced request. It reads the real clock at every step, which other requests do not.
final class TracedWay {
    private(set) var trace: ExchangeTrace

    init(token: String) {
        trace = ExchangeTrace(token: token, startedNanoseconds: TracedWay.now)
        trace.enter("accept", nowNanoseconds: TracedWay.now)
    }

    private static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    func enter(_ phase: String) { trace.enter(phase, nowNanoseconds: TracedWay.now) }
    func note(_ text: String) { trace.note(text) }
    func finish() { trace.finish(nowNanoseconds: TracedWay.now) }
}

/// `sluice trace`: one request through the phases, with times and reasons.
extension Exchange {
    /// Takes the token out, so that no backend sees it; follows the request if somebody waits for that token.
    func takeTraceToken() {
        guard let entry = request.fields.first(.xSluiceTrace) else { return }
        let token = entry.value.count <= TraceBoard.tokenBytesMax ? request.fields.text(entry.value) : ""
        request.fields.remove(.xSluiceTrace)
        guard worker.shared.traces.claim(token) else { return }
        let way = TracedWay(token: token)
        way.note("client \(record.clientAddress)\(client.isTrusted ? ", as a trusted proxy says" : "")")
        way.note("\(request.fields.text(request.methodName)) \(request.fields.text(request.target))")
        traced = way
    }

    /// `begin`, step by step.
    func beginTraced(_ way: TracedWay) {
        way.enter("match")
        let refusal = match()
        way.note(matchNote)
        if refusal == nil, let cors = rule?.cors, answerPreflight(cors) { return }
        proceedTraced(way, refusal)
    }

    /// `proceed`, step by step.
    func proceedTraced(_ way: TracedWay, _ refusal: GatewayError? = nil) {
        var refusal = refusal
        if refusal == nil {
            way.enter("identify")
            refusal = identify()
            guard identityWait == nil else { return way.note("waits for the issuer") }
            way.note(identityNote)
        }
        if refusal == nil {
            way.enter("decide")
            refusal = decide()
            way.note(verdictNote)
        }
        if refusal == nil {
            way.enter("admit")
            refusal = admit()
            way.note(admissionNote)
        }
        guard let refusal else {
            way.enter("handle")
            way.note(handlingNote)
            return handle()
        }
        way.note("refused: \(refusal.code.rawValue) \(refusal.message)")
        refuse(refusal)
    }

    private var matchNote: String {
        guard let rule else { return "no rule; listener \(record.listener)" }
        let name = rule.ruleName.map { " (\($0))" } ?? ""
        return "HTTPRoute \(rule.routeName) rule \(rule.ruleIndex)\(name) on \(record.listener)"
    }

    private var identityNote: String {
        guard let rules = rule?.policy.identity, !rules.isEmpty else { return "nobody is asked for" }
        let names = rules.map(\.name).joined(separator: ", ")
        guard principal.proof != .none else { return "anonymous, by \(names)" }
        return
            "\(principal.user ?? principal.credentialID ?? "somebody") by \(principal.proof.rawValue), \(names)"
    }

    private var verdictNote: String {
        guard let verdict else { return "nothing to decide" }
        guard verdict.isAllowed else { return "denied by \(verdict.rule): \(verdict.reason)" }
        return "allowed by \((rule?.policy.addresses ?? []).map(\.name).joined(separator: ", "))"
    }

    private var admissionNote: String {
        guard let policy = rule?.policy else { return "" }
        let names = policy.rateLimits.map(\.name) + policy.concurrency.map(\.name)
        return names.isEmpty ? "no limits" : "within \(names.joined(separator: ", "))"
    }

    private var handlingNote: String {
        switch rule?.action {
        case .forward(let backends, _): "forward to one of \(backends.count)"
        case .redirect: "redirect"
        case .respond: "direct response"
        case .refuse(let error): "refuse: \(error.message)"
        case .room: "a room answers"
        case nil: "no rule"
        }
    }

    /// Ends the trace and hands it to whoever asked.
    func finishTrace() {
        guard let way = traced else { return }
        traced = nil
        way.enter("settle")
        way.note("status \(record.status), \(record.outcome), \(record.attempts) attempts")
        if let code = record.errorCode { way.note("error \(code.rawValue)") }
        way.finish()
        worker.shared.traces.post(way.trace)
    }
}
