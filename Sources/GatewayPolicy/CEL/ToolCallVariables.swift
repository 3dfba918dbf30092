package import GatewayModel

/// The variables of conditions on calls of tools: who calls, which tool, with which arguments.
/// `Documentation/Expressions.md` lists them; a new one is added there too.
package struct ToolCallVariables: Sendable {
    package let environment: CELEnvironment
    private let principal: PrincipalVariables
    package let server, name, risk, arguments: CELSlot
    package let now: CELSlot

    package static let standard = ToolCallVariables()

    private init() {
        var environment = CELEnvironment()
        principal = PrincipalVariables(in: &environment)
        server = environment.declare("tool.server", .string)
        name = environment.declare("tool.name", .string)
        risk = environment.declare("tool.risk", .string)
        arguments = environment.declare("tool.arguments", .map(.string, .dyn))
        now = environment.declare("now", .timestamp)
        self.environment = environment
    }

    /// A condition over these variables.
    package func condition(_ source: String) throws(CELError) -> CELProgram {
        try CELProgram(source, in: environment, giving: .bool)
    }

    /// An activation for a program, that knows the caller. What the caller has not got stays unset, so that `has()`
    /// tells.
    package func activation(for caller: Principal, in program: CELProgram) -> CELActivation {
        var activation = environment.activation()
        principal.set(caller, in: &activation, for: program)
        return activation
    }
}
