import GatewayModel
import GatewayPolicy

extension Exchange {
    /// Phase 4: policy. Facts in, verdict out; what is judged here is what is forwarded.
    func decide() -> GatewayError? {
        guard let rule, !rule.policy.isEmpty else { return nil }
        return rule.policy.decide(self)
    }
}
