/// Macros look like calls but decide when, and with which variables, their arguments are evaluated.
extension CELParser {
    /// A call, or what the macro of that name and number of arguments stands for.
    mutating func call(
        _ name: String, receiver: CELTree?, _ arguments: [CELTree], at offset: Int
    ) throws(CELError) -> CELTree {
        if let receiver {
            if case .name("cel", _) = receiver.kind {
                if let made = try celMacro(name, arguments, at: offset) { return made }
            } else if let made = try memberMacro(name, of: receiver, arguments, at: offset) {
                return made
            }
        } else if name == "has", arguments.count == 1 {
            guard case .select(let operand, let field, false) = arguments[0].kind else {
                throw error(.syntax, "has() asks for a field", hint: "has(x.name)", at: arguments[0].offset)
            }
            return try node(.has(operand, field), at: arguments[0].offset, over: [operand])
        }
        let children = (receiver.map { [$0] } ?? []) + arguments
        return try node(.call(name, receiver: receiver, arguments), at: offset, over: children)
    }

    private static let loops: [String: CELTree.Loop.Kind] = [
        "all": .all, "exists": .exists, "exists_one": .existsOne, "existsOne": .existsOne,
    ]

    private mutating func memberMacro(
        _ name: String, of receiver: CELTree, _ arguments: [CELTree], at offset: Int
    ) throws(CELError) -> CELTree? {
        let count = arguments.count
        switch name {
        case "all", "exists", "exists_one", "existsOne":
            guard count == 2 || count == 3, let kind = CELParser.loops[name] else { return nil }
            let names = try variables(arguments.dropLast())
            return try loop(kind, receiver, names, nil, arguments[count - 1], at: offset)
        case "filter":
            guard count == 2 else { return nil }
            let names = try variables(arguments.prefix(1))
            return try loop(.list, receiver, names, arguments[1], arguments[0], at: offset)
        case "map":
            guard count == 2 || count == 3 else { return nil }
            let names = try variables(arguments.prefix(1))
            return try loop(.list, receiver, names, count == 3 ? arguments[1] : nil, arguments[count - 1], at: offset)
        case "transformList", "transformMap", "transformMapEntry":
            guard count == 3 || count == 4 else { return nil }
            let names = try variables(arguments.prefix(2))
            let kind: CELTree.Loop.Kind =
                name == "transformList" ? .list : name == "transformMap" ? .map : .mapEntry
            return try loop(kind, receiver, names, count == 4 ? arguments[2] : nil, arguments[count - 1], at: offset)
        case "optMap", "optFlatMap":
            guard count == 2 else { return nil }
            let names = try variables(arguments.prefix(1))
            let kind = CELTree.Kind.optionalMap(receiver, names[0], arguments[1], isFlat: name == "optFlatMap")
            return try node(kind, at: offset, over: [receiver, arguments[1]])
        default: return nil
        }
    }

    private mutating func loop(
        _ kind: CELTree.Loop.Kind, _ range: CELTree, _ variables: [String], _ filter: CELTree?, _ body: CELTree,
        at offset: Int
    ) throws(CELError) -> CELTree {
        let loop = CELTree.Loop(kind: kind, range: range, variables: variables, filter: filter, body: body)
        return try node(.loop(loop), at: offset, over: [range, body] + (filter.map { [$0] } ?? []))
    }

    private func variables(_ trees: some Sequence<CELTree>) throws(CELError) -> [String] {
        var names: [String] = []
        for tree in trees {
            guard case .name(let name, false) = tree.kind else {
                throw error(.syntax, "the variable of a macro is a plain name", at: tree.offset)
            }
            if names.contains(name) {
                throw error(.syntax, "the macro uses one name for two variables: \(name)", at: tree.offset)
            }
            names.append(name)
        }
        return names
    }

    /// `cel.bind` and what optimisers of other implementations write: `cel.block`, `cel.index`, `cel.iterVar`.
    private mutating func celMacro(
        _ name: String, _ arguments: [CELTree], at offset: Int
    ) throws(CELError) -> CELTree? {
        switch (name, arguments.count) {
        case ("bind", 3):
            let names = try variables(arguments.prefix(1))
            let kind = CELTree.Kind.bind(names[0], arguments[1], arguments[2])
            return try node(kind, at: offset, over: [arguments[1], arguments[2]])
        case ("block", 2):
            guard case .list(let elements) = arguments[0].kind else {
                throw error(.syntax, "cel.block() takes a list of what it binds", at: arguments[0].offset)
            }
            var body = arguments[1]
            for (index, element) in elements.enumerated().reversed() {
                let kind = CELTree.Kind.bind("@index\(index)", element.value, body)
                body = try node(kind, at: element.value.offset, over: [element.value, body])
            }
            return body
        case ("index", 1), ("iterVar", 2), ("accuVar", 2):
            var made = "@\(name)"
            for argument in arguments {
                guard case .literal(.int(let number)) = argument.kind, number >= 0 else {
                    throw error(.syntax, "cel.\(name)() takes numbers", at: argument.offset)
                }
                made += name == "index" ? "\(number)" : ":\(number)"
            }
            return try node(.name(made, isAbsolute: false), at: offset)
        default: return nil
        }
    }
}
