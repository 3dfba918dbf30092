package import GatewayModel

/// Every ModelAccessPolicy, ready to be asked. Deny wins; one policy that allows is enough; without one, nothing is.
package final class AccessTable: Sendable {
    /// What is asked of a model. Names are bytes, as they came.
    package struct Request: Sendable {
        /// As the caller wrote it.
        package var name: [UInt8]
        /// The catalogue's name for the same, where `name` is an alias.
        package var catalogName: [UInt8]
        package var operation: ModelOperation
        package var bodyBytes: Int
        /// As estimated; nil while nobody knows.
        package var inputTokens: Int?
        /// The bound the request sets; nil for none.
        package var outputTokens: Int?
        package var isStream: Bool
        /// The request's fields, names in lower case; only wanted when a condition reads them (`readsHeaders`).
        package var headers: CELMap?
        /// Only wanted when a condition reads it (`readsTime`).
        package var now: CELTimestamp?

        package init(
            name: [UInt8], catalogName: [UInt8]? = nil, operation: ModelOperation, bodyBytes: Int = 0,
            inputTokens: Int? = nil, outputTokens: Int? = nil, isStream: Bool = false, headers: CELMap? = nil,
            now: CELTimestamp? = nil
        ) {
            self.name = name
            self.catalogName = catalogName ?? name
            self.operation = operation
            self.bodyBytes = bodyBytes
            self.inputTokens = inputTokens
            self.outputTokens = outputTokens
            self.isStream = isStream
            self.headers = headers
            self.now = now
        }
    }

    package struct Decision: Sendable, Equatable {
        package var verdict: Verdict
        /// The bound to set where the request has none; nil for no bound.
        package var outputTokensMax: Int?
    }

    private let denying: [AccessRule]
    private let allowing: [AccessRule]

    /// In the order in which they name themselves as the reason.
    package init(_ rules: [AccessRule]) {
        denying = rules.filter { $0.effect == .deny }
        allowing = rules.filter { $0.effect == .allow }
    }

    package static let empty = AccessTable([])

    /// In the order in which they are asked.
    var rules: [AccessRule] { denying + allowing }

    /// Whether a condition asks for the request's fields, so that they must be given.
    package var readsHeaders: Bool { (denying + allowing).contains { $0.when?.readsHeaders ?? false } }
    package var readsTime: Bool { (denying + allowing).contains { $0.when?.readsTime ?? false } }

    package func decide(_ principal: Principal, _ request: Request) -> Decision {
        if let grant = principal.grant, !grant.allows(request) {
            return Decision(
                verdict: .deny(
                    rule: "key", reason: "your \(Denial.credential(principal)) is not for the model: \(shown(request))",
                    code: .modelNotAllowed),
                outputTokensMax: nil)
        }
        for rule in denying where rule.isAbout(principal, request) && rule.condition(principal, request) != false {
            return Decision(
                verdict: .deny(
                    rule: rule.name, reason: "a policy keeps you from using the model: \(shown(request))",
                    code: .modelNotAllowed), outputTokensMax: nil)
        }
        var tooLarge: (rule: AccessRule, what: String)?
        for rule in allowing where rule.isAbout(principal, request) && rule.condition(principal, request) == true {
            if let what = rule.excess(request) {
                tooLarge = tooLarge ?? (rule, what)
                continue
            }
            return Decision(verdict: Verdict(.allow, rule: rule.name), outputTokensMax: rule.limits?.outputTokensMax)
        }
        if let tooLarge {
            return Decision(
                verdict: .deny(rule: tooLarge.rule.name, reason: tooLarge.what, code: .modelLimitExceeded),
                outputTokensMax: nil)
        }
        return Decision(
            verdict: .deny(
                rule: "", reason: "no policy lets you use the model: \(shown(request))", code: .modelNotAllowed),
            outputTokensMax: nil)
    }

    /// Whether a policy that lets the caller in lists that operation by name.
    package func names(_ operation: ModelOperation, for principal: Principal) -> Bool {
        allowing.contains { $0.names(operation, for: principal) }
    }

    /// Whether a list of models shows this one: something may be done with it, by a small request without fields.
    package func lists(_ principal: Principal, name: [UInt8]) -> Bool {
        ModelOperation.allCases.contains { operation in
            let request = Request(name: name, operation: operation, inputTokens: 0, headers: .empty)
            return decide(principal, request).verdict.isAllowed
        }
    }

    private func shown(_ request: Request) -> String { String(decoding: request.name.prefix(128), as: UTF8.self) }
}

