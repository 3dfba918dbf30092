import GatewayIdentity
import GatewayModel

extension Exchange {
    /// Phase 3: builds the one `Principal` of the request.
    func identify() -> GatewayError? {
        guard let rule, !rule.policy.isEmpty else { return nil }
        return rule.policy.identify(self)
    }
}
