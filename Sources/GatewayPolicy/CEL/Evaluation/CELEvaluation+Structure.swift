/// Fields, indexes, lists, maps, optionals and calls.
extension CELEvaluation {
    mutating func structure(_ node: CELNode) throws(CELFault) -> CELValue {
        switch node.operation {
        case .select:
            let operand = try value(node.a)
            offset = Int(node.offset)
            return try element(of: operand, code.constants[Int(node.b)], isOptional: node.flag)
        case .index:
            let operand = try value(node.a)
            let key = try value(node.b)
            offset = Int(node.offset)
            return try element(of: operand, key, isOptional: node.flag)
        case .list: return try list(node)
        case .map: return try map(node)
        case .bind:
            locals[Int(node.a)] = try value(node.b)
            return try value(node.c)
        case .optionalMap:
            guard let inner = try optional(node.a, node).value else { return .optional(.none) }
            locals[Int(node.b)] = inner
            let result = try value(node.c)
            offset = Int(node.offset)
            guard node.flag else { return .optional(CELOptional(result)) }
            guard case .optional = result else { throw .noOverload("optFlatMap", result) }
            return result
        case .optionalOr, .optionalOrValue:
            let first = try optional(node.a, node)
            if let inner = first.value { return node.operation == .optionalOr ? .optional(first) : inner }
            let other = try value(node.b)
            offset = Int(node.offset)
            if node.operation == .optionalOr {
                guard case .optional = other else { throw .noOverload("or", other) }
            }
            return other
        default: return try call(node)
        }
    }

    private mutating func optional(_ index: Int32, _ node: CELNode) throws(CELFault) -> CELOptional {
        let operand = try value(index)
        offset = Int(node.offset)
        guard case .optional(let optional) = operand else {
            throw CELFault("expected an optional, found \(operand.type.name)")
        }
        return optional
    }

    // MARK: Elements

    /// `x.key` and `x[key]`; of an optional the result is an optional too.
    private mutating func element(
        of container: CELValue, _ key: CELValue, isOptional: Bool
    ) throws(CELFault) -> CELValue {
        if case .optional(let optional) = container {
            guard let inner = optional.value else { return .optional(.none) }
            return .optional(CELOptional(try find(key, in: inner)))
        }
        let found = try find(key, in: container)
        if isOptional { return .optional(CELOptional(found)) }
        if let found { return found }
        if case .list = container { throw CELFault("index out of range: \(CELFormat.brief(key))") }
        throw .noSuchKey(key)
    }

    /// Looking a key up reads all of it.
    func keyCost(_ key: CELValue) -> Int {
        if case .string(let text) = key { text.utf8.count / 16 } else { 0 }
    }

    private mutating func find(_ key: CELValue, in container: CELValue) throws(CELFault) -> CELValue? {
        switch container {
        case .map(let map):
            try charge(keyCost(key))
            return map[key]
        case .list(let elements):
            guard case .int(let position)? = CELKey(key) else {
                throw CELFault("a list's index is int, found \(CELFormat.brief(key))")
            }
            guard position >= 0, position < Int64(elements.count) else { return nil }
            return elements[Int(position)]
        default: throw CELFault("no such key: \(CELFormat.brief(key)), since \(container.type.name) has none")
        }
    }

    mutating func has(_ node: CELNode) throws(CELFault) -> Bool {
        let operand = try value(node.a)
        offset = Int(node.offset)
        let key = code.constants[Int(node.b)]
        if case .optional(let optional) = operand {
            guard let inner = optional.value else { return false }
            return try find(key, in: inner) != nil
        }
        return try find(key, in: operand) != nil
    }

    // MARK: Lists and maps

    private mutating func list(_ node: CELNode) throws(CELFault) -> CELValue {
        var elements: [CELValue] = []
        elements.reserveCapacity(Int(node.b))
        for position in Int(node.a)..<Int(node.a + node.b) {
            let element = try value(code.children[position])
            guard code.flags[position] else {
                elements.append(element)
                continue
            }
            offset = Int(node.offset)
            guard case .optional(let optional) = element else { throw .noOverload("[?_]", element) }
            if let inner = optional.value { elements.append(inner) }
        }
        return .list(elements)
    }

    private mutating func map(_ node: CELNode) throws(CELFault) -> CELValue {
        var keys: [CELValue] = []
        var values: [CELValue] = []
        for position in stride(from: Int(node.a), to: Int(node.a + node.b), by: 2) {
            let key = try value(code.children[position])
            let element = try value(code.children[position + 1])
            guard code.flags[position + 1] else {
                keys.append(key)
                values.append(element)
                continue
            }
            offset = Int(node.offset)
            guard case .optional(let optional) = element else { throw .noOverload("{?_: _}", element) }
            guard let inner = optional.value else { continue }
            keys.append(key)
            values.append(inner)
        }
        offset = Int(node.offset)
        return .map(try CELEvaluation.map(keys, values))
    }

    static func map(_ keys: [CELValue], _ values: [CELValue]) throws(CELFault) -> CELMap {
        if let map = CELMap(keys: keys, values: values) { return map }
        for key in keys where CELKey(key, isWritten: true) == nil {
            throw CELFault("a map's key is bool, int, uint or string, found \(key.type.name)")
        }
        throw CELFault("the map has a key twice")
    }

    // MARK: Calls

    private mutating func call(_ node: CELNode) throws(CELFault) -> CELValue {
        var arguments = CELArguments()
        if node.a >= 0 { arguments.first = try value(node.a) }
        if node.b >= 0 { arguments.second = try value(node.b) }
        if node.c >= 0 { arguments.third = try value(node.c) }
        if node.d >= 0 { arguments.fourth = try value(node.d) }
        arguments.count = node.a < 0 ? 0 : node.b < 0 ? 1 : node.c < 0 ? 2 : node.d < 0 ? 3 : 4
        offset = Int(node.offset)
        switch node.function {
        case .general(let function): return try general(function, arguments)
        case .text(let function): return try text(function, arguments)
        case .time(let function): return try time(function, arguments)
        case .math(let function): return try math(function, arguments)
        case .network(let function): return try network(function, arguments)
        case .optional(let function): return try optional(function, arguments)
        }
    }

    private func optional(_ function: CELFunction.Optional, _ arguments: CELArguments) throws(CELFault) -> CELValue {
        switch function {
        case .none: return .optional(.none)
        case .of: return .optional(CELOptional(arguments.first))
        case .ofNonZeroValue: return .optional(arguments.first.isZero ? .none : CELOptional(arguments.first))
        case .hasValue, .value, .or, .orValue: break
        }
        guard case .optional(let optional) = arguments.first else { throw arguments.noOverload(function.rawValue) }
        if function == .hasValue { return .bool(optional.value != nil) }
        guard let value = optional.value else { throw CELFault("the optional has no value") }
        return value
    }
}

/// What a function is called with; no function takes more.
struct CELArguments {
    var count = 0
    var first = CELValue.null
    var second = CELValue.null
    var third = CELValue.null
    var fourth = CELValue.null

    func noOverload(_ name: String) -> CELFault {
        let types = [first, second, third, fourth].prefix(count).map { $0.type.name }.joined(separator: ", ")
        return CELFault("no matching overload for \(name) applied to (\(types))")
    }
}
