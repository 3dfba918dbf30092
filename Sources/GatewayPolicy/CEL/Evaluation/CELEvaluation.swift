/// One evaluation under way.
struct CELEvaluation: ~Copyable {
    let code: CELCode
    private let slots: [CELValue?]
    var locals: [CELValue]
    /// Steps left.
    private var cost: Int
    /// Where the operation is that ran last, for an error.
    var offset = 0

    init(_ code: CELCode, activation: inout CELActivation) {
        self.code = code
        slots = activation.slots
        cost = code.costMax
        locals = []
        if code.localCount > 0 {
            swap(&locals, &activation.locals)
            if locals.count < code.localCount {
                locals += [CELValue](repeating: .null, count: code.localCount - locals.count)
            }
        }
    }

    /// Returns the scratch space.
    mutating func giveBack(to activation: inout CELActivation) {
        if code.localCount > 0 { swap(&locals, &activation.locals) }
    }

    @inline(__always)
    mutating func charge(_ steps: Int) throws(CELFault) {
        cost &-= steps
        if cost < 0 { throw .cost }
    }

    // MARK: Nodes

    mutating func value(_ index: Int32) throws(CELFault) -> CELValue {
        try charge(1)
        let node = code.nodes[Int(index)]
        switch node.operation {
        case .constant: return code.constants[Int(node.a)]
        case .local: return locals[Int(node.a)]
        case .slot:
            if let value = slots[Int(node.a)] { return value }
            return try unset(node)
        case .select, .index, .list, .map, .bind, .optionalMap, .call, .optionalOr, .optionalOrValue:
            return try structure(node)
        case .add, .subtract, .multiply, .divide, .modulo:
            let left = try value(node.a)
            let right = try value(node.b)
            offset = Int(node.offset)
            return try arithmetic(node.operation, left, right)
        case .negate:
            let operand = try value(node.a)
            offset = Int(node.offset)
            return try negated(operand)
        case .conditional: return try value(try truth(node.a) ? node.b : node.c)
        case .loop:
            let loop = code.loops[Int(node.a)]
            switch loop.kind {
            case .all, .exists, .existsOne: return .bool(try asked(loop, node))
            case .list, .map, .mapEntry: return try made(loop, node)
            }
        case .unresolved:
            offset = Int(node.offset)
            throw unresolved(node)
        default: return .bool(try test(node))
        }
    }

    /// A node that must be a bool.
    mutating func truth(_ index: Int32) throws(CELFault) -> Bool {
        let node = code.nodes[Int(index)]
        switch node.operation {
        case .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .and, .or, .not, .has, .hasSlot, .isIn,
            .matches, .startsWith, .endsWith, .contains:
            try charge(1)
            return try test(node)
        default:
            let result = try value(index)
            if case .bool(let truth) = result { return truth }
            offset = Int(node.offset)
            throw CELFault("expected bool, found \(result.type.name)")
        }
    }

    /// The operations that always give a bool.
    private mutating func test(_ node: CELNode) throws(CELFault) -> Bool {
        switch node.operation {
        case .and: return try junction(node, stopsAt: false)
        case .or: return try junction(node, stopsAt: true)
        case .not: return !(try truth(node.a))
        case .hasSlot: return slots[Int(node.a)] != nil
        case .has: return try has(node)
        case .matches:
            let text = try value(node.a)
            offset = Int(node.offset)
            return try matches(text, code.patterns[Int(node.b)])
        default: break
        }
        let left = try value(node.a)
        let right = try value(node.b)
        offset = Int(node.offset)
        switch node.operation {
        case .equal: return try areEqual(left, right)
        case .notEqual: return !(try areEqual(left, right))
        case .isIn: return try isIn(left, right)
        case .startsWith, .endsWith, .contains: return try affix(node.operation, left, right)
        default: return try ordered(node.operation, left, right)
        }
    }

    /// `&&` and `||`: whichever operand decides, decides, even when another fails.
    private mutating func junction(_ node: CELNode, stopsAt decisive: Bool) throws(CELFault) -> Bool {
        var failure: (fault: CELFault, offset: Int)?
        for position in Int(node.a)..<Int(node.a &+ node.b) {
            do throws(CELFault) {
                if try truth(code.children[position]) == decisive { return decisive }
            } catch {
                if error.isCost { throw error }
                if failure == nil { failure = (error, offset) }
            }
        }
        if let failure {
            offset = failure.offset
            throw failure.fault
        }
        return !decisive
    }

    private mutating func unset(_ node: CELNode) throws(CELFault) -> CELValue {
        if node.b >= 0 { return code.constants[Int(node.b)] }
        offset = Int(node.offset)
        throw CELFault("the variable has no value")
    }

    private func unresolved(_ node: CELNode) -> CELFault {
        guard case .string(let text) = code.constants[Int(node.a)] else { return CELFault("unknown name") }
        return CELFault(text)
    }

    func pattern(_ index: Int32) -> String {
        guard case .string(let text) = code.constants[Int(index)] else { return "" }
        return text
    }
}
