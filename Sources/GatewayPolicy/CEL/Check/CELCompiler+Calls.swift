import GatewayModel

/// Functions and operators.
extension CELCompiler {
    mutating func call(
        _ name: String, _ receiver: CELTree?, _ arguments: [CELTree], at offset: Int
    ) throws(CELError) -> Part {
        // math.greatest(x) looks like a member of a variable but is a function of that name.
        if let receiver, let prefix = receiver.qualifiedName, prefix.isAbsolute || local(prefix.names[0]) == nil {
            let qualified = (prefix.names + [name]).joined(separator: ".")
            let overloads = CELSignature.byName[qualified] ?? []
            if !overloads.isEmpty || CELCompiler.comparisons.contains(qualified) {
                return try function(qualified, overloads.filter { !$0.isMember }, nil, arguments, at: offset)
            }
        }
        let overloads = (CELSignature.byName[name] ?? []).filter { $0.isMember == (receiver != nil) }
        if overloads.isEmpty, !CELCompiler.comparisons.contains(name) {
            return try unknownFunction(name, isMember: receiver != nil, at: offset)
        }
        return try function(name, overloads, receiver, arguments, at: offset)
    }

    private static let comparisons: Set = ["==", "!=", "<", "<=", ">", ">=", "in", "math.greatest", "math.least"]

    private mutating func unknownFunction(
        _ name: String, isMember: Bool, at offset: Int
    ) throws(CELError) -> Part {
        if isMember, let other = CELSignature.byName[name] {
            return try refuse(
                .unknownName, "\(name) is not called on a value",
                hint: other.map(\.description).prefix(4).joined(separator: "; "), at: offset)
        }
        let known = CELSignature.byName.filter { entry in
            entry.value.contains { $0.isMember == isMember } && entry.key.first?.isLetter ?? false
        }
        let near = NearestName.of(name, among: known.keys.sorted())
        return try refuse(
            .unknownName, "unknown function \(name)",
            hint: near.map { "did you mean \"\($0)\"?" } ?? "Documentation/Expressions.md lists them", at: offset)
    }

    private mutating func function(
        _ name: String, _ overloads: [CELSignature], _ receiver: CELTree?, _ arguments: [CELTree], at offset: Int
    ) throws(CELError) -> Part {
        if name == "math.greatest" || name == "math.least" { return try extreme(name, arguments, at: offset) }
        var parts: [Part] = []
        for tree in (receiver.map { [$0] } ?? []) + arguments { parts.append(try compile(tree)) }
        let types = parts.map(\.type)
        if CELCompiler.comparisons.contains(name) { return try comparison(name, parts, at: offset) }
        var result: CELType?
        for overload in overloads {
            guard let found = overload.result(for: types) else { continue }
            result = result.map { $0.joined(found) ?? .dyn } ?? found
        }
        guard let result else {
            if !environment.isChecked, overloads.contains(where: { $0.parameters.count == parts.count }) {
                return try build(name, parts, type: .dyn, at: offset)
            }
            return try noOverload(name, types, overloads, at: offset)
        }
        return try build(name, parts, type: result, at: offset)
    }

    private mutating func noOverload(
        _ name: String, _ types: [CELType], _ overloads: [CELSignature], at offset: Int
    ) throws(CELError) -> Part {
        let shown = name == "negate" ? "-" : name
        let given = types.map(\.description).joined(separator: ", ")
        var hint = overloads.map(\.description).prefix(6).joined(separator: "; ")
        if types.count == 2, types.allSatisfy(\.isNumeric), types[0] != types[1] {
            hint = "convert one of them, as in \(types[0])(…)"
        }
        return try refuse(
            .wrongType, "no matching overload for \(shown) applied to (\(given))", hint: hint, at: offset)
    }

    private static let operations: [String: CELOperation] = [
        "==": .equal, "!=": .notEqual, "<": .less, "<=": .lessEqual, ">": .greater, ">=": .greaterEqual, "in": .isIn,
        "+": .add, "-": .subtract, "*": .multiply, "/": .divide, "%": .modulo, "!": .not, "negate": .negate,
        "startsWith": .startsWith, "endsWith": .endsWith, "contains": .contains, "or": .optionalOr,
        "orValue": .optionalOrValue,
    ]

