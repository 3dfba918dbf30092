import GatewayModel
import GatewayWire
import GatewayRecords

extension Exchange {
    /// Phase 5: takes what the request needs from shared bounds (rates, concurrency); *settle* gives it back.
    func admit() -> GatewayError? {
        if let rule {
            bodyBytesMax = rule.policy.bodyBytesMax
            if !rule.policy.isEmpty, let refusal = rule.policy.admit(self) { return refusal }
        }
        if bodyBytesMax == 0 { bodyBytesMax = snapshot.limits.bodyBytesMax }
        if case .length(let length) = request.framing, bodyBytesMax > 0, length > bodyBytesMax {
            return GatewayError(.bodyTooLarge, "the request body is larger than \(bodyBytesMax) bytes")
        }
        record.admittedNanoseconds = worker.now
        return nil
    }
}
