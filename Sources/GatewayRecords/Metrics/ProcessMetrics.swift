import Synchronization

/// Numbers that change rarely and belong to no loop: configuration, reloads, health of endpoints.
package final class ProcessMetrics: Sendable {
    /// One endpoint of a backend.
    struct Endpoint: Hashable, Sendable {
        var backend: String
        var address: String
    }

    struct Values: Sendable {
        var reloadsApplied: UInt64 = 0
        var reloadsRefused: UInt64 = 0
        var revision: UInt64 = 0
        var appliedSeconds: UInt64 = 0
        var startSeconds: UInt64 = 0
        var endpoints: [Endpoint: Bool] = [:]
        var accessLogDropped: UInt64 = 0
        var tapDropped: UInt64 = 0
        var telemetryDropped: UInt64 = 0
    }

    /// Endpoints with a health line at most.
    package static let endpointsMax = 4_096
    private let values = Mutex(Values())

    package init() {}

    /// Sets when the process started, in seconds of the wall clock.
    package func setStart(seconds: UInt64) { values.withLock { $0.startSeconds = seconds } }

    /// Counts a configuration that was taken and names its revision.
    package func reloadApplied(revision: UInt64, wallSeconds: UInt64) {
        values.withLock {
            $0.reloadsApplied += 1
            $0.revision = revision
            $0.appliedSeconds = wallSeconds
        }
    }

    /// Counts a configuration that was refused; the last good one serves on.
    package func reloadRefused() { values.withLock { $0.reloadsRefused += 1 } }

    /// Sets whether an endpoint may be used.
    package func setHealth(backend: String, address: String, isHealthy: Bool) {
        values.withLock {
            let endpoint = Endpoint(backend: backend, address: address)
            guard $0.endpoints[endpoint] != nil || $0.endpoints.count < ProcessMetrics.endpointsMax else { return }
            $0.endpoints[endpoint] = isHealthy
        }
    }

    /// Forgets the endpoints that a reload removed.
    package func keepEndpoints(where isKept: (_ backend: String, _ address: String) -> Bool) {
        values.withLock { $0.endpoints = $0.endpoints.filter { isKept($0.key.backend, $0.key.address) } }
    }

    /// Sets the drop counts of the writers beside the loops.
    package func setDropped(accessLog: UInt64, tap: UInt64, telemetry: UInt64) {
        values.withLock {
            $0.accessLogDropped = accessLog
            $0.tapDropped = tap
            $0.telemetryDropped = telemetry
        }
    }

    func load() -> Values { values.withLock { $0 } }
}
