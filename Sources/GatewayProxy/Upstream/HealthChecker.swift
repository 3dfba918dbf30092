import NIOCore
import Synchronization

/// Probes the endpoints of one backend, on one loop for all, and writes what it finds into them.
final class HealthChecker: Sendable {
    private struct State {
        var trackers: [ObjectIdentifier: (endpoint: Endpoint, tracker: HealthTracker, isBusy: Bool)] = [:]
        var timer: Scheduled<Void>?
        var isStopped = false
    }

    private let live: LiveBackend
    private let name: String
    private let transport: UpstreamTransport
    private let check: ActiveHealthCheck
    private let eventLoop: any EventLoop
    private let onEvent: @Sendable (EndpointEvent) -> Void
    private let state = Mutex(State())

    init(
        _ live: LiveBackend, backend: CompiledBackend, check: ActiveHealthCheck, eventLoop: any EventLoop,
        onEvent: @escaping @Sendable (EndpointEvent) -> Void
    ) {
        self.live = live
        name = backend.name
        transport = backend.transport
        self.check = check
        self.eventLoop = eventLoop
        self.onEvent = onEvent
    }

    /// Whether a new configuration asks for the same checks, so that their results can stay.
    func matches(_ other: ActiveHealthCheck, backend: CompiledBackend) -> Bool {
        check == other && transport.identity == backend.transport.identity
    }

    func start() { eventLoop.execute { self.round(isFirst: true) } }

    /// Ends the checks. Endpoints count as healthy again: nobody would notice their recovery.
    func stop() {
        let endpoints = state.withLock { state in
            state.isStopped = true
            state.timer?.cancel()
            return state.trackers.values.map(\.endpoint)
        }
        for endpoint in endpoints { endpoint.isHealthy = true }
        live.touch()
    }

    // MARK: Rounds

    /// Probes every endpoint once, spread over a part of the interval, so that a thousand are not probed at once.
    private func round(isFirst: Bool) {
        let endpoints = live.endpointSet.endpoints
        let interval = max(check.intervalNanoseconds, 10_000_000)
        let goesOn = state.withLock { state in
            guard !state.isStopped else { return false }
            let known = Set(endpoints.map { ObjectIdentifier($0) })
            state.trackers = state.trackers.filter { known.contains($0.key) }
            state.timer = eventLoop.scheduleTask(in: .nanoseconds(Int64(HealthChecker.jittered(interval)))) {
                self.round(isFirst: false)
            }
            return true
        }
        guard goesOn else { return }
        for endpoint in endpoints {
            let wait = isFirst ? 0 : UInt64.random(in: 0..<max(interval / 4, 1))
            eventLoop.scheduleTask(in: .nanoseconds(Int64(wait))) { self.probe(endpoint) }
        }
    }

    /// A tenth more or less, so that replicas do not probe in step.
    private static func jittered(_ interval: UInt64) -> UInt64 {
        interval - interval / 10 + UInt64.random(in: 0...max(interval / 5, 1))
    }

    private func probe(_ endpoint: Endpoint) {
        let id = ObjectIdentifier(endpoint)
        let begins = state.withLock { state in
            guard !state.isStopped, state.trackers[id]?.isBusy != true else { return false }
            state.trackers[id, default: (endpoint, HealthTracker(), false)].isBusy = true
            return true
        }
        guard begins else { return }
        HealthProbe(endpoint: endpoint, transport: transport, check: check).run(on: eventLoop).whenComplete { result in
            switch result {
            case .success(let status):
                let isGood = self.check.expectedStatuses.contains { $0.contains(status) }
                self.probed(endpoint, isGood: isGood, reason: "status \(status)")
            case .failure(let error):
                self.probed(endpoint, isGood: false, reason: String(describing: error))
            }
        }
    }

    private func probed(_ endpoint: Endpoint, isGood: Bool, reason: String) {
        let id = ObjectIdentifier(endpoint)
        let changed = state.withLock { state in
            guard !state.isStopped, var entry = state.trackers[id] else { return false }
            entry.isBusy = false
            let changed = entry.tracker.record(
                isGood, healthyThreshold: check.healthyThreshold, unhealthyThreshold: check.unhealthyThreshold)
            state.trackers[id] = entry
            if changed {
                if isGood { endpoint.warmSinceNanoseconds = max(EndpointDirectory.now, 1) }
                endpoint.isHealthy = isGood
            }
            return changed
        }
        guard changed else { return }
        live.touch()
        onEvent(.health(backend: name, address: endpoint.addressText, isHealthy: isGood, reason: reason))
    }
}
