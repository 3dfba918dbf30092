import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

extension Worker {
    /// The endpoint the next attempt of a request goes to; nil when there is none, see `refusal(of:)`.
    func chooseEndpoint(of backend: CompiledBackend, for exchange: Exchange) -> Endpoint? {
        let live = shared.directory.live(of: backend)
        let most = backend.circuit.requestsMax
        if most > 0, live.load.inFlight >= most { return nil }
        let balancer = balancers.balancer(of: live, start: now)
        balancer.refresh(slowStart: backend.slowStartNanoseconds, now: now)
        guard let persistence = exchange.rule?.persistence else {
            return choose(by: backend.loadBalancing, balancer, exchange)
        }
        return exchange.sessionEndpoint(persistence, balancer) {
            choose(by: backend.loadBalancing, balancer, exchange)
        }
    }

    private func choose(by strategy: LoadBalancing, _ balancer: LoopBalancer, _ exchange: Exchange) -> Endpoint? {
        let avoid = exchange.attempt.avoid
        switch strategy {
        case .roundRobin: return balancer.nextInRound(avoid: avoid)
        case .random: return balancer.random(random.next(), avoid: avoid)
        case .leastRequest: return balancer.lessBusy(random.next(), random.next(), avoid: avoid)
        case .consistentHash(let key):
            // A request without the key belongs to nobody in particular.
            guard let hash = exchange.hash(of: key) else { return balancer.random(random.next(), avoid: avoid) }
            return balancer.owner(of: hash, avoid: avoid)
        }
    }

    /// The answer of DNS came after `chooseEndpoint` had looked.
    func hasNews(of backend: CompiledBackend) -> Bool {
        balancers.balancer(of: shared.directory.live(of: backend), start: now).isStale
    }

    /// Why `chooseEndpoint` found none.
    func refusal(of backend: CompiledBackend) -> GatewayError {
        if !shared.directory.admits(backend) {
            return GatewayError(
                .circuitOpen, "the backend has as many requests under way as it may have: \(backend.name)",
                hint: "see requestsMax of the policy")
        }
        return GatewayError(
            .noHealthyEndpoint, "no endpoint of the backend is ready: \(backend.name)",
            cause: shared.directory.live(of: backend).trouble(now: now))
    }
}

extension Exchange {
    /// Waits for the first answer of DNS, if that is all the backend lacks, and starts the attempt again when it is
    /// there, good or bad: after `NameBook.firstAnswerNanosecondsMax` at the latest.
    func waitForEndpoints(of backend: CompiledBackend) -> Bool {
        let directory = worker.shared.directory
        guard directory.admits(backend), directory.isResolving(backend) || worker.hasNews(of: backend) else {
            return false
        }
        armTimers()
        attempt.backoffUntil = .max
        let ticket = attempt.count
        let waiting = NIOLoopBound(self, eventLoop: worker.eventLoop)
        return directory.whenResolved(backend, on: worker.eventLoop) {
            let exchange = waiting.value
            // The exchange may have been settled meanwhile, and may even serve another request.
            guard exchange.state == .seeking, exchange.attempt.backend === backend,
                exchange.attempt.backoffUntil == .max, exchange.attempt.count == ticket
            else { return }
            exchange.worker.refreshClock()
            exchange.attempt.count -= 1
            exchange.startAttempt()
        }
    }
}

extension Exchange {
    /// The hash of what consistent hashing goes by; nil when the request does not have it.
    func hash(of key: LoadBalancing.HashKey) -> UInt64? {
        let fields = request.fields
        switch key {
        case .clientAddress:
            return KeyHash.hash(Array(record.clientAddress.utf8))
        case .path:
            return KeyHash.hash(fields.bytes, request.path.range)
        case .header(let name):
            guard let index = fields.firstIndex(named: name) else { return nil }
            return KeyHash.hash(fields.bytes, fields.entries[index].value.range)
        case .cookie(let name):
            guard let slice = fields.cookie(name) else { return nil }
            return KeyHash.hash(fields.bytes, slice.range)
        case .query(let name):
            guard let slice = fields.parameter(name, in: request.query) else { return nil }
            return KeyHash.hash(fields.bytes, slice.range)
        }
    }
}
