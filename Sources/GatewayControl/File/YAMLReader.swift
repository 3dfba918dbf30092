import GatewayModel
import Yams

/// YAML text to trees with places. Strict: duplicate keys, foreign tags, complex keys, alias bombs and deep nesting
/// are refused.
struct YAMLReader {
    let text: String
    let file: String
    let limits: Limits
    /// Nodes may not be more than the text could have spelled out: what is beyond comes from aliases.
    private let nodesMax: Int
    /// Where the text ends, before what is padded; behind its last character that is no space.
    private let end: (line: Int, column: Int)
    private var nodes = 0

    init(text: String, file: String, limits: Limits) {
        // Yams keeps a pointer into the string, which is only stable when the string is too long to live inline.
        self.text = text + String(repeating: "\n", count: max(1, 32 - text.utf8.count))
        self.file = file
        self.limits = limits
        nodesMax = text.utf8.count + 1_000
        end = Self.end(of: text)
    }

    func documents() throws(Diagnostic) -> [ConfigNode] {
        if let bomb = AliasKeyScan.firstSuspect(text) {
            throw Diagnostic(
                .syntax, at: SourcePosition(file: file, line: bomb, column: 1), "alias in or beside a complex key",
                hint: "spell keys out as plain text")
        }
        var reader = self
        var documents: [ConfigNode] = []
        do {
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            while let root = try parser.nextRoot() {
                let node = try reader.convert(root, depth: 0)
                if node.value != .null { documents.append(node) }
            }
        } catch let error as YamlError {
            throw diagnostic(for: error)
        } catch let diagnostic as Diagnostic {
            throw diagnostic
        } catch {
            throw Diagnostic(.syntax, at: SourcePosition(file: file, line: 1, column: 1), "unreadable YAML")
        }
        return documents
    }

    // MARK: - Trees

    private mutating func convert(_ node: Node, depth: Int) throws(Diagnostic) -> ConfigNode {
        let at = position(node.mark)
        nodes += 1
        if nodes > nodesMax {
            throw Diagnostic(
                .tooLarge, at: at, "aliases expand to more than \(nodesMax) values", hint: "use fewer aliases")
        }
        if depth >= limits.configurationDepthMax, node.scalar == nil {
            throw tooDeep(at: at)
        }
        switch node {
        case .scalar(let scalar): return ConfigNode(try value(of: scalar, at: at), at: at)
        case .sequence(let sequence):
            try checkTag(sequence.tag, standard: "tag:yaml.org,2002:seq", at: at)
            var elements: [ConfigNode] = []
            for element in sequence { elements.append(try convert(element, depth: depth + 1)) }
            return ConfigNode(.sequence(elements), at: at)
        case .mapping(let mapping):
            try checkTag(mapping.tag, standard: "tag:yaml.org,2002:map", at: at)
            return ConfigNode(.mapping(try fields(of: mapping, depth: depth)), at: at)
        case .alias: throw Diagnostic(.syntax, at: at, "unresolved alias", hint: "define its anchor first")
        }
    }

    private mutating func fields(of mapping: Node.Mapping, depth: Int) throws(Diagnostic) -> [ConfigNode.Field] {
        var fields: [ConfigNode.Field] = []
        var index: [String: Int] = [:]
        var merged: [ConfigNode.Field] = []
        for (key, value) in mapping {
            let keyAt = position(key.mark)
            guard case .scalar(let scalar) = key else {
                throw Diagnostic(.syntax, at: keyAt, "a key that is not plain text", hint: "keys are names")
            }
            let name = scalar.string
            let node = try convert(value, depth: depth + 1)
            if name == "<<", scalar.style == .plain || scalar.style == .any {
                merged += try mergeSource(node)
                continue
            }
            if let first = index[name] {
                throw duplicate(name, at: keyAt, first: fields[first].keyPosition)
            }
            index[name] = fields.count
            fields.append(ConfigNode.Field(key: name, keyPosition: keyAt, value: node))
        }
        // A merge key fills in what is not written; an earlier source wins over a later one.
        for field in merged where index[field.key] == nil {
            index[field.key] = fields.count
            fields.append(field)
        }
        return fields
    }

    private func mergeSource(_ node: ConfigNode) throws(Diagnostic) -> [ConfigNode.Field] {
        if let fields = node.fields { return fields }
        let sources = node.elements ?? []
        guard !sources.isEmpty, sources.allSatisfy({ $0.fields != nil }) else {
            throw Diagnostic(.syntax, at: node.position, "a merge key without an object", hint: "write <<: *anchor")
        }
        return sources.flatMap { $0.fields ?? [] }
    }

