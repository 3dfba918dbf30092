package import GatewayModel

/// Why each rule said what it said: for commands, never for requests.
extension ToolAccessTable {
    package struct Trial: Sendable, Equatable {
        /// `namespace/name#rules[n]`.
        package var rule: String
        package var verdict: ToolAccessRule.Verdict
        /// Whether it decided, had it been alone.
        package var holds: Bool
        package var why: String
    }

    /// Every rule, in the order of the policies.
    package func trials(_ principal: Principal, _ request: Request) -> [Trial] {
        rules.map { rule in
            let (holds, why) = rule.trial(principal, request)
            return Trial(rule: rule.name, verdict: rule.verdict, holds: holds, why: why)
        }
    }
}

extension ToolRule {
    fileprivate func trial(
        _ principal: Principal, _ request: ToolAccessTable.Request
    ) -> (holds: Bool, why: String) {
        guard principal.proof != .none else { return (false, "the caller has proven nothing") }
        guard subjects.contains(where: { $0.matches(principal) }) else { return (false, "it is about other callers") }
        guard server.matches(request.server) else { return (false, "it is about other servers") }
        guard isAbout(principal, request) else { return (false, "it is about other things of the server") }
        switch condition(principal, request) {
        case false: return (false, "its condition does not hold")
        case nil: return (verdict != .allow, "its condition cannot be told from what is known")
        default: break
        }
        return switch verdict {
        case .allow: (true, "lets the call through")
        case .ask: (true, "asks a person")
        case .deny: (true, "keeps the caller out")
        }
    }
}
