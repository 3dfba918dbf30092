/// Something about an endpoint that operators want to see, for logs and metrics.
package enum EndpointEvent: Sendable, Equatable {
    /// An active check changed its mind.
    case health(backend: String, address: String, isHealthy: Bool, reason: String)
    /// Failures of real requests took it out until then (monotonic clock).
    case ejected(backend: String, address: String, untilNanoseconds: UInt64)
    /// A name was looked up with another result than before.
    case resolved(name: String, addressCount: Int)
    /// A look-up failed; the last good answer, if any, stays in use.
    case lookupFailed(name: String, reason: String)
}