    private func value(of scalar: Node.Scalar, at: SourcePosition) throws(Diagnostic) -> ConfigNode.Value {
        let tag = scalar.tag.description
        let isPlain = scalar.style == .plain || scalar.style == .any
        switch tag {
        case "tag:yaml.org,2002:str", "!": return .string(scalar.string)
        case "", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
            "tag:yaml.org,2002:null":
            return isPlain ? ScalarSyntax.value(ofPlain: scalar.string) : .string(scalar.string)
        default: throw foreignTag(tag, at: at)
        }
    }

    private func checkTag(_ tag: Tag, standard: String, at: SourcePosition) throws(Diagnostic) {
        let name = tag.description
        guard name.isEmpty || name == "!" || name == standard else { throw foreignTag(name, at: at) }
    }

    private func foreignTag(_ tag: String, at: SourcePosition) -> Diagnostic {
        Diagnostic(.syntax, at: at, "unsupported tag \"\(tag)\"", hint: "remove it; the gateway knows plain YAML only")
    }

    /// What is missing at the end is found missing after the padding; its place is the end of what was written.
    private func position(_ mark: Mark?) -> SourcePosition {
        guard let mark else { return SourcePosition(file: file, line: 1, column: 1) }
        let end = end
        guard mark.line > end.line else { return SourcePosition(file: file, line: mark.line, column: mark.column) }
        return SourcePosition(file: file, line: end.line, column: end.column)
    }

    private static func end(of text: String) -> (line: Int, column: Int) {
        var (line, column) = (1, 1)
        var last = (line: 1, column: 1)
        for scalar in text.unicodeScalars {
            if scalar == "\n" {
                (line, column) = (line + 1, 1)
            } else {
                column += 1
                if !scalar.properties.isWhitespace { last = (line, column) }
            }
        }
        return last
    }

    // MARK: - Mistakes

    private func duplicate(_ name: String, at: SourcePosition, first: SourcePosition?) -> Diagnostic {
        Diagnostic(
            .duplicateKey, at: at, "duplicate key \"\(name)\"",
            hint: first.map { "it stands at line \($0.line) already; remove one" } ?? "remove one of them")
    }

    private func diagnostic(for error: YamlError) -> Diagnostic {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            if problem.hasPrefix("Maximum nesting level") { return tooDeep(at: position(mark)) }
            let hint: String?
            if lineIndentHasTab(mark.line) || context.map({ lineIndentHasTab($0.mark.line) }) == true {
                hint = "indent with spaces, not tabs"
            } else {
                hint = context.map { "\($0.text) that starts at line \(position($0.mark).line)" }
            }
            return Diagnostic(.syntax, at: position(mark), problem, hint: hint)
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let line = before.reduce(1) { $0 + ($1.isNewline ? 1 : 0) }
            let column = before.reversed().prefix { !$0.isNewline }.reduce(1) { $0 + $1.unicodeScalars.count }
            return Diagnostic(
                .syntax, at: SourcePosition(file: file, line: line, column: column), problem,
                hint: "remove the character")
        case .duplicatedKeysInMapping(let names, let context):
            let name = names.first ?? ""
            let first = position(context.mark)
            let second = DuplicateKeyFinder.secondPlace(
                of: name, first: context.mark.line, context.mark.column, in: text)
            guard let second else { return duplicate(name, at: first, first: nil) }
            return duplicate(
                name, at: SourcePosition(file: file, line: second.line, column: second.column), first: first)
        case .memory: return tooDeep(at: SourcePosition(file: file, line: 1, column: 1))
        default:
            return Diagnostic(.syntax, at: SourcePosition(file: file, line: 1, column: 1), "unreadable YAML")
        }
    }

    private func tooDeep(at place: SourcePosition) -> Diagnostic {
        Diagnostic(
            .tooLarge, at: place, "nested deeper than \(limits.configurationDepthMax) levels", hint: "flatten it")
    }

    private func lineIndentHasTab(_ number: Int) -> Bool {
        let lines = text.split(separator: "\n", maxSplits: number, omittingEmptySubsequences: false)
        guard lines.indices.contains(number - 1) else { return false }
        return lines[number - 1].prefix { $0 == " " || $0 == "\t" || $0 == "-" }.contains("\t")
    }
}
