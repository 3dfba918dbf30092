import GatewayModel
import GatewayProxy

/// TrafficPolicy settings in the words of the data plane. A setting of the route itself goes before any policy.
extension EffectivePolicies {
    func timeouts(_ inline: HTTPRouteTimeouts?) -> RouteTimeouts {
        var result = RouteTimeouts()
        result.totalNanoseconds = nanoseconds(inline?.request ?? first { $0.timeouts?.total })
        result.attemptNanoseconds = nanoseconds(inline?.backendRequest ?? first { $0.timeouts?.perTry })
        result.firstByteNanoseconds = nanoseconds(first { $0.timeouts?.firstByte })
        result.idleNanoseconds = nanoseconds(first { $0.timeouts?.idle })
        if let connect = first({ $0.timeouts?.connect }) { result.connectNanoseconds = nanoseconds(connect) }
        return result
    }

    private func nanoseconds(_ duration: ConfigDuration?) -> UInt64 {
        UInt64(max(0, duration?.milliseconds ?? 0)) * 1_000_000
    }

    func retry(_ inline: HTTPRouteRetry?) -> RetryPolicy? {
        if let inline {
            var policy = RetryPolicy(attemptsMax: inline.attempts ?? 1, statuses: inline.codes)
            if let backoff = inline.backoff {
                // The least wait the route asks for is also the step that grows.
                policy.backoffBaseNanoseconds = nanoseconds(backoff)
                policy.backoffMaxNanoseconds = max(policy.backoffMaxNanoseconds, nanoseconds(backoff) * 10)
            }
            return policy
        }
        guard let retry = first({ $0.retry }), retry.attempts > 0 else { return nil }
        var statuses: [Int] = []
        for case .status(let status) in retry.on { statuses.append(status) }
        return RetryPolicy(
            attemptsMax: retry.attempts, statuses: statuses, onConnectFailure: retry.on.contains(.connectFailure),
            onReset: retry.on.contains(.reset), onTimeout: retry.on.contains(.timeout),
            backoffBaseNanoseconds: retry.backoff.map { nanoseconds($0.base) } ?? 25_000_000,
            backoffMaxNanoseconds: retry.backoff.map { nanoseconds($0.max) } ?? 250_000_000,
            budgetPercent: retry.budgetPercent, budgetMinPerSecond: retry.budgetMinPerSecond)
    }

    /// The route's own session persistence, else a policy's sticky cookie.
    func persistence(_ inline: GatewayModel.SessionPersistence?) -> GatewayProxy.SessionPersistence? {
        if let inline {
            let timeout = (inline.absoluteTimeout?.milliseconds ?? 0) / 1_000
            let isPermanent = inline.cookieConfig?.lifetimeType == .permanent
            return GatewayProxy.SessionPersistence(
                carrier: inline.type == .header ? .header : .cookie,
                name: sessionName(inline), lifetimeSeconds: isPermanent ? timeout : 0, timeoutSeconds: timeout)
        }
        guard let sticky = first({ $0.loadBalancing?.stickyCookie }) else { return nil }
        return GatewayProxy.SessionPersistence(
            carrier: .cookie, name: Array(sticky.name.utf8),
            lifetimeSeconds: (sticky.ttl?.milliseconds ?? 0) / 1_000)
    }

    private func sessionName(_ inline: GatewayModel.SessionPersistence) -> [UInt8] {
        let name = inline.sessionName ?? "sluice-session"
        return Array((inline.type == .header ? name.lowercased() : name).utf8)
    }

    var loadBalancing: GatewayProxy.LoadBalancing {
        guard let balancing = first({ $0.loadBalancing }) else { return .roundRobin }
        switch balancing.policy {
        case .roundRobin: return .roundRobin
        case .leastRequest: return .leastRequest
        case .random: return .random
        case .consistentHash: return .consistentHash(hashKey(balancing.hashOn))
        }
    }

    private func hashKey(_ source: HashSource?) -> GatewayProxy.LoadBalancing.HashKey {
        if let header = source?.header { return .header(Array(header.lowercased().utf8)) }
        if let cookie = source?.cookie { return .cookie(Array(cookie.utf8)) }
        if let query = source?.query { return .query(Array(query.utf8)) }
        return source?.path == true ? .path : .clientAddress
    }

    var slowStartNanoseconds: UInt64 { nanoseconds(first { $0.loadBalancing?.slowStart }) }

    var outlier: OutlierPolicy? {
        first { $0.outlierDetection }.map {
            OutlierPolicy(
                consecutiveFailures: $0.consecutiveFailures, ejectionNanoseconds: nanoseconds($0.ejectionTime),
                ejectionPercentMax: $0.ejectionPercentMax, gapNanoseconds: nanoseconds($0.interval))
        }
    }

    var circuit: CircuitLimits {
        var limits = CircuitLimits()
        guard let breaker = first({ $0.circuitBreaker }) else { return limits }
        limits.connectionsMax = breaker.connectionsMax ?? 0
        limits.pendingMax = breaker.pendingMax ?? 0
        limits.requestsMax = breaker.requestsMax ?? 0
        limits.streamsPerConnectionMax = breaker.streamsPerConnectionMax ?? 0
        return limits
    }

    /// Which policies shape a backend's live state; nothing for most.
    var backendSignature: [String] {
        let names = names { $0.loadBalancing } + names { $0.outlierDetection } + names { $0.circuitBreaker }
        return Array(Set(names)).sorted()
    }
}

extension ActiveHealthCheck {
    init(_ check: HealthCheck) {
        self.init(
            path: check.path, intervalNanoseconds: UInt64(check.interval.milliseconds) * 1_000_000,
            timeoutNanoseconds: UInt64(check.timeout.milliseconds) * 1_000_000,
            healthyThreshold: check.healthyThreshold, unhealthyThreshold: check.unhealthyThreshold,
            expectedStatuses: check.expectedStatuses.map { $0...$0 })
    }
}
