package import GatewayModel

/// What policy says about a request, and which rule said it, so that a decision can be explained.
package struct Verdict: Sendable, Equatable {
    /// `ask` waits for a person; a caller that cannot wait treats it as `deny`.
    package enum Decision: UInt8, Sendable {
        case allow, deny, ask
    }

    package var decision: Decision
    /// The rule's identity: `namespace/name` of its object and its position, such as `prod/limits#rules[2]`.
    package var rule: String
    /// Why, in words for the caller; never a secret.
    package var reason: String
    /// The error a refusal is answered with.
    package var code: ErrorCode?

    package init(_ decision: Decision, rule: String, reason: String = "", code: ErrorCode? = nil) {
        self.decision = decision
        self.rule = rule
        self.reason = reason
        self.code = decision == .allow ? nil : (code ?? .forbidden)
    }

    /// No rule had anything to say.
    package static let allowed = Verdict(.allow, rule: "")

    package static func deny(rule: String, reason: String, code: ErrorCode = .forbidden) -> Verdict {
        Verdict(.deny, rule: rule, reason: reason, code: code)
    }

    package var isAllowed: Bool { decision == .allow }

    /// The stricter of two verdicts (deny before ask before allow); the first of two equals. Security policies
    /// combine this way: each must allow (GEP-713 merging would let one override another).
    package func and(_ other: Verdict) -> Verdict {
        Verdict.rank(other.decision) > Verdict.rank(decision) ? other : self
    }

    private static func rank(_ decision: Decision) -> Int {
        switch decision {
        case .allow: 0
        case .ask: 1
        case .deny: 2
        }
    }

    /// The refusal as an error; nil when allowed.
    package var error: GatewayError? {
        guard let code else { return nil }
        let hint = rule.isEmpty ? nil : "decided by rule \(rule)"
        return GatewayError(code, reason.isEmpty ? "the request is not allowed" : reason, hint: hint)
    }
}
