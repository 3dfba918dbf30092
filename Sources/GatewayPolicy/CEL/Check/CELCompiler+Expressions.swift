/// One function for each form of expression.
extension CELCompiler {
    mutating func compile(_ tree: CELTree) throws(CELError) -> Part {
        switch tree.kind {
        case .literal(let value): return literal(value, at: tree.offset)
        case .name, .select(_, _, false): return try reference(tree)
        case .select(let operand, let field, true):
            let part = try compile(operand)
            return try select(part, field, isOptional: true, at: tree.offset)
        case .index(let operand, let key, let isOptional):
            return try index(operand, key, isOptional: isOptional, at: tree.offset)
        case .has(let operand, let field): return try has(operand, field, at: tree.offset)
        case .call(let name, let receiver, let arguments):
            return try call(name, receiver, arguments, at: tree.offset)
        case .and(let parts): return try logic(parts, .and, at: tree.offset)
        case .or(let parts): return try logic(parts, .or, at: tree.offset)
        case .conditional(let condition, let yes, let no):
            return try conditional(condition, yes, no, at: tree.offset)
        case .list(let elements): return try list(elements, at: tree.offset)
        case .map(let entries): return try map(entries, at: tree.offset)
        case .loop(let loop): return try self.loop(loop, at: tree.offset)
        case .bind(let name, let value, let body):
            let bound = try compile(value)
            return try within([(name, bound.type)]) { (compiler, locals) throws(CELError) in
                let inner = try compiler.compile(body)
                let node = CELNode(
                    operation: .bind, offset: Int32(tree.offset), a: locals[0], b: bound.node, c: inner.node)
                return Part(node: compiler.add(node), type: inner.type)
            }
        case .optionalMap(let operand, let name, let body, let isFlat):
            return try optionalMap(operand, name, body, isFlat: isFlat, at: tree.offset)
        }
    }

    // MARK: Logic

    private mutating func logic(
        _ parts: [CELTree], _ operation: CELOperation, at offset: Int
    ) throws(CELError) -> Part {
        var operands: [Int32] = []
        for part in parts {
            let compiled = try compile(part)
            try expectBool(compiled.type, of: operation == .and ? "&&" : "||", at: part.offset)
            operands.append(compiled.node)
        }
        let node = CELNode(
            operation: operation, offset: Int32(offset), a: addChildren(operands), b: Int32(operands.count))
        return emit(node, over: operands, type: .bool)
    }

    private func expectBool(_ type: CELType, of what: String, at offset: Int) throws(CELError) {
        guard environment.isChecked, !type.fits(.bool) else { return }
        throw error(.wrongType, "\(what) takes bool, found \(type)", at: offset)
    }

    private mutating func conditional(
        _ condition: CELTree, _ yes: CELTree, _ no: CELTree, at offset: Int
    ) throws(CELError) -> Part {
        let asked = try compile(condition)
        try expectBool(asked.type, of: "the condition of ?", at: condition.offset)
        let one = try compile(yes)
        let other = try compile(no)
        let type = one.type.joined(other.type)
        if type == nil, environment.isChecked {
            throw error(
                .wrongType, "the two results of ? differ: \(one.type) and \(other.type)",
                hint: "dyn(…) around one of them allows it", at: offset)
        }
        let node = CELNode(
            operation: .conditional, offset: Int32(offset), a: asked.node, b: one.node, c: other.node)
        return emit(node, over: [asked.node, one.node, other.node], type: type ?? .dyn)
    }

    // MARK: Lists, maps and macros

    private mutating func list(_ elements: [CELTree.Element], at offset: Int) throws(CELError) -> Part {
        var operands: [Int32] = []
        var type: CELType?
        for element in elements {
            let part = try compile(element.value)
            let own = try element.isOptional ? unwrapped(part.type, at: element.value.offset) : part.type
            type = type.map { $0.joined(own) ?? .dyn } ?? own
            operands.append(part.node)
        }
        let start = addChildren(operands, flags: elements.map(\.isOptional))
        let node = CELNode(operation: .list, offset: Int32(offset), a: start, b: Int32(operands.count))
        return emit(node, over: operands, type: .list(type ?? .dyn))
    }

