import GatewayModel

/// An expression, read, checked and compiled once, to be evaluated any number of times on any thread.
package struct CELProgram: Sendable {
    /// The text it was made from.
    package let source: String
    /// What the checker found; `dyn` when only evaluation tells.
    package let type: CELType
    /// The variables it reads: the others need no value.
    package let slots: Set<CELSlot>
    /// The same, by the slot's index: conditions ask at every call.
    private let isRead: [Bool]
    private let code: CELCode

    /// - Parameter result: the type the expression must have, when there is one.
    package init(_ source: String, in environment: CELEnvironment, giving result: CELType? = nil) throws(CELError) {
        let tree = try CELParser.parse(source, limits: environment.limits)
        var compiler = CELCompiler(environment, source: source)
        let root = try compiler.compile(tree)
        if let result, environment.isChecked, !root.type.fits(result) {
            throw compiler.error(
                .wrongType, "the expression gives \(root.type)", hint: "it must give \(result)", at: tree.offset)
        }
        self.source = source
        type = root.type
        slots = Set(compiler.slotsUsed.map(CELSlot.init(index:)))
        var isRead = [Bool](repeating: false, count: (compiler.slotsUsed.max() ?? -1) + 1)
        for index in compiler.slotsUsed { isRead[index] = true }
        self.isRead = isRead
        code = compiler.code(root: root.node)
    }

    package func reads(_ slot: CELSlot) -> Bool { slot.index < isRead.count && isRead[slot.index] }

    /// Throws what went wrong and where; the activation is only changed in its scratch space.
    package func evaluate(_ activation: inout CELActivation) throws(CELError) -> CELValue {
        var evaluation = CELEvaluation(code, activation: &activation)
        defer { evaluation.giveBack(to: &activation) }
        do throws(CELFault) {
            return try evaluation.value(code.root)
        } catch {
            throw located(error, evaluation)
        }
    }

    /// For conditions. A result that is no bool is an error.
    package func evaluateBool(_ activation: inout CELActivation) throws(CELError) -> Bool {
        var evaluation = CELEvaluation(code, activation: &activation)
        defer { evaluation.giveBack(to: &activation) }
        do throws(CELFault) {
            return try evaluation.truth(code.root)
        } catch {
            throw located(error, evaluation)
        }
    }

    @inline(never)
    private func located(_ fault: CELFault, _ evaluation: borrowing CELEvaluation) -> CELError {
        CELError(
            fault.isCost ? .costExceeded : .evaluation, fault.message, at: evaluation.offset, in: Array(source.utf8))
    }
}
