import GatewayModel
import GatewayPolicy
import GatewayRecords
import GatewayWire

extension Exchange {
    /// Phase 5: takes what the request needs from shared bounds (rates, concurrency); *settle* gives it back.
    func admit() -> GatewayError? {
        if let rule {
            bodyBytesMax = rule.policy.bodyBytesMax
            if !rule.policy.rateLimits.isEmpty || !rule.policy.concurrency.isEmpty,
                let refusal = take(rule.policy)
            {
                return refusal
            }
        }
        if bodyBytesMax == 0 { bodyBytesMax = snapshot.limits.bodyBytesMax }
        if case .length(let length) = request.framing, bodyBytesMax > 0, length > bodyBytesMax {
            return GatewayError(.bodyTooLarge, "the request body is larger than \(bodyBytesMax) bytes")
        }
        // What came while the caller's issuer was asked.
        if bodyBytesMax > 0, record.requestBytes > bodyBytesMax {
            return GatewayError(.bodyTooLarge, "the request body is larger than \(bodyBytesMax) bytes")
        }
        record.admittedNanoseconds = worker.now
        return nil
    }

    private func take(_ rules: TrafficRules) -> GatewayError? {
        let place = FactPlace(clientIP: record.clientAddress, listener: record.listener, route: record.route)
        for limit in rules.rateLimits {
            let key = FactKey(limit.key, request: request, principal: principal, place: place)
            let decision = limit.table.take(key, rate: limit.rate, nowNanoseconds: worker.now)
            guard !decision.isAllowed else { continue }
            worker.recorder.metrics.add(.rateLimited)
            return refuse(
                .rateLimited, by: limit.name, "too many requests: rate limit \(limit.name)",
                retryAfterNanoseconds: decision.retryAfterNanoseconds)
        }
        for limit in rules.concurrency {
            let key = FactKey(limit.key, request: request, principal: principal, place: place)
            if let permit = limit.limiter.acquire(key, countMax: limit.countMax) {
                admission.hold(permit)
            } else {
                worker.recorder.metrics.add(.concurrencyLimited)
                return refuse(
                    .concurrencyLimited, by: limit.name, "too many requests at once: concurrency limit \(limit.name)",
                    retryAfterNanoseconds: 1_000_000_000)
            }
        }
        return nil
    }

    private func refuse(
        _ code: ErrorCode, by rule: String, _ message: String, retryAfterNanoseconds: UInt64
    ) -> GatewayError {
        verdict = .deny(rule: rule, reason: message, code: code)
        record.verdictRule = rule
        let seconds = max(1, (retryAfterNanoseconds + 999_999_999) / 1_000_000_000)
        response.fields.append(.retryAfter, Array(String(seconds).utf8))
        return GatewayError(code, message, hint: "try again in \(seconds) s")
    }
}
