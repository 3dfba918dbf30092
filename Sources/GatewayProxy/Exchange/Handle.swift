import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

extension Exchange {
    /// Phase 6: the only phase that differs by kind of traffic.
    func handle() {
        guard let rule else { return refuse(GatewayError(.noRoute, "no route")) }
        switch rule.action {
        case .forward(let backends, let totalWeight):
            if answerFromCache() { return }
            forward(to: backends, totalWeight: totalWeight)
        case .redirect(let redirect): respond(to: redirect)
        case .respond(let fixed): respond(fixed)
        case .refuse(let error): refuse(error)
        case .room(let room): room.handle(self)
        }
    }

    // MARK: Forwarding

    private func forward(to backends: [WeightedBackend], totalWeight: Int) {
        if request.method == .options, endsHere() { return }
        guard let choice = pick(backends, totalWeight: totalWeight) else {
            return refuse(GatewayError(.noBackend, "the route has no backend with a weight above 0"))
        }
        switch choice.target {
        case .refuse(let error): refuse(error)
        case .redirect(let redirect): respond(to: redirect)
        case .respond(let fixed): respond(fixed)
        case .backend(let backend):
            attempt.choice = choice
            attempt.backend = backend
            record.backend = backend.name
            record.backendID = backend.metricSlot
            receiver = .upstream
            prepareRequest()
            startMirrors()
            startAttempt()
        }
    }

    private static let maxForwards = Array("max-forwards".utf8)
    static let allowed = Array("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH".utf8)

    /// Counts the hops down that an OPTIONS may still take; one that may take none is answered here (RFC 9110 section
    /// 7.6.2). TRACE is never passed on.
    private func endsHere() -> Bool {
        guard let index = request.fields.firstIndex(named: Exchange.maxForwards),
            let hops = UInt32(request.fields.text(request.fields.entries[index].value))
        else { return false }
        if hops == 0 {
            respond(status: 204, fields: [("allow", String(decoding: Exchange.allowed, as: UTF8.self))])
            return true
        }
        request.fields.set(name: Exchange.maxForwards, value: Array(String(hops - 1).utf8))
        return false
    }

    private func pick(_ backends: [WeightedBackend], totalWeight: Int) -> WeightedBackend? {
        guard totalWeight > 0 else { return nil }
        if backends.count == 1 { return backends[0] }
        if rule?.persistence != nil, let choice = sessionChoice(among: backends) { return choice }
        var ticket = Int(worker.random.next(below: UInt64(totalWeight)))
        for backend in backends {
            ticket -= backend.weight
            if ticket < 0 { return backend }
        }
        return nil
    }
}