    private mutating func build(_ name: String, _ parts: [Part], type: CELType, at offset: Int) throws(CELError) -> Part
    {
        func operand(_ index: Int) -> Int32 { index < parts.count ? parts[index].node : -1 }
        var node = CELNode(
            operation: .call, offset: Int32(offset), a: operand(0), b: operand(1), c: operand(2), d: operand(3))
        if let operation = CELCompiler.operations[name] {
            node.operation = operation
        } else if name == "matches", case .string(let pattern) = constantValue(operand(1)) {
            return try matches(parts, pattern, at: offset)
        } else if let function = CELFunction.named[name] {
            node.function = function
        }
        return emit(node, over: parts.map(\.node), type: type)
    }

    /// A pattern that is written out is compiled now, and refused now.
    private mutating func matches(_ parts: [Part], _ pattern: String, at offset: Int) throws(CELError) -> Part {
        let compiled: BytePattern
        do throws(GatewayError) {
            compiled = try BytePattern(pattern, isWhole: false)
        } catch {
            return try refuse(.wrongType, error.message, hint: error.hint, at: Int(nodes[Int(parts[1].node)].offset))
        }
        let node = CELNode(
            operation: .matches, offset: Int32(offset), a: parts[0].node, b: addPattern(compiled))
        return Part(node: add(node), type: .bool)
    }

    // MARK: Comparison

    private mutating func comparison(_ name: String, _ parts: [Part], at offset: Int) throws(CELError) -> Part {
        let (left, right) = (parts[0].type, parts[1].type)
        switch name {
        case "==", "!=":
            if environment.isChecked, !left.isComparable(right) {
                throw error(.wrongType, "\(left) is never equal to \(right)", at: offset)
            }
        case "in":
            try membership(left, parts[1], at: offset)
        default:
            let isOrdered = left.isNumeric && right.isNumeric || left.fits(right)
            let kinds: [CELType] = [.dyn, .bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration]
            guard !environment.isChecked || isOrdered && kinds.contains(left) && kinds.contains(right) else {
                throw error(.wrongType, "\(name) has no order for \(left) and \(right)", at: offset)
            }
        }
        return try build(name, parts, type: .bool, at: offset)
    }

    private mutating func membership(_ element: CELType, _ container: Part, at offset: Int) throws(CELError) {
        switch container.type {
        case .list(let wanted), .map(let wanted, _):
            if environment.isChecked, !element.isComparable(wanted) {
                throw error(.wrongType, "\(container.type) never holds \(element)", at: offset)
            }
        case .dyn: break
        default:
            guard environment.isChecked else { return }
            throw error(.wrongType, "in takes a list or a map, found \(container.type)", at: offset)
        }
        // A long list that is written out becomes a set.
        guard case .list(let values) = constantValue(container.node), values.count > 4 else { return }
        var keys: [CELKey: CELValue] = [:]
        for value in values {
            guard let key = CELKey(value, isWritten: true) else { return }
            keys[key] = value
        }
        guard let set = CELMap(keys: Array(keys.values), values: [CELValue](repeating: .null, count: keys.count))
        else { return }
        replaceConstant(container.node, by: .map(set))
    }

    /// `math.greatest` takes any number of numbers, or a list of them.
    private mutating func extreme(_ name: String, _ arguments: [CELTree], at offset: Int) throws(CELError) -> Part {
        var parts: [Part] = []
        for tree in arguments { parts.append(try compile(tree)) }
        let isList: Bool
        if parts.count == 1, case .list = parts[0].type { isList = true } else { isList = false }
        guard let first = parts.first, isList || parts.allSatisfy({ $0.type.isNumeric || $0.type == .dyn }) else {
            return try noOverload(name, parts.map(\.type), [], at: offset)
        }
        var node = CELNode(operation: .call, offset: Int32(offset))
        node.function = CELFunction.named[name] ?? node.function
        if parts.count == 1 {
            node.a = first.node
            return emit(node, over: [first.node], type: isList ? .dyn : first.type)
        }
        let operands = parts.map(\.node)
        let start = addChildren(operands)
        let listNode = CELNode(operation: .list, offset: Int32(offset), a: start, b: Int32(operands.count))
        let list = emit(listNode, over: operands, type: .list(.dyn))
        node.a = list.node
        let type = parts.dropFirst().reduce(first.type) { $0 == $1.type ? $0 : .dyn }
        return emit(node, over: [list.node], type: type)
    }
}
