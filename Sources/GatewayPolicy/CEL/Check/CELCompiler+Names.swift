import GatewayModel

/// Variables, fields and indexes.
extension CELCompiler {
    /// `a.b.c` as seen from the container: the innermost first.
    private func candidates(_ names: [String], isAbsolute: Bool) -> [String] {
        let written = names.joined(separator: ".")
        if isAbsolute || environment.container.isEmpty { return [written] }
        var parts = environment.container.split(separator: ".").map(String.init)
        var result: [String] = []
        while !parts.isEmpty {
            result.append((parts + [written]).joined(separator: "."))
            parts.removeLast()
        }
        return result + [written]
    }

    private func variable(_ name: (names: [String], isAbsolute: Bool)) -> CELEnvironment.Variable? {
        if !name.isAbsolute, local(name.names[0]) != nil { return nil }
        for candidate in candidates(name.names, isAbsolute: name.isAbsolute) {
            if let found = environment.variables[candidate] { return found }
        }
        return nil
    }

    private func record(_ tree: CELTree) -> (name: String, fields: [String])? {
        guard let name = tree.qualifiedName, name.isAbsolute || local(name.names[0]) == nil else { return nil }
        for candidate in candidates(name.names, isAbsolute: name.isAbsolute) {
            if let fields = environment.records[candidate] { return (candidate, fields) }
        }
        return nil
    }

    /// A name, or a field of something.
    mutating func reference(_ tree: CELTree) throws(CELError) -> Part {
        if let name = tree.qualifiedName {
            if name.names.count == 1, !name.isAbsolute, let local = local(name.names[0]) {
                let node = CELNode(operation: .local, offset: Int32(tree.offset), a: local.index)
                return Part(node: add(node), type: local.type)
            }
            if let variable = variable(name) { return slot(variable, at: tree.offset) }
            if local(name.names[0]) == nil {
                for candidate in candidates(name.names, isAbsolute: name.isAbsolute) {
                    if let type = CELType.named[candidate] { return literal(.type(type), at: tree.offset) }
                }
            }
            if let record = record(tree) {
                return try refuse(
                    .wrongType, "\(record.name) is a record",
                    hint: "name one of its fields: \(record.fields.joined(separator: ", "))", at: tree.offset)
            }
        }
        guard case .select(let operand, let field, _) = tree.kind else {
            guard case .name(let name, _) = tree.kind else {
                return try refuse(.unknownName, "unknown variable", at: tree.offset)
            }
            return try unknown(name, at: tree.offset)
        }
        if let record = record(operand), !isVariable(operand) {
            return try noField(field, of: record, at: tree.offset)
        }
        let part = try compile(operand)
        return try select(part, field, isOptional: false, at: tree.offset)
    }

    private func isVariable(_ tree: CELTree) -> Bool {
        tree.qualifiedName.map { variable($0) != nil } ?? false
    }

    private mutating func noField(
        _ field: String, of record: (name: String, fields: [String]), at offset: Int
    ) throws(CELError) -> Part {
        try refuse(
            .unknownName, "\(record.name) has no field \(field)",
            hint: NearestName.hint(field, among: record.fields, word: "it has"), at: offset)
    }

    private mutating func unknown(_ name: String, at offset: Int) throws(CELError) -> Part {
        var known = localNames.filter { !$0.hasPrefix("@") }
        for variable in environment.names {
            let first = String(variable.prefix { $0 != "." })
            if !known.contains(first) { known.append(first) }
        }
        return try refuse(
            .unknownName, "unknown variable \(name)",
            hint: NearestName.hint(name, among: known, word: "variables are"), at: offset)
    }

    // MARK: Fields

    mutating func select(
        _ operand: Part, _ field: String, isOptional: Bool, at offset: Int
    ) throws(CELError) -> Part {
        guard var type = fieldType(operand.type) else {
            return try refuse(.wrongType, "\(operand.type) has no fields, found .\(field)", at: offset)
        }
        if isOptional, case .optional = operand.type {} else if isOptional { type = .optional(type) }
        let node = CELNode(
            operation: .select, flag: isOptional, offset: Int32(offset), a: operand.node,
            b: constant(.string(field)))
        return emit(node, over: [operand.node], type: type)
    }

    /// The type of any field of something of a type; nil when that has none.
    private func fieldType(_ type: CELType) -> CELType? {
        switch type {
        case .dyn: .dyn
        case .map(let key, let value): key.fits(.string) ? value : nil
        case .optional(let inner): fieldType(inner).map { if case .optional = $0 { $0 } else { .optional($0) } }
        default: nil
        }
    }

    mutating func has(_ operand: CELTree, _ field: String, at offset: Int) throws(CELError) -> Part {
        let whole = CELTree(
            kind: .select(operand, field, isOptional: false), offset: offset, depth: operand.depth + 1)
        if let name = whole.qualifiedName, let variable = variable(name) { return hasSlot(variable, at: offset) }
        if let record = record(operand), !isVariable(operand) {
            if self.record(whole) != nil { return try reference(whole) }
            return try noField(field, of: record, at: offset)
        }
        let part = try compile(operand)
        guard fieldType(part.type) != nil else {
            return try refuse(.wrongType, "\(part.type) has no fields, found .\(field)", at: offset)
        }
        let node = CELNode(
            operation: .has, offset: Int32(offset), a: part.node, b: constant(.string(field)))
        return emit(node, over: [part.node], type: .bool)
    }

    mutating func index(
        _ operand: CELTree, _ key: CELTree, isOptional: Bool, at offset: Int
    ) throws(CELError) -> Part {
        let container = try compile(operand)
        let index = try compile(key)
        var type = CELType.dyn
        var inner = container.type
        if case .optional(let value) = inner { inner = value }
        switch inner {
        case .list(let element):
            if !index.type.fits(.int), !index.type.isNumeric {
                return try refuse(.wrongType, "a list's index is int, found \(index.type)", at: key.offset)
            }
            type = element
        case .map(let wanted, let value):
            if !index.type.isComparable(wanted) {
                return try refuse(.wrongType, "the map's key is \(wanted), found \(index.type)", at: key.offset)
            }
            type = value
        case .dyn: break
        default: return try refuse(.wrongType, "\(inner) has no elements", at: offset)
        }
        if isOptional || inner != container.type, type != .dyn || isOptional { type = .optional(type) }
        let node = CELNode(
            operation: .index, flag: isOptional, offset: Int32(offset), a: container.node, b: index.node)
        return emit(node, over: [container.node, index.node], type: type)
    }
}
