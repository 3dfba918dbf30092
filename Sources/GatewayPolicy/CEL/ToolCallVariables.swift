package import GatewayModel

/// The variables of conditions on calls of tools: who calls, which tool, with which arguments.
/// `Documentation/Expressions.md` lists them; a new one is added there too.
package struct ToolCallVariables: Sendable {
    package let environment: CELEnvironment
    package let user, tenant, team, agent, run, groups, credential, proof: CELSlot
    package let server, name, arguments: CELSlot
    package let now: CELSlot

    package static let standard = ToolCallVariables()

    private init() {
        var environment = CELEnvironment()
        user = environment.declare("principal.user", .string)
        tenant = environment.declare("principal.tenant", .string)
        team = environment.declare("principal.team", .string)
        agent = environment.declare("principal.agent", .string)
        run = environment.declare("principal.run", .string)
        groups = environment.declare("principal.groups", .list(.string))
        credential = environment.declare("principal.credential", .string)
        proof = environment.declare("principal.proof", .string)
        server = environment.declare("tool.server", .string)
        name = environment.declare("tool.name", .string)
        arguments = environment.declare("tool.arguments", .map(.string, .dyn))
        now = environment.declare("now", .timestamp)
        self.environment = environment
    }

    /// A condition over these variables.
    package func condition(_ source: String) throws(CELError) -> CELProgram {
        try CELProgram(source, in: environment, giving: .bool)
    }

    /// An activation that knows the caller. What the caller has not got stays unset, so that `has()` tells.
    package func activation(for principal: Principal) -> CELActivation {
        var activation = environment.activation()
        activation[user] = principal.user.map { .string($0) }
        activation[tenant] = principal.tenant.map { .string($0) }
        activation[team] = principal.team.map { .string($0) }
        activation[agent] = principal.agent.map { .string($0) }
        activation[run] = principal.run.map { .string($0) }
        activation[groups] = .strings(principal.groups)
        activation[credential] = principal.credentialID.map { .string($0) }
        activation[proof] = .string(principal.proof.rawValue)
        return activation
    }
}
