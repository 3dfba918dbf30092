import GatewayRecords

/// Which level of a backend's connections counts one of them: each is in one at most, and gone in the end.
struct ConnectionLevel {
    enum State { case gone, idle, active }

    let metricSlot: Int
    private(set) var state = State.gone

    init(metricSlot: Int) { self.metricSlot = metricSlot }

    mutating func move(to next: State, _ metrics: LoopMetrics) {
        switch (state, next) {
        case (.idle, .idle), (.active, .active), (.gone, .gone): return
        // The way of every request.
        case (.idle, .active):
            state = next
            metrics.move(from: .upstreamConnectionsIdle, to: .upstreamConnectionsActive)
            return metrics.move(from: .connectionsIdle, to: .connectionsActive, backend: metricSlot)
        case (.active, .idle):
            state = next
            metrics.move(from: .upstreamConnectionsActive, to: .upstreamConnectionsIdle)
            return metrics.move(from: .connectionsActive, to: .connectionsIdle, backend: metricSlot)
        default: break
        }
        change(state, by: -1, metrics)
        change(next, by: 1, metrics)
        state = next
    }

    private func change(_ state: State, by difference: Int, _ metrics: LoopMetrics) {
        switch state {
        case .gone: break
        case .idle:
            metrics.change(.upstreamConnectionsIdle, by: difference)
            metrics.change(.connectionsIdle, backend: metricSlot, by: difference)
        case .active:
            metrics.change(.upstreamConnectionsActive, by: difference)
            metrics.change(.connectionsActive, backend: metricSlot, by: difference)
        }
    }
}
