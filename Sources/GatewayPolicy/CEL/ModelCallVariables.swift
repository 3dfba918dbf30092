package import GatewayModel

/// The variables of conditions on calls of a model: who calls, and what is asked.
/// `Documentation/Expressions.md` lists them; a new one is added there too.
package struct ModelCallVariables: Sendable {
    package let environment: CELEnvironment
    private let principal: PrincipalVariables
    package let model, operation, stream, bodyBytes, inputTokens, outputTokens, headers: CELSlot
    package let now: CELSlot

    package static let standard = ModelCallVariables()

    private init() {
        var environment = CELEnvironment()
        principal = PrincipalVariables(in: &environment)
        model = environment.declare("request.model", .string)
        operation = environment.declare("request.operation", .string)
        stream = environment.declare("request.stream", .bool)
        bodyBytes = environment.declare("request.bodyBytes", .int)
        inputTokens = environment.declare("request.inputTokens", .int)
        outputTokens = environment.declare("request.outputTokens", .int)
        headers = environment.declare("request.headers", .map(.string, .string))
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
