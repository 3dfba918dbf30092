package import GatewayModel

/// Every AuditPolicy, ready to be asked how much of an event is kept, and how surely.
package struct AuditRules: Sendable {
    package struct Handling: Sendable, Equatable {
        package var level: AuditLevel
        package var auditClass: AuditClass

        package init(_ level: AuditLevel, _ auditClass: AuditClass) {
            self.level = level
            self.auditClass = auditClass
        }
    }

    private struct Rule: Sendable {
        var traffic: [AuditTrafficKind]?
        var verdicts: [AuditVerdict]?
        var subjects: [Subject]?
        var resources: [NamePattern]?
        var handling: Handling

        func fits(_ event: AuditEvent) -> Bool {
            if let traffic, !traffic.contains(event.kind.traffic) { return false }
            if let verdicts, !verdicts.contains(event.decision?.verdict ?? .allowed) { return false }
            if let subjects, !subjects.contains(where: { $0.fits(event.principal) }) { return false }
            guard let resources else { return true }
            let names = [event.resource, event.model?.name, event.model?.requested, event.destination?.host]
            return resources.contains { pattern in names.contains { $0.map { pattern.matches($0) } ?? false } }
        }
    }

    private struct Policy: Sendable {
        var rules: [Rule]
        var handling: Handling
    }

    private let policies: [Policy]
    /// No level that a rule asks for is above it: who finds `metadata` here needs to keep no content.
    package let levelMax: AuditLevel

    package init(_ specs: [AuditPolicySpec] = []) {
        policies = specs.map { spec in
            Policy(
                rules: spec.rules.map { rule in
                    Rule(
                        traffic: rule.traffic, verdicts: rule.verdicts,
                        subjects: rule.subjects.map { $0.map(Subject.init) },
                        resources: rule.resources.map { $0.map { NamePattern($0) } },
                        handling: Handling(rule.level ?? spec.level, rule.auditClass ?? spec.auditClass))
                }, handling: Handling(spec.level, spec.auditClass))
        }
        let levels = specs.flatMap { spec in [spec.level] + spec.rules.compactMap(\.level) }
        levelMax = levels.max { $0.rank < $1.rank } ?? .metadata
    }

    /// The highest level in three bits, and a bit for rules that name plain HTTP.
    var wanted: Int {
        let namesHTTP = policies.contains { $0.rules.contains { $0.traffic?.contains(.http) == true } }
        return levelMax.rank | (namesHTTP ? 8 : 0)
    }

    /// The most that any policy wants. Allowed requests of plain HTTP are kept only where a rule names them: the access
    /// log has them.
    package func handling(_ event: AuditEvent) -> Handling {
        let isPlain = event.kind.traffic == .http && event.decision?.verdict == .allowed
        guard !policies.isEmpty else { return Handling(isPlain ? .none : .metadata, .standard) }
        var most: Handling?
        for policy in policies {
            let rule = policy.rules.first { $0.fits(event) && (!isPlain || $0.traffic?.contains(.http) == true) }
            let handling = rule?.handling ?? (isPlain ? Handling(.none, .bestEffort) : policy.handling)
            most =
                most.map { most in
                    Handling(
                        most.level.rank >= handling.level.rank ? most.level : handling.level,
                        most.auditClass.rank >= handling.auditClass.rank ? most.auditClass : handling.auditClass)
                } ?? handling
        }
        return most ?? Handling(.metadata, .standard)
    }

    private struct Subject: Sendable {
        var any: Bool
        var group, user, team, agent, tenant, key: NamePattern?

        init(_ subject: ModelSubject) {
            any = subject.any
            group = subject.group.map { NamePattern($0) }
            user = subject.user.map { NamePattern($0) }
            team = subject.team.map { NamePattern($0) }
            agent = subject.agent.map { NamePattern($0) }
            tenant = subject.tenant.map { NamePattern($0) }
            key = subject.key.map { NamePattern($0) }
        }

        func fits(_ principal: Principal) -> Bool {
            if any { return principal.proof != .none }
            func fits(_ pattern: NamePattern?, _ name: String?) -> Bool {
                guard let pattern else { return true }
                return name.map { pattern.matches($0) } ?? false
            }
            if let group, !principal.groups.contains(where: { group.matches($0) }) { return false }
            return fits(user, principal.user) && fits(team, principal.team) && fits(agent, principal.agent)
                && fits(tenant, principal.tenant)
                && (fits(key, principal.credentialID) || fits(key, principal.originCredentialID))
        }
    }
}
