/// Reads an expression by precedence climbing. What it makes is bounded in size and depth.
struct CELParser {
    let source: [UInt8]
    let limits: CELLimits
    private let tokens: [CELToken]
    private var position = 0
    private var nesting = 0
    private var nodeCount = 0

    static func parse(_ text: String, limits: CELLimits) throws(CELError) -> CELTree {
        let source = Array(text.utf8)
        if source.count > limits.sourceBytesMax {
            throw CELError(
                .tooLarge, "the expression has \(source.count) bytes",
                hint: "at most \(limits.sourceBytesMax)", at: 0, in: source)
        }
        var parser = CELParser(source: source, limits: limits, tokens: try CELLexer.tokens(of: source))
        let tree = try parser.expression()
        if parser.next.kind != .end {
            throw parser.unexpected("an operator such as && or the end of the expression")
        }
        return tree
    }

    private init(source: [UInt8], limits: CELLimits, tokens: [CELToken]) {
        self.source = source
        self.limits = limits
        self.tokens = tokens
    }

    // MARK: Tokens and nodes

    private var next: CELToken { tokens[min(position, tokens.count - 1)] }

    private func follows(_ symbol: String) -> Bool { next.kind == .symbol(symbol) }

    private mutating func take(_ symbol: String) -> Bool {
        guard follows(symbol) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ symbol: String, _ place: String) throws(CELError) {
        guard take(symbol) else { throw unexpected("\"\(symbol)\" \(place)") }
    }

    func error(_ kind: CELError.Kind = .syntax, _ message: String, hint: String? = nil, at offset: Int) -> CELError {
        CELError(kind, message, hint: hint, at: offset, in: source)
    }

    private func unexpected(_ wanted: String) -> CELError {
        error("found \(next.spelled), expected \(wanted)", at: next.offset)
    }

    private func error(_ message: String, at offset: Int) -> CELError { error(.syntax, message, at: offset) }

    /// The only way a node is made, so that none is deeper than the limit.
    mutating func node(_ kind: CELTree.Kind, at offset: Int, over children: [CELTree] = []) throws(CELError) -> CELTree
    {
        nodeCount += 1
        if nodeCount > limits.nodesMax {
            throw error(.tooLarge, "the expression has too many parts", hint: "at most \(limits.nodesMax)", at: offset)
        }
        let depth = (children.lazy.map(\.depth).max() ?? 0) + 1
        if depth > limits.depthMax { throw tooDeep(at: offset) }
        return CELTree(kind: kind, offset: offset, depth: depth)
    }

    private func tooDeep(at offset: Int) -> CELError {
        error(.tooLarge, "the expression nests too deep", hint: "at most \(limits.depthMax) levels", at: offset)
    }

    // MARK: Operators

    private mutating func expression() throws(CELError) -> CELTree {
        nesting += 1
        defer { nesting -= 1 }
        if nesting > limits.depthMax { throw tooDeep(at: next.offset) }
        let condition = try disjunction()
        let offset = next.offset
        guard take("?") else { return condition }
        let yes = try disjunction()
        try expect(":", "between the two results of ?")
        let no = try expression()
        return try node(.conditional(condition, yes, no), at: offset, over: [condition, yes, no])
    }

