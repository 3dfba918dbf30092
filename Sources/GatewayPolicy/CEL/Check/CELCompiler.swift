/// Checks an expression against an environment and lays it out as nodes, in one pass.
struct CELCompiler {
    /// A compiled part and its type.
    struct Part {
        var node: Int32
        var type: CELType
    }

    /// A variable of a macro.
    private struct Local {
        var name: String
        var type: CELType
        var index: Int32
    }

    let environment: CELEnvironment
    let source: [UInt8]
    private(set) var nodes: [CELNode] = []
    private(set) var constants: [CELValue] = []
    private var children: [Int32] = []
    private var flags: [Bool] = []
    private var loops: [CELLoop] = []
    private var patterns: [BytePattern] = []
    private var locals: [Local] = []
    private var localCount = 0
    private(set) var slotsUsed: Set<Int> = []

    /// What folding a constant may cost.
    private static let foldingCostMax = 1_000

    init(_ environment: CELEnvironment, source: String) {
        self.environment = environment
        self.source = Array(source.utf8)
    }

    func code(root: Int32, costMax: Int? = nil) -> CELCode {
        CELCode(
            nodes: nodes, constants: constants, children: children, flags: flags, loops: loops, patterns: patterns,
            root: root, localCount: localCount, costMax: costMax ?? environment.limits.costMax)
    }

    func error(_ kind: CELError.Kind, _ message: String, hint: String? = nil, at offset: Int) -> CELError {
        CELError(kind, message, hint: hint, at: offset, in: source)
    }

    /// An error now, or a failure when evaluated where the environment is not checked.
    mutating func refuse(
        _ kind: CELError.Kind, _ message: String, hint: String? = nil, at offset: Int
    ) throws(CELError) -> Part {
        if environment.isChecked { throw error(kind, message, hint: hint, at: offset) }
        let text = constant(.string(message))
        return Part(node: add(CELNode(operation: .unresolved, offset: Int32(offset), a: text)), type: .dyn)
    }

    // MARK: Laying out

    mutating func add(_ node: CELNode) -> Int32 {
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    mutating func constant(_ value: CELValue) -> Int32 {
        constants.append(value)
        return Int32(constants.count - 1)
    }

    mutating func addPattern(_ pattern: BytePattern) -> Int32 {
        patterns.append(pattern)
        return Int32(patterns.count - 1)
    }

    mutating func addChildren(_ added: [Int32], flags addedFlags: [Bool] = []) -> Int32 {
        let start = children.count
        children += added
        flags += addedFlags.isEmpty ? [Bool](repeating: false, count: added.count) : addedFlags
        return Int32(start)
    }

    mutating func literal(_ value: CELValue, at offset: Int) -> Part {
        let node = CELNode(operation: .constant, offset: Int32(offset), a: constant(value))
        return Part(node: add(node), type: CELCompiler.type(of: value))
    }

    func constantValue(_ node: Int32) -> CELValue? {
        nodes[Int(node)].operation == .constant ? constants[Int(nodes[Int(node)].a)] : nil
    }

    mutating func replaceConstant(_ node: Int32, by value: CELValue) { nodes[Int(node)].a = constant(value) }

    /// The type of a constant, with what it holds.
    private static func type(of value: CELValue) -> CELType {
        func join(_ values: [CELValue]) -> CELType {
            guard let first = values.first else { return .dyn }
            return values.dropFirst().reduce(type(of: first)) { $0.joined(type(of: $1)) ?? .dyn }
        }
        switch value {
        case .list(let elements): return .list(join(elements))
        case .map(let map): return .map(join(map.keys), join(map.values))
        case .optional(let optional): return .optional(optional.value.map { type(of: $0) } ?? .dyn)
        default: return value.type
        }
    }

    /// Adds a node over others, or the constant it always is. What fails is left to fail when evaluated, since it may
    /// be absorbed.
    mutating func emit(_ node: CELNode, over operands: [Int32], type: CELType) -> Part {
        let index = add(node)
        let first = Int(index) - operands.count
        let isFoldable = operands.enumerated().allSatisfy { position, operand in
            Int(operand) == first + position && nodes[Int(operand)].operation == .constant
        }
        guard isFoldable, !operands.isEmpty || node.operation == .list || node.operation == .map else {
            return Part(node: index, type: type)
        }
        guard let value = folded(index) else { return Part(node: index, type: type) }
        nodes.removeLast(operands.count + 1)
        return Part(node: literal(value, at: Int(node.offset)).node, type: type)
    }

    /// Apart, so that what is evaluated shares the nodes no longer than that.
    private func folded(_ index: Int32) -> CELValue? {
        var activation = CELActivation(count: 0)
        var evaluation = CELEvaluation(
            code(root: index, costMax: CELCompiler.foldingCostMax), activation: &activation)
        do throws(CELFault) {
            return try evaluation.value(index)
        } catch {
            return nil
        }
    }

    // MARK: Variables

    /// A variable of a macro, from the innermost.
    func local(_ name: String) -> (index: Int32, type: CELType)? {
        locals.last { $0.name == name }.map { ($0.index, $0.type) }
    }

    var localNames: [String] { locals.map(\.name) }

    /// Compiles what is within the reach of new variables.
    mutating func within<Result>(
        _ added: [(name: String, type: CELType)],
        _ body: (inout CELCompiler, [Int32]) throws(CELError) -> Result
    ) throws(CELError) -> Result {
        let count = locals.count
        var indexes: [Int32] = []
        for variable in added {
            let index = Int32(locals.count)
            locals.append(Local(name: variable.name, type: variable.type, index: index))
            indexes.append(index)
        }
        localCount = max(localCount, locals.count)
        defer { locals.removeLast(locals.count - count) }
        return try body(&self, indexes)
    }

    mutating func slot(_ variable: CELEnvironment.Variable, at offset: Int) -> Part {
        slotsUsed.insert(variable.slot)
        let zero = variable.isField ? constant(variable.type.zero) : -1
        let node = CELNode(operation: .slot, offset: Int32(offset), a: Int32(variable.slot), b: zero)
        return Part(node: add(node), type: variable.type)
    }

    mutating func hasSlot(_ variable: CELEnvironment.Variable, at offset: Int) -> Part {
        slotsUsed.insert(variable.slot)
        let node = CELNode(operation: .hasSlot, offset: Int32(offset), a: Int32(variable.slot))
        return Part(node: add(node), type: .bool)
    }

    mutating func addLoop(_ loop: CELLoop, at offset: Int) -> Int32 {
        loops.append(loop)
        return add(CELNode(operation: .loop, offset: Int32(offset), a: Int32(loops.count - 1)))
    }
}
