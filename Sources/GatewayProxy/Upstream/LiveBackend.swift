import NIOCore
import Synchronization

/// What lives on while snapshots come and go: the endpoints of one backend over one kind of transport.
///
/// Loops read it by a version and keep what they derive from it; the lock is taken when something changes.
final class LiveBackend: Sendable {
    /// The backend's name and the identity of its transport: a changed certificate means new connections.
    let key: String
    let name: String
    /// A small number no other living backend has: the index of its balancer in each loop.
    let number: Int
    let load = BackendLoad()

    /// Requests that may wait for the first answer of DNS; the others go on without one.
    static let waitersMax = 4096

    private let numbers: EndpointDirectory.Numbers
    private let sessions: SessionKey
    private let version = Atomic<UInt64>(1)
    private let state: Mutex<State>

    private struct State {
        var wanted: Wanted
        var answers: [String: NameAnswer] = [:]
        var set = EndpointSet.empty
        var retries: RetryAllowance
        var hedges: RetryAllowance
        /// The first complete set does not warm up: there is nothing warmer to send to.
        var hasServed = false
        var waiters: [@Sendable () -> Void] = []
    }

    /// What the configuration asks for. Not the compiled backend itself, which refers back to this.
    private struct Wanted {
        var specs: [EndpointSpec]
        var names: Set<String>
        var isHashed: Bool

        init(_ compiled: CompiledBackend) {
            specs = compiled.endpoints
            names = Set(compiled.names)
            isHashed = compiled.loadBalancing.isHashed
        }
    }

    init(_ compiled: CompiledBackend, numbers: EndpointDirectory.Numbers, sessions: SessionKey, now: UInt64) {
        key = compiled.liveKey
        name = compiled.name
        self.numbers = numbers
        self.sessions = sessions
        number = numbers.backends.take()
        state = Mutex(
            State(wanted: Wanted(compiled), retries: RetryAllowance(now: now), hedges: RetryAllowance(now: now)))
        configure(compiled, now: now)
    }

    deinit { numbers.backends.giveBack(number) }

    // MARK: What loops read

    /// Changes whenever something a loop derives from this has changed.
    var currentVersion: UInt64 { version.load(ordering: .acquiring) }

    var endpointSet: EndpointSet { state.withLock { $0.set } }

    /// There is no endpoint yet, and a name that has never had an answer, good or bad.
    var isResolving: Bool { state.withLock { !LiveBackend.isSettled($0) } }

    private static func isSettled(_ state: State) -> Bool {
        !state.set.endpoints.isEmpty || state.wanted.names.allSatisfy { state.answers[$0] != nil }
    }

    /// Health has changed: loops choose anew.
    func touch() { version.add(1, ordering: .releasing) }

    // MARK: What changes it

    /// Takes over the endpoints of a newly compiled backend.
    func configure(_ compiled: CompiledBackend, now: UInt64) {
        state.withLock { state in
            state.wanted = Wanted(compiled)
            for name in Array(state.answers.keys) where !state.wanted.names.contains(name) { state.answers[name] = nil }
            rebuild(&state, now: now)
            // Before anyone can see that the endpoints are known, so that whoever sees it finds them.
            touch()
        }
        wakeIfResolved()
    }

    /// A name of this backend has been looked up.
    func resolved(_ host: String, _ answer: NameAnswer, now: UInt64) {
        state.withLock { state in
            guard state.wanted.names.contains(host), state.answers[host] != answer else { return }
            state.answers[host] = answer
            rebuild(&state, now: now)
            touch()
        }
        wakeIfResolved()
    }

    /// No answer will come any more: whoever waits for one goes on without.
    func abandon(now: UInt64) {
        let names = state.withLock { state in state.wanted.names.filter { state.answers[$0] == nil } }
        for name in names { resolved(name, .failed("it is not looked up any more"), now: now) }
    }

    /// Runs `body` as soon as it is known whether there are endpoints: now, or on the thread that brings the answer.
    /// False, and it will not run, when too many wait already.
    func whenResolved(_ body: @escaping @Sendable () -> Void) -> Bool {
        let (isKnown, isWaiting) = state.withLock { state in
            guard !LiveBackend.isSettled(state) else { return (true, false) }
            guard state.waiters.count < LiveBackend.waitersMax else { return (false, false) }
            state.waiters.append(body)
            return (false, true)
        }
        if isKnown { body() }
        return isKnown || isWaiting
    }

