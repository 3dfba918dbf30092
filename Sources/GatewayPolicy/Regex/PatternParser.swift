import GatewayModel

/// Reads the documented subset of RE2 syntax: literals, `.`, classes, groups, alternatives, repetition, `^ $ \A \z`,
/// the flags `i` and `s`. Look-around, back references, `\b` and Unicode classes are refused by name.
struct PatternParser {
    private let text: [Unicode.Scalar]
    private let pattern: String
    private var position = 0
    private var depth = 0
    private var ignoresCase = false
    private var dotMatchesNewline = false

    private static let depthMax = 100
    private static let repetitionMax = 1_000

    static func parse(_ pattern: String) throws(GatewayError) -> PatternNode {
        var parser = PatternParser(pattern)
        let node = try parser.alternatives()
        if parser.position < parser.text.count { throw parser.error("has an unmatched )") }
        return node
    }

    private init(_ pattern: String) {
        self.pattern = pattern
        text = Array(pattern.unicodeScalars)
    }

    private func error(_ what: String) -> GatewayError {
        GatewayError(
            .invalidValue, "the regular expression \(what): \(pattern)",
            hint: "the syntax is RE2 without \\b, \\p and multi-line mode")
    }

    private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func alternatives() throws(GatewayError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        if depth > PatternParser.depthMax { throw error("nests too deep") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .either(branches)
    }

    private mutating func sequence() throws(GatewayError) -> PatternNode {
        var items: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            guard let atom = try atom() else { continue }
            items.append(try repetition(of: atom))
        }
        return items.isEmpty ? .empty : items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func repetition(of atom: PatternNode) throws(GatewayError) -> PatternNode {
        var node = atom
        var isRepeated = false
        while let scalar = next {
            let bounds: (min: Int, max: Int?)
            switch scalar {
            case "*": bounds = (0, nil)
            case "+": bounds = (1, nil)
            case "?": bounds = (0, 1)
            case "{":
                guard let counted = try count() else { return node }
                bounds = counted
            default: return node
            }
            if isRepeated { throw error("repeats a repetition") }
            if scalar != "{" { position += 1 }
            isRepeated = true
            // Greedy or not, a whole match is the same.
            _ = take("?")
            node = .repeated(node, min: bounds.min, max: bounds.max)
        }
        return node
    }

    /// `{n}`, `{n,}` or `{n,m}`; nil and nothing taken when it is a literal brace.
    private mutating func count() throws(GatewayError) -> (min: Int, max: Int?)? {
        let start = position
        position += 1
        guard let low = number() else {
            position = start
            return nil
        }
        var high: Int? = low
        if take(",") { high = number() }
        guard take("}") else {
            position = start
            return nil
        }
        if low > PatternParser.repetitionMax || (high ?? 0) > PatternParser.repetitionMax {
            throw error("repeats more than \(PatternParser.repetitionMax) times")
        }
        if let high, high < low { throw error("has a repetition with its bounds exchanged") }
        return (low, high)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), 1_000_000)
            position += 1
        }
        return value
    }

    private func set(_ set: ScalarSet) -> PatternNode { .set(ignoresCase ? set.caseFolded : set) }

    /// One item; nil for something that matches nothing by itself, as a flag does.
    private mutating func atom() throws(GatewayError) -> PatternNode? {
        guard let scalar = next else { return nil }
        switch scalar {
        case "*", "+", "?": throw error("has nothing to repeat before \(scalar)")
        case "(": return try group()
        case "[": return try set(bracket())
        case "\\": return try escape()
        default: break
        }
        position += 1
        switch scalar {
        case "^": return .start
        case "$": return .end
        case ".": return .set(dotMatchesNewline ? .any : .anyButNewline)
        default: return set(ScalarSet(scalar))
        }
    }

    // MARK: Groups and flags

    private mutating func group() throws(GatewayError) -> PatternNode? {
        position += 1
        let saved = (ignoresCase, dotMatchesNewline)
        if take("?") {
            if take("P") {
                guard take("<") else { throw error("uses a group it does not know") }
                try groupName()
            } else if take("<") {
                if next == "=" || next == "!" { throw error("uses look-behind, which is not supported") }
                try groupName()
            } else if next == "=" || next == "!" {
                throw error("uses look-ahead, which is not supported")
            } else if try flags() {
                return nil
            }
        }
        let node = try alternatives()
        guard take(")") else { throw error("has an unclosed (") }
        (ignoresCase, dotMatchesNewline) = saved
        return node
    }

    private mutating func groupName() throws(GatewayError) {
        while let scalar = next, scalar != ">" {
            guard scalar.properties.isAlphabetic || scalar == "_" || ("0"..."9").contains(scalar) else { break }
            position += 1
        }
        guard take(">") else { throw error("has a bad group name") }
    }

    /// Reads `i`, `s`, `-` up to `:` or `)`; true when the flags stand for the rest of the enclosing group.
    private mutating func flags() throws(GatewayError) -> Bool {
        var value = true
        while let scalar = next {
            position += 1
            switch scalar {
            case "i": ignoresCase = value
            case "s": dotMatchesNewline = value
            case "U": continue
            case "-": value = false
            case ":": return false
            case ")": return true
            default: throw error("uses the flag \(scalar), which is not supported")
            }
        }
        throw error("has an unclosed (")
    }

    // MARK: Escapes and classes

    private mutating func escape() throws(GatewayError) -> PatternNode {
        position += 1
        guard let scalar = next else { throw error("ends in a backslash") }
        switch scalar {
        case "A":
            position += 1
            return .start
        case "z":
            position += 1
            return .end
        case "Q":
            position += 1
            return quoted()
        default:
            return set(try escapedSet())
        }
    }

    private mutating func quoted() -> PatternNode {
        var items: [PatternNode] = []
        while let scalar = next {
            position += 1
            if scalar == "\\", next == "E" {
                position += 1
                break
            }
            items.append(set(ScalarSet(scalar)))
        }
        return .sequence(items)
    }

    /// What follows a backslash, inside a class or out of it.
    private mutating func escapedSet() throws(GatewayError) -> ScalarSet {
        guard let scalar = next else { throw error("ends in a backslash") }
        position += 1
        switch scalar {
        case "d": return .digits
        case "D": return ScalarSet.digits.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "s": return .space
        case "S": return ScalarSet.space.inverted
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "t": return ScalarSet("\t")
        case "f": return ScalarSet("\u{0C}")
        case "v": return ScalarSet("\u{0B}")
        case "a": return ScalarSet("\u{07}")
        case "x": return ScalarSet(try hexadecimal())
        case "b", "B": throw error("uses \\\(scalar), which is not supported")
        case "p", "P": throw error("uses a Unicode class, which is not supported")
        case "0"..."9": throw error("uses a back reference or octal escape, which is not supported")
        default:
            if scalar.properties.isAlphabetic { throw error("uses the unknown escape \\\(scalar)") }
            return ScalarSet(scalar)
        }
    }

    private mutating func hexadecimal() throws(GatewayError) -> Unicode.Scalar {
        var digits = ""
        if take("{") {
            while let scalar = next, scalar != "}", digits.count < 7 {
                digits.unicodeScalars.append(scalar)
                position += 1
            }
            guard take("}") else { throw error("has a bad \\x escape") }
        } else {
            while let scalar = next, digits.count < 2 {
                digits.unicodeScalars.append(scalar)
                position += 1
            }
            if digits.count < 2 { throw error("has a bad \\x escape") }
        }
        guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw error("has a bad \\x escape")
        }
        return scalar
    }

    private mutating func bracket() throws(GatewayError) -> ScalarSet {
        position += 1
        let isNegated = take("^")
        var result = ScalarSet([])
        var isFirst = true
        while true {
            guard let scalar = next else { throw error("has an unclosed [") }
            if scalar == "]", !isFirst { break }
            isFirst = false
            let low = try classItem()
            guard next == "-", position + 1 < text.count, text[position + 1] != "]" else {
                result = result.union(low)
                continue
            }
            position += 1
            let high = try classItem()
            guard let from = low.only, let to = high.only, from <= to else { throw error("has a bad range in [ ]") }
            result = result.union(ScalarSet([from...to]))
        }
        position += 1
        // Folding first, so that a negated class leaves out both cases.
        let folded = ignoresCase ? result.caseFolded : result
        return isNegated ? folded.inverted : folded
    }

    private mutating func classItem() throws(GatewayError) -> ScalarSet {
        guard let scalar = next else { throw error("has an unclosed [") }
        position += 1
        if scalar == "\\" { return try escapedSet() }
        guard scalar == "[", take(":") else { return ScalarSet(scalar) }
        let isNegated = take("^")
        var name = ""
        while let letter = next, letter != ":", name.count < 16 {
            name.unicodeScalars.append(letter)
            position += 1
        }
        guard take(":"), take("]"), let set = ScalarSet.posix(name) else {
            throw error("uses an unknown class [:\(name):]")
        }
        return isNegated ? set.inverted : set
    }
}

extension ScalarSet {
    /// The scalar of a set of one.
    fileprivate var only: UInt32? {
        guard ranges.count == 1, ranges[0].lowerBound == ranges[0].upperBound else { return nil }
        return ranges[0].lowerBound
    }
}
