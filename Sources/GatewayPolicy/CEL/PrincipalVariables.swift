import GatewayModel

/// The variables every condition has of its caller. `Documentation/Expressions.md` lists them.
struct PrincipalVariables: Sendable {
    private let user, tenant, team, agent, run, groups, credential, proof: CELSlot

    /// Declares them in an environment, before those of what is called.
    init(in environment: inout CELEnvironment) {
        user = environment.declare("principal.user", .string)
        tenant = environment.declare("principal.tenant", .string)
        team = environment.declare("principal.team", .string)
        agent = environment.declare("principal.agent", .string)
        run = environment.declare("principal.run", .string)
        groups = environment.declare("principal.groups", .list(.string))
        credential = environment.declare("principal.credential", .string)
        proof = environment.declare("principal.proof", .string)
    }

    /// What the caller has not got stays unset, so that `has()` tells; and so does what the program does not read.
    func set(_ principal: Principal, in activation: inout CELActivation, for program: CELProgram) {
        if program.reads(user) { activation[user] = principal.user.map { .string($0) } }
        if program.reads(tenant) { activation[tenant] = principal.tenant.map { .string($0) } }
        if program.reads(team) { activation[team] = principal.team.map { .string($0) } }
        if program.reads(agent) { activation[agent] = principal.agent.map { .string($0) } }
        if program.reads(run) { activation[run] = principal.run.map { .string($0) } }
        if program.reads(groups) { activation[groups] = .strings(principal.groups) }
        if program.reads(credential) { activation[credential] = principal.originCredentialID.map { .string($0) } }
        if program.reads(proof) { activation[proof] = .string(principal.proof.rawValue) }
    }
}