/// One ModelAccessPolicy.
package final class AccessRule: Sendable {
    /// `namespace/name` of the policy.
    package let name: String
    package let effect: ModelAccessPolicySpec.Effect
    package let limits: ModelAccessLimits?
    /// One of them must fit.
    private let subjects: [BudgetSubject]
    private let models: [NamePattern]
    private let operations: [ModelOperation]?
    let when: ModelCondition?

    package init(name: String, _ spec: ModelAccessPolicySpec) {
        self.name = name
        effect = spec.effect
        limits = spec.limits
        subjects = spec.subjects.map { BudgetSubject($0) }
        models = spec.models.map { NamePattern($0) }
        operations = spec.operations
        when = spec.when.map { ModelCondition($0) }
    }

    /// Whether subject, model and operation fit; an alias is its model. Nobody is meant who proved nothing.
    func isAbout(_ principal: Principal, _ request: AccessTable.Request) -> Bool {
        guard principal.proof != .none else { return false }
        if let operations, !operations.contains(request.operation) { return false }
        guard models.contains(where: { $0.matches(request.name.span) || $0.matches(request.catalogName.span) }) else {
            return false
        }
        return subjects.include(principal)
    }

    static func otherOperation(_ request: AccessTable.Request) -> String {
        "it is not about \(request.operation.rawValue)"
    }

    /// What of subject, operation and model does not fit, in words; nil when all of it does.
    func mismatch(_ principal: Principal, _ request: AccessTable.Request) -> String? {
        if !subjects.include(principal) { return "it is not about this caller" }
        if let operations, !operations.contains(request.operation) {
            return AccessRule.otherOperation(request)
        }
        guard models.contains(where: { $0.matches(request.name.span) || $0.matches(request.catalogName.span) }) else {
            return "it is not about this model"
        }
        return nil
    }

    /// Nil when it cannot be told, which never helps the caller.
    func condition(_ principal: Principal, _ request: AccessTable.Request) -> Bool? {
        guard let when else { return true }
        return when.holds(principal, request)
    }

    func names(_ operation: ModelOperation, for principal: Principal) -> Bool {
        operations?.contains(operation) == true && subjects.include(principal)
    }

    /// What of the request is too large; nil when nothing is.
    func excess(_ request: AccessTable.Request) -> String? {
        guard let limits else { return nil }
        if let most = limits.bodyBytesMax, request.bodyBytes > Int(clamping: most.bytes) {
            return "the request's body is larger than you may send: \(most)"
        }
        if let most = limits.inputTokensMax, let tokens = request.inputTokens, tokens > most {
            return "the request's input is longer than you may send, in tokens: \(most)"
        }
        if let most = limits.outputTokensMax, let tokens = request.outputTokens, tokens > most {
            return "the request asks for more output than you may have, in tokens: \(most)"
        }
        return nil
    }
}

extension KeyGrant {
    /// Whether the key's own list lets the model through, by either of its names.
    fileprivate func allows(_ request: AccessTable.Request) -> Bool {
        models.isEmpty
            || models.contains { $0.matches(request.name.span) || $0.matches(request.catalogName.span) }
    }
}

extension BudgetSubject {
    /// A subject as policies write it; `any` leaves everything open.
    package init(_ subject: ModelSubject) {
        self.init()
        group = subject.group.map { NamePattern($0) }
        user = subject.user.map { NamePattern($0) }
        team = subject.team.map { NamePattern($0) }
        tenant = subject.tenant.map { NamePattern($0) }
        agent = subject.agent.map { NamePattern($0) }
        key = subject.key.map { NamePattern($0) }
    }
}