    private mutating func disjunction() throws(CELError) -> CELTree {
        let offset = next.offset
        var parts = [try conjunction()]
        while take("||") { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : try node(.or(parts), at: offset, over: parts)
    }

    private mutating func conjunction() throws(CELError) -> CELTree {
        let offset = next.offset
        var parts = [try binary(0)]
        while take("&&") { parts.append(try binary(0)) }
        return parts.count == 1 ? parts[0] : try node(.and(parts), at: offset, over: parts)
    }

    private static let levels: [String: Int] = [
        "<": 0, "<=": 0, ">": 0, ">=": 0, "==": 0, "!=": 0, "in": 0, "+": 1, "-": 1, "*": 2, "/": 2, "%": 2,
    ]

    private mutating func binary(_ level: Int) throws(CELError) -> CELTree {
        var left = try unary()
        while true {
            let name: String
            switch next.kind {
            case .symbol(let symbol): name = symbol
            case .name("in"): name = "in"
            default: return left
            }
            guard let own = CELParser.levels[name], own >= level else { return left }
            let offset = next.offset
            position += 1
            let right = try binary(own + 1)
            left = try node(.call(name, receiver: nil, [left, right]), at: offset, over: [left, right])
        }
    }

    private mutating func unary() throws(CELError) -> CELTree {
        let offset = next.offset
        let symbol = follows("!") ? "!" : "-"
        var count = 0
        while take(symbol) { count += 1 }
        if count == 0 { return try member(isNegative: false) }
        // A minus before a number is its sign: the least int has no positive counterpart.
        var isNegative = false
        if symbol == "-" {
            switch next.kind {
            case .int, .double: isNegative = true
            default: break
            }
        }
        if isNegative { count -= 1 }
        let operand = try member(isNegative: isNegative)
        // Two of a kind undo each other but still ask for the right type, so that one pair stays.
        let kept = count <= 2 ? count : count.isMultiple(of: 2) ? 2 : 1
        var result = operand
        for _ in 0..<kept {
            let name = symbol == "!" ? "!" : "negate"
            result = try node(.call(name, receiver: nil, [result]), at: offset, over: [result])
        }
        return result
    }

    // MARK: Members

    private mutating func member(isNegative: Bool) throws(CELError) -> CELTree {
        var tree = try primary(isNegative: isNegative)
        while true {
            let offset = next.offset
            if take(".") {
                tree = try selection(of: tree, at: offset)
            } else if take("[") {
                let isOptional = take("?")
                let key = try expression()
                try expect("]", "after the index")
                tree = try node(.index(tree, key, isOptional: isOptional), at: offset, over: [tree, key])
            } else if follows("{"), tree.qualifiedName != nil {
                throw error(.wrongType, "protocol buffer messages are not supported", hint: "write a map", at: offset)
            } else {
                return tree
            }
        }
    }

    private mutating func selection(of operand: CELTree, at dot: Int) throws(CELError) -> CELTree {
        let isOptional = take("?")
        let offset = next.offset
        let field: String
        var isQuoted = false
        switch next.kind {
        case .name(let name):
            field = name
            if CELParser.keywords.contains(name) { throw unexpected("a field's name after the dot") }
        case .quotedName(let name):
            field = name
            isQuoted = true
        default: throw unexpected("a field's name after the dot")
        }
        position += 1
        if !isOptional, !isQuoted, take("(") {
            let arguments = try self.arguments()
            return try call(field, receiver: operand, arguments, at: offset)
        }
        return try node(.select(operand, field, isOptional: isOptional), at: offset, over: [operand])
    }

    private mutating func arguments() throws(CELError) -> [CELTree] {
        var arguments: [CELTree] = []
        if take(")") { return arguments }
        while true {
            arguments.append(try expression())
            if take(")") { return arguments }
            try expect(",", "or \")\" after an argument")
        }
    }

    // MARK: Primaries

    private static let keywords: Set = ["true", "false", "null", "in"]
    private static let reserved: Set = [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
        "namespace", "return", "var", "void", "while",
    ]

    private mutating func primary(isNegative: Bool) throws(CELError) -> CELTree {
        let token = next
        switch token.kind {
        case .symbol("("):
            position += 1
            let inner = try expression()
            try expect(")", "to close the parenthesis")
            return inner
        case .symbol("["):
            position += 1
            return try list(at: token.offset)
        case .symbol("{"):
            position += 1
            return try map(at: token.offset)
        case .symbol("."):
            position += 1
            guard case .name(let name) = next.kind, !CELParser.keywords.contains(name) else {
                throw unexpected("a name after the dot")
            }
            return try named(name, isAbsolute: true)
        case .name(let name): return try named(name, isAbsolute: false)
        case .end, .symbol, .quotedName: throw unexpected("a value, a name or \"(\"")
        case .int, .uint, .double, .string, .bytes:
            position += 1
            return try node(.literal(try literal(token, isNegative: isNegative)), at: token.offset)
        }
    }

    private func literal(_ token: CELToken, isNegative: Bool) throws(CELError) -> CELValue {
        switch token.kind {
        case .int(let magnitude):
            if isNegative, magnitude == Int64.min.magnitude { return .int(.min) }
            guard let value = Int64(exactly: magnitude) else {
                throw error(
                    .syntax, "the number is out of range: \(magnitude)", hint: "a uint is written with a u at its end",
                    at: token.offset)
            }
            return .int(isNegative ? -value : value)
        case .uint(let value): return .uint(value)
        case .double(let value): return .double(isNegative ? -value : value)
        case .string(let value): return .string(value)
        case .bytes(let value): return .bytes(value)
        default: return .null
        }
    }

    private mutating func named(_ name: String, isAbsolute: Bool) throws(CELError) -> CELTree {
        let offset = next.offset
        switch name {
        case "true", "false":
            position += 1
            return try node(.literal(.bool(name == "true")), at: offset)
        case "null":
            position += 1
            return try node(.literal(.null), at: offset)
        case "in": throw unexpected("a value, a name or \"(\"")
        default: break
        }
        if CELParser.reserved.contains(name) {
            throw error(.syntax, "\(name) is a reserved word", hint: "it may only be a field's name", at: offset)
        }
        position += 1
        guard take("(") else { return try node(.name(name, isAbsolute: isAbsolute), at: offset) }
        let arguments = try self.arguments()
        return try call(name, receiver: nil, arguments, at: offset)
    }

    private mutating func list(at offset: Int) throws(CELError) -> CELTree {
        var elements: [CELTree.Element] = []
        while !take("]") {
            let isOptional = take("?")
            elements.append(.init(value: try expression(), isOptional: isOptional))
            if take("]") { break }
            try expect(",", "or \"]\" after an element")
        }
        return try node(.list(elements), at: offset, over: elements.map(\.value))
    }

    private mutating func map(at offset: Int) throws(CELError) -> CELTree {
        var entries: [CELTree.Entry] = []
        while !take("}") {
            let isOptional = take("?")
            let key = try expression()
            try expect(":", "after the key")
            entries.append(.init(key: key, value: try expression(), isOptional: isOptional))
            if take("}") { break }
            try expect(",", "or \"}\" after an entry")
        }
        return try node(.map(entries), at: offset, over: entries.flatMap { [$0.key, $0.value] })
    }
}
