package import GatewayModel

/// A condition of a policy, or of a target, on a call of a model: `when`, compiled.
package struct ModelCondition: Sendable {
    /// Nil for what is no condition, which the configuration's check refuses.
    private let program: CELProgram?

    package init(_ source: String) {
        do throws(CELError) {
            program = try ModelCallVariables.standard.condition(source)
        } catch {
            program = nil
        }
    }

    package var readsHeaders: Bool { reads(ModelCallVariables.standard.headers) }
    package var readsTime: Bool { reads(ModelCallVariables.standard.now) }

    private func reads(_ slot: CELSlot) -> Bool { program?.reads(slot) ?? false }

    /// Nil when it cannot be told: it failed, or asks for what is not known.
    package func holds(_ principal: Principal, _ request: AccessTable.Request) -> Bool? {
        guard let program else { return nil }
        let variables = ModelCallVariables.standard
        if request.inputTokens == nil, program.reads(variables.inputTokens) { return nil }
        if request.headers == nil, program.reads(variables.headers) { return nil }
        var activation = variables.activation(for: principal, in: program)
        // The catalogue's name: by an alias nobody gets around a condition.
        activation[variables.model] = .string(String(decoding: request.catalogName, as: UTF8.self))
        activation[variables.operation] = .string(request.operation.rawValue)
        activation[variables.stream] = .bool(request.isStream)
        activation[variables.bodyBytes] = .int(Int64(request.bodyBytes))
        activation[variables.outputTokens] = request.outputTokens.map { .int(Int64($0)) }
        activation[variables.inputTokens] = request.inputTokens.map { .int(Int64($0)) }
        activation[variables.headers] = request.headers.map { .map($0) }
        activation[variables.now] = request.now.map { .timestamp($0) }
        do throws(CELError) {
            return try program.evaluateBool(&activation)
        } catch {
            return nil
        }
    }
}
