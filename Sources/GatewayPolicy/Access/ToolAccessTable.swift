package import GatewayModel

/// Every ToolAccessPolicy, ready to be asked. Of the rules that fit deny wins over ask and ask over allow; without one
/// that fits, nothing may be done.
package struct ToolAccessTable: Sendable {
    /// What of a server is wanted.
    package enum Item: UInt8, Sendable {
        case tool, resource, prompt

        /// For sentences.
        package var word: String {
            switch self {
            case .tool: "tool"
            case .resource: "resource"
            case .prompt: "prompt"
            }
        }
    }

    /// What is asked. The name is the server's own.
    package struct Request: Sendable {
        package var server: String
        package var item: Item
        package var name: String
        /// Only wanted when a condition reads them (`readsArguments`); nil for what cannot be told, which never helps
        /// the caller.
        package var arguments: CELMap?
        package var now: CELTimestamp?
        /// As MCPToolPolicies judge the tool; only wanted when a condition reads it (`readsRisk`).
        package var risk: ToolRisk?

        package init(
            server: String, item: Item, name: String, arguments: CELMap? = nil, now: CELTimestamp? = nil
        ) {
            self.server = server
            self.item = item
            self.name = name
            self.arguments = arguments
            self.now = now
        }
    }

    let rules: [ToolRule]
    package let readsArguments: Bool
    package let readsTime: Bool
    package let readsRisk: Bool

    package init(_ rules: [ToolRule]) {
        self.rules = rules
        readsArguments = rules.contains { $0.readsArguments }
        readsTime = rules.contains { $0.readsTime }
        readsRisk = rules.contains { $0.readsRisk }
    }

    package static let empty = ToolAccessTable([])

    package func decide(_ principal: Principal, _ request: Request) -> Verdict {
        var best: Verdict?
        for rule in rules where rule.isAbout(principal, request) {
            let holds = rule.condition(principal, request)
            guard rule.verdict == .allow ? holds == true : holds != false else { continue }
            let verdict = verdict(rule, request)
            best = best.map { $0.and(verdict) } ?? verdict
        }
        return best ?? nothing(request)
    }

    /// Whether a list shows it: something may be done with it, by some arguments.
    package func lists(_ principal: Principal, _ request: Request) -> Bool {
        var isLetIn = false
        for rule in rules where rule.isAbout(principal, request) {
            if rule.verdict == .deny {
                // What only some arguments meet hides nothing.
                if !rule.readsArguments, rule.condition(principal, request) != false { return false }
            } else if !isLetIn {
                isLetIn = rule.readsArguments || rule.condition(principal, request) == true
            }
        }
        return isLetIn
    }

    /// Whether anything of a server may be used at all.
    package func shows(_ principal: Principal, server: String) -> Bool {
        rules.contains { $0.verdict != .deny && $0.isAbout(principal, server: server) }
    }

    /// Whether the person at the client may approve what this rule asks about.
    package func callerMayApprove(_ rule: String) -> Bool {
        rules.first { $0.name == rule }?.approvers.contains(.caller) ?? false
    }

    private func verdict(_ rule: ToolRule, _ request: Request) -> Verdict {
        switch rule.verdict {
        case .allow: Verdict(.allow, rule: rule.name)
        case .ask:
            Verdict(
                .ask, rule: rule.name, reason: "a person has to approve the \(request.item.word): \(shown(request))",
                code: .approvalRequired)
        case .deny:
            Verdict.deny(
                rule: rule.name, reason: "a policy keeps you from using the \(request.item.word): \(shown(request))",
                code: .toolNotAllowed)
        }
    }

    private func nothing(_ request: Request) -> Verdict {
        Verdict.deny(
            rule: "", reason: "no policy lets you use the \(request.item.word) like this: \(shown(request))",
            code: .toolNotAllowed)
    }

    private func shown(_ request: Request) -> String { String(request.name.prefix(128)) }
}

/// One rule of a ToolAccessPolicy.
package final class ToolRule: Sendable {
    /// `namespace/name#rules[n]`.
    package let name: String
    package let verdict: ToolAccessRule.Verdict
    let approvers: [ToolAccessRule.Approver]
    let subjects: [BudgetSubject]
    let server: NamePattern
    private let tools: [NamePattern]?
    private let resources: [NamePattern]?
    private let prompts: [NamePattern]?
    private let namesItems: Bool
    private let hasCondition: Bool
    /// Nil for what is no condition, which the configuration's check refuses.
    private let program: CELProgram?

    package init(name: String, subjects: [ModelSubject], _ rule: ToolAccessRule) {
        self.name = name
        verdict = rule.verdict
        approvers = rule.approvers
        self.subjects = subjects.map { BudgetSubject($0) }
        server = NamePattern(rule.server)
        tools = rule.tools.map { $0.map { NamePattern($0) } }
        resources = rule.resources.map { $0.map { NamePattern($0) } }
        prompts = rule.prompts.map { $0.map { NamePattern($0) } }
        namesItems = rule.tools != nil || rule.resources != nil || rule.prompts != nil
        hasCondition = rule.when != nil
        var program: CELProgram?
        if let source = rule.when {
            do throws(CELError) { program = try ToolCallVariables.standard.condition(source) } catch { program = nil }
        }
        self.program = program
    }

    /// Every rule of a policy.
    package static func rules(_ name: String, _ spec: ToolAccessPolicySpec) -> [ToolRule] {
        spec.rules.enumerated().map { ToolRule(name: "\(name)#rules[\($0)]", subjects: spec.subjects, $1) }
    }

    var readsArguments: Bool { program?.reads(ToolCallVariables.standard.arguments) ?? false }
    var readsRisk: Bool { program?.reads(ToolCallVariables.standard.risk) ?? false }
    var readsTime: Bool { program?.reads(ToolCallVariables.standard.now) ?? false }

    func isAbout(_ principal: Principal, server name: String) -> Bool {
        principal.proof != .none && server.matches(name) && subjects.contains { $0.matches(principal) }
    }

    func isAbout(_ principal: Principal, _ request: ToolAccessTable.Request) -> Bool {
        if namesItems {
            let patterns =
                switch request.item {
                case .tool: tools
                case .resource: resources
                case .prompt: prompts
                }
            guard let patterns, patterns.contains(where: { $0.matches(request.name) }) else { return false }
        }
        return isAbout(principal, server: request.server)
    }

    /// Nil when it cannot be told, which never helps the caller.
    func condition(_ principal: Principal, _ request: ToolAccessTable.Request) -> Bool? {
        guard hasCondition else { return true }
        guard let program else { return nil }
        let variables = ToolCallVariables.standard
        let (readsArguments, readsNow) = (program.reads(variables.arguments), program.reads(variables.now))
        if request.arguments == nil, readsArguments { return nil }
        if request.now == nil, readsNow { return nil }
        var activation = variables.activation(for: principal, in: program)
        if program.reads(variables.server) { activation[variables.server] = .string(request.server) }
        if program.reads(variables.name) { activation[variables.name] = .string(request.name) }
        // A tool that nobody has judged has none, and a condition can tell that.
        if program.reads(variables.risk) { activation[variables.risk] = .string(request.risk?.rawValue ?? "") }
        if readsArguments { activation[variables.arguments] = request.arguments.map { .map($0) } }
        if readsNow { activation[variables.now] = request.now.map { .timestamp($0) } }
        do throws(CELError) {
            return try program.evaluateBool(&activation)
        } catch {
            return nil
        }
    }
}
