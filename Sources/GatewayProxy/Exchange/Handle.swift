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
