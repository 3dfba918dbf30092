package import GatewayModel

/// What a condition of a policy or a target may ask: the caller, and what the request's outline says.
package enum ModelFacts {
    /// Every variable with its type and what it means.
    package static let variables: [(name: String, type: CELType)] = [
        ("principal.user", .string), ("principal.team", .string), ("principal.tenant", .string),
        ("principal.agent", .string), ("principal.run", .string), ("principal.key", .string),
        ("principal.groups", .list(.string)), ("request.model", .string), ("request.operation", .string),
        ("request.stream", .bool), ("request.tools", .bool), ("request.bodyBytes", .int),
        ("request.inputTokens", .int), ("request.outputTokens", .int),
    ]

    package static let environment: CELEnvironment = {
        var environment = CELEnvironment()
        for variable in variables { environment.declare(variable.name, variable.type) }
        return environment
    }()

    /// What a caller and a request come to. What is not known has no value: `has()` of it is false.
    static func activation(_ principal: Principal, _ request: AccessTable.Request) -> CELActivation {
        var activation = environment.activation()
        func set(_ name: String, _ value: CELValue?) {
            if let value, let slot = environment.slot(name) { activation[slot] = value }
        }
        set("principal.user", principal.user.map { .string($0) })
        set("principal.team", principal.team.map { .string($0) })
        set("principal.tenant", principal.tenant.map { .string($0) })
        set("principal.agent", principal.agent.map { .string($0) })
        set("principal.run", principal.run.map { .string($0) })
        set("principal.key", principal.credentialID.map { .string($0) })
        set("principal.groups", .strings(principal.groups))
        set("request.model", .string(String(decoding: request.catalogName, as: UTF8.self)))
        set("request.operation", .string(request.operation.rawValue))
        set("request.stream", .bool(request.isStream))
        set("request.tools", .bool(request.hasTools))
        set("request.bodyBytes", .int(Int64(request.bodyBytes)))
        set("request.inputTokens", request.inputTokens.map { .int(Int64($0)) })
        set("request.outputTokens", request.outputTokens.map { .int(Int64($0)) })
        return activation
    }
}

/// A `when`, checked and compiled once.
package struct ModelCondition: Sendable {
    private let program: CELProgram

    package init(_ text: String) throws(CELError) {
        program = try CELProgram(text, in: ModelFacts.environment, giving: .bool)
    }

    /// Nil when it cannot be told: the expression failed on these facts.
    package func holds(_ principal: Principal, _ request: AccessTable.Request) -> Bool? {
        var activation = ModelFacts.activation(principal, request)
        return try? program.evaluateBool(&activation)
    }
}
