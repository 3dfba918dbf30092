package import GatewayModel
package import NIOCore
import Synchronization

/// The live state of all backends: which endpoints there are, which are well, what retries are left. One for the
/// process, shared by all loops; it outlives snapshots.
package final class EndpointDirectory: Sendable {
    /// Small numbers for what loops keep in arrays.
    final class Numbers: Sendable {
        let backends = SmallNumbers()
        let endpoints = SmallNumbers()
        init() {}
    }

    let sessions: SessionKey
    private let numbers = Numbers()
    private let eventLoop: any EventLoop
    private let names: NameBook
    private let onEvent: @Sendable (EndpointEvent) -> Void
    private let backends = Mutex<[String: LiveBackend]>([:])
    /// Live whatever the configuration says, by key.
    private let pinned = Mutex<Set<String>>([])
    private let checkers = Mutex<[String: HealthChecker]>([:])

    /// `eventLoop` runs the timers of look-ups and health checks, and nothing of a request. `sessionSecret` keys
    /// session cookies; give the same one to all replicas.
    package init(
        eventLoop: any EventLoop, lookup: NameLookup = .system, sessionSecret: Secret? = nil,
        onEvent: @escaping @Sendable (EndpointEvent) -> Void = { _ in }
    ) {
        self.eventLoop = eventLoop
        self.onEvent = onEvent
        sessions = SessionKey(sessionSecret)
        names = NameBook(eventLoop: eventLoop, lookup: lookup, onEvent: onEvent)
    }

    // MARK: Following the configuration

    /// Makes live what this snapshot names, and lets go of everything else. Called after each publish; a request
    /// that is faster makes its backend live itself.
    package func update(for snapshot: Snapshot) {
        var wanted = pinned.withLock { $0 }
        for backend in snapshot.backends {
            let live = live(of: backend)
            backends.withLock { if $0[live.key] == nil { $0[live.key] = live } }
            live.configure(backend, now: EndpointDirectory.now)
            wanted.insert(live.key)
            follow(live, backend)
        }
        let dropped = backends.withLock { backends in
            let dropped = backends.values.filter { !wanted.contains($0.key) }
            for live in dropped { backends[live.key] = nil }
            return dropped
        }
        for live in dropped { abandon(live) }
    }

    /// Stops look-ups and checks. What is there stays usable.
    package func shutDown() {
        for live in backends.withLock({ Array($0.values) }) { abandon(live) }
    }

    private func follow(_ live: LiveBackend, _ backend: CompiledBackend) {
        names.watch(live, names: backend.names)
        let old = checkers.withLock { $0[live.key] }
        if let old, let check = backend.health, old.matches(check, backend: backend) { return }
        // First the end of the old checks, which forgets their results, then the new ones.
        old?.stop()
        let checker = backend.health.map {
            HealthChecker(live, backend: backend, check: $0, eventLoop: eventLoop, onEvent: onEvent)
        }
        checkers.withLock { $0[live.key] = checker }
        checker?.start()
    }

    private func abandon(_ live: LiveBackend) {
        names.forget(live)
        let checker = checkers.withLock { $0.removeValue(forKey: live.key) }
        checker?.stop()
    }

    /// Makes a backend live that no snapshot names, until it is let go.
    func pin(_ backend: CompiledBackend) {
        pinned.withLock { _ = $0.insert(backend.liveKey) }
        _ = live(of: backend)
    }

    func unpin(_ backend: CompiledBackend) {
        pinned.withLock { _ = $0.remove(backend.liveKey) }
        if let live = backends.withLock({ $0.removeValue(forKey: backend.liveKey) }) { abandon(live) }
    }

    /// The live state behind a compiled backend: one load when it has been asked for before.
    func live(of backend: CompiledBackend) -> LiveBackend {
        if let live = backend.live.load() { return live }
        let now = EndpointDirectory.now
        let (found, isNew) = backends.withLock { backends in
            if let live = backends[backend.liveKey] { return (live, false) }
            let live = LiveBackend(backend, numbers: numbers, sessions: sessions, now: now)
            backends[live.key] = live
            return (live, true)
        }
        if isNew { names.watch(found, names: backend.names) }
        return backend.live.storeIfNil(found)
    }

    // MARK: Asking

    /// The endpoints of a backend at this moment; for `/debug` and tests. Requests use `Worker.chooseEndpoint`.
    package func endpoints(of backend: CompiledBackend) -> EndpointSet { live(of: backend).endpointSet }

    /// The backend has no endpoint yet only because DNS has not answered; waiting with `whenResolved` makes sense.
    func isResolving(_ backend: CompiledBackend) -> Bool { live(of: backend).isResolving }

    /// Calls back on `eventLoop` when the backend has an endpoint, or none of its names has one. Every first look-up
    /// ends within `NameBook.firstAnswerNanosecondsMax`, so the wait is bounded. False when too many wait already.
    func whenResolved(
        _ backend: CompiledBackend, on eventLoop: any EventLoop, _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        live(of: backend).whenResolved { eventLoop.execute(body) }
    }

    /// Whether the backend may be given one more request (`CircuitLimits.requestsMax`, over all loops).
    func admits(_ backend: CompiledBackend) -> Bool {
        let most = backend.circuit.requestsMax
        return most <= 0 || live(of: backend).load.inFlight < most
    }

    // MARK: Passive health

    /// An attempt failed before its answer.
    func report(_ failure: UpstreamFailure, endpoint: Endpoint, of backend: CompiledBackend, now: UInt64) {
        guard let policy = backend.outlier, failure.countsAgainstEndpoint else { return }
        countFailure(endpoint, of: backend, policy: policy, now: now)
    }

    /// An endpoint answered.
    func report(status: Int, endpoint: Endpoint, of backend: CompiledBackend, now: UInt64) {
        guard let policy = backend.outlier else { return }
        if Ejection.isFailure(status: status) {
            countFailure(endpoint, of: backend, policy: policy, now: now)
        } else {
            endpoint.countSuccess()
        }
    }

    private func countFailure(_ endpoint: Endpoint, of backend: CompiledBackend, policy: OutlierPolicy, now: UInt64) {
        let failures = endpoint.countFailure(gap: policy.gapNanoseconds, now: now)
        let live = live(of: backend)
        guard let until = live.considerEjection(of: endpoint, failures: failures, policy: policy, now: now) else {
            return
        }
        onEvent(.ejected(backend: backend.name, address: endpoint.addressText, untilNanoseconds: until))
    }

    /// Takes one retry from the backend's budget; false when it is used up.
    func spendRetry(of backend: CompiledBackend, policy: RetryPolicy, now: UInt64) -> Bool {
        live(of: backend).spendRetry(policy, now: now)
    }

    /// The clock of loops.
    static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }
}