    private mutating func map(_ entries: [CELTree.Entry], at offset: Int) throws(CELError) -> Part {
        var operands: [Int32] = []
        var keyType: CELType?
        var valueType: CELType?
        for entry in entries {
            let key = try compile(entry.key)
            let value = try compile(entry.value)
            if environment.isChecked, ![.dyn, .bool, .int, .uint, .string].contains(key.type) {
                throw error(
                    .wrongType, "a map's key is bool, int, uint or string, found \(key.type)", at: entry.key.offset)
            }
            let own = try entry.isOptional ? unwrapped(value.type, at: entry.value.offset) : value.type
            keyType = keyType.map { $0.joined(key.type) ?? .dyn } ?? key.type
            valueType = valueType.map { $0.joined(own) ?? .dyn } ?? own
            operands += [key.node, value.node]
        }
        let start = addChildren(operands, flags: entries.flatMap { [false, $0.isOptional] })
        let node = CELNode(operation: .map, offset: Int32(offset), a: start, b: Int32(operands.count))
        return emit(node, over: operands, type: .map(keyType ?? .dyn, valueType ?? .dyn))
    }

    private func unwrapped(_ type: CELType, at offset: Int) throws(CELError) -> CELType {
        switch type {
        case .optional(let value): return value
        case .dyn: return .dyn
        default:
            guard environment.isChecked else { return .dyn }
            throw error(.wrongType, "? takes an optional, found \(type)", at: offset)
        }
    }

    private mutating func loop(_ loop: CELTree.Loop, at offset: Int) throws(CELError) -> Part {
        let range = try compile(loop.range)
        let types: [CELType]
        let isPair = loop.variables.count == 2
        switch range.type {
        case .list(let element): types = isPair ? [.int, element] : [element]
        case .map(let key, let value): types = [key, value]
        case .dyn: types = [.dyn, .dyn]
        default:
            return try refuse(
                .wrongType, "a macro walks a list or a map, found \(range.type)", at: loop.range.offset)
        }
        let variables = Array(zip(loop.variables, types).map { (name: $0, type: $1) })
        return try within(variables) { (compiler, locals) throws(CELError) in
            var filter: Part?
            if let tree = loop.filter {
                let part = try compiler.compile(tree)
                try compiler.expectBool(part.type, of: "a filter", at: tree.offset)
                filter = part
            }
            let body = try compiler.compile(loop.body)
            let result: CELType
            switch loop.kind {
            case .all, .exists, .existsOne:
                try compiler.expectBool(body.type, of: "the macro", at: loop.body.offset)
                result = .bool
            case .list: result = .list(body.type)
            case .map: result = .map(types[0], body.type)
            case .mapEntry: result = body.type
            }
            let compiled = CELLoop(
                kind: loop.kind, range: range.node, first: locals[0], second: isPair ? locals[1] : -1,
                filter: filter?.node ?? -1, body: body.node)
            return Part(node: compiler.addLoop(compiled, at: offset), type: result)
        }
    }

    private mutating func optionalMap(
        _ operand: CELTree, _ name: String, _ body: CELTree, isFlat: Bool, at offset: Int
    ) throws(CELError) -> Part {
        let optional = try compile(operand)
        let type = try unwrapped(optional.type, at: operand.offset)
        return try within([(name, type)]) { (compiler, locals) throws(CELError) in
            let inner = try compiler.compile(body)
            let node = CELNode(
                operation: .optionalMap, flag: isFlat, offset: Int32(offset), a: optional.node, b: locals[0],
                c: inner.node)
            return Part(node: compiler.add(node), type: isFlat ? inner.type : .optional(inner.type))
        }
    }
}