    /// Why no endpoint can be had, for the log.
    func trouble(now: UInt64) -> String {
        state.withLock { state in
            var parts = state.answers.sorted { $0.key < $1.key }.compactMap { name, answer -> String? in
                guard case .failed(let reason) = answer else { return nil }
                return "\(name): \(reason.lowercased())"
            }
            let ejected = state.set.endpoints.count { $0.ejectedUntilNanoseconds > now }
            let unhealthy = state.set.endpoints.count { !$0.isHealthy }
            if unhealthy > 0 { parts.append("\(unhealthy) fail their health check") }
            if ejected > 0 { parts.append("\(ejected) are ejected after failures") }
            if parts.isEmpty { parts = ["none of \(state.set.endpoints.count) takes requests"] }
            return parts.prefix(4).joined(separator: "; ")
        }
    }

    private func wakeIfResolved() {
        let waiters: [@Sendable () -> Void] = state.withLock { state in
            guard !state.waiters.isEmpty, LiveBackend.isSettled(state) else { return [] }
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter() }
    }

    // MARK: Endpoints

    private func rebuild(_ state: inout State, now: UInt64) {
        var kept: [String: Endpoint] = [:]
        for endpoint in state.set.endpoints { kept[EndpointPlan.key(endpoint.host, endpoint.address)] = endpoint }
        let plan = EndpointPlan(specs: state.wanted.specs, answers: state.answers)
        var endpoints: [Endpoint] = []
        for place in plan.places {
            if let endpoint = kept[place.key] {
                endpoint.weight = place.weight
                endpoints.append(endpoint)
                continue
            }
            let text = place.address.description
            let endpoint = Endpoint(
                address: place.address, host: place.host, weight: place.weight,
                sessionTag: sessions.tag(backend: name, host: place.host, address: text),
                load: load, numbers: numbers.endpoints)
            if state.hasServed { endpoint.warmSinceNanoseconds = max(now, 1) }
            endpoints.append(endpoint)
        }
        if !endpoints.isEmpty { state.hasServed = true }
        let weights = plan.places.map(\.weight)
        let isHashed = state.wanted.isHashed
        guard !state.set.isMade(of: endpoints, weights: weights, weightUnit: plan.unit, isHashed: isHashed) else {
            return
        }
        state.set = EndpointSet(endpoints: endpoints, weights: weights, weightUnit: plan.unit, isHashed: isHashed)
    }

    // MARK: Health and budgets

    /// An endpoint has failed once more in a row: takes it out if the policy says so; returns until when.
    func considerEjection(of endpoint: Endpoint, failures: Int, policy: OutlierPolicy, now: UInt64) -> UInt64? {
        guard failures >= policy.consecutiveFailures else { return nil }
        let until: UInt64? = state.withLock { state in
            let ejected = state.set.endpoints.count { $0.ejectedUntilNanoseconds > now }
            let decision = Ejection.decide(
                policy, failures: failures, ejected: ejected, total: state.set.endpoints.count,
                last: endpoint.ejectedUntilNanoseconds, count: endpoint.ejectionCount, now: now)
            guard case .eject(let until, let count) = decision else { return nil }
            endpoint.ejectionCount = count
            endpoint.ejectedUntilNanoseconds = until
            endpoint.countSuccess()
            return until
        }
        if until != nil { touch() }
        return until
    }

    /// Takes one second attempt, which may be so many percent of all requests.
    func spendHedge(percent: Int, now: UInt64) -> Bool {
        let requests = load.requests
        return state.withLock { state in
            state.hedges.spend(requests: requests, percent: percent, minPerSecond: 0, now: now)
        }
    }

    /// Takes one retry from the budget.
    func spendRetry(_ policy: RetryPolicy, now: UInt64) -> Bool {
        let requests = load.requests
        return state.withLock { state in
            state.retries.spend(
                requests: requests, percent: policy.budgetPercent, minPerSecond: policy.budgetMinPerSecond, now: now)
        }
    }
}

extension CompiledBackend {
    /// What live state is kept by.
    var liveKey: String { "\(name) \(transport.identity)" }
    /// The hosts that must be resolved.
    var names: [String] { endpoints.map(\.host).filter { !SocketAddress.isLiteral($0) } }
}

extension UpstreamTransport {
    /// Two transports with the same identity can share connections.
    var identity: String {
        guard let tls else { return "\(http)" }
        return "\(http) \(tls.fingerprint) \(tls.serverName ?? "")"
    }
}

extension LoadBalancing {
    var isHashed: Bool {
        if case .consistentHash = self { true } else { false }
    }
}
