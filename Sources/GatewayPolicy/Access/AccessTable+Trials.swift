package import GatewayModel

/// Why each policy said what it said: for commands, never for requests.
extension AccessTable {
    package struct Trial: Sendable, Equatable {
        /// `namespace/name` of the policy.
        package var rule: String
        package var effect: ModelAccessPolicySpec.Effect
        /// Whether it decided, had it been alone.
        package var holds: Bool
        package var why: String
    }

    /// Every policy in the order in which it is asked.
    package func trials(_ principal: Principal, _ request: Request) -> [Trial] {
        rules.map { rule in
            let (holds, why) = rule.trial(principal, request)
            return Trial(rule: rule.name, effect: rule.effect, holds: holds, why: why)
        }
    }
}

extension AccessRule {
    fileprivate func trial(_ principal: Principal, _ request: AccessTable.Request) -> (holds: Bool, why: String) {
        guard principal.proof != .none else { return (false, "the caller has proven nothing") }
        if let missing = mismatch(principal, request) { return (false, missing) }
        switch condition(principal, request) {
        case false: return (false, "its condition does not hold")
        case nil: return (effect == .deny, "its condition cannot be told from what is known")
        default: break
        }
        if effect == .allow, let excess = excess(request) { return (false, excess) }
        return (true, effect == .allow ? "lets the call through" : "keeps the caller out")
    }
}
