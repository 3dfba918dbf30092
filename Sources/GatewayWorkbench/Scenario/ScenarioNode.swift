import GatewayModel
import Yams

/// A place in a scenario file. Every question to it fails with file, line and column.
struct ScenarioNode {
    let node: Node
    let file: String

    var line: Int { node.mark?.line ?? 1 }
    var column: Int { node.mark?.column ?? 1 }

    func error(_ code: ErrorCode, _ message: String, hint: String? = nil) -> GatewayError {
        GatewayError(code, "\(file):\(line):\(column): \(message)", hint: hint)
    }

    private func child(_ node: Node) -> ScenarioNode { ScenarioNode(node: node, file: file) }

    /// The members in file order; a key not in the list is an error that names the nearest one.
    func members(_ allowed: [String]? = nil) throws(GatewayError) -> [(key: String, value: ScenarioNode)] {
        guard case .mapping(let mapping) = node else { throw error(.wrongType, "expected a mapping, found \(kind)") }
        var members: [(String, ScenarioNode)] = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                throw child(key).error(.wrongType, "expected a name, found \(child(key).kind)")
            }
            if let allowed, !allowed.contains(scalar.string) {
                let near = nearest(scalar.string, in: allowed)
                throw child(key).error(
                    .unknownField, "unknown field \(scalar.string)",
                    hint: near.map { "did you mean \($0)?" } ?? "fields here: \(allowed.joined(separator: ", "))")
            }
            members.append((scalar.string, child(value)))
        }
        return members
    }

    func items() throws(GatewayError) -> [ScenarioNode] {
        guard case .sequence(let sequence) = node else { throw error(.wrongType, "expected a list, found \(kind)") }
        return sequence.map { child($0) }
    }

    /// A list, or a single value in place of a list of one.
    func oneOrMore() throws(GatewayError) -> [ScenarioNode] {
        if case .sequence = node { return try items() }
        return [self]
    }

    /// Any scalar as it is written: header values may look like numbers.
    func string() throws(GatewayError) -> String {
        guard case .scalar(let scalar) = node else { throw error(.wrongType, "expected text, found \(kind)") }
        if tag == .null { throw error(.wrongType, "expected text, found nothing") }
        return scalar.string
    }

    func integer(_ range: ClosedRange<Int>) throws(GatewayError) -> Int {
        let text = try string()
        guard tag == .int, let value = Int(text) else {
            throw error(.wrongType, "expected a whole number, found \(text)")
        }
        guard range ~= value else {
            throw error(
                .invalidValue, "expected a number from \(range.lowerBound) to \(range.upperBound), found \(value)")
        }
        return value
    }

    func boolean() throws(GatewayError) -> Bool {
        let text = try string()
        guard text == "true" || text == "false" else {
            throw error(.wrongType, "expected true or false, found \(text)")
        }
        return text == "true"
    }

    func milliseconds() throws(GatewayError) -> Int {
        let text = try string()
        guard let value = durationMilliseconds(text) else {
            throw error(.invalidValue, "expected a duration, found \(text)", hint: "write 100ms, 2s or 1m")
        }
        return value
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type
    ) throws(GatewayError) -> Choice where Choice.RawValue == String {
        let text = try string()
        guard let value = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue)
            throw error(.invalidValue, "unknown value \(text)", hint: "one of \(names.joined(separator: ", "))")
        }
        return value
    }

    func regex() throws(GatewayError) -> String {
        let pattern = try string()
        do {
            _ = try Regex(pattern)
        } catch let fault {
            throw error(.invalidValue, "not a regular expression: \(pattern)", hint: "\(fault)")
        }
        return pattern
    }

    func json() throws(GatewayError) -> JSONValue {
        switch node {
        case .mapping:
            var members: [String: JSONValue] = [:]
            for (key, value) in try self.members() { members[key] = try value.json() }
            return .object(members)
        case .sequence:
            var values: [JSONValue] = []
            for item in try items() { values.append(try item.json()) }
            return .array(values)
        case .scalar(let scalar):
            switch tag {
            case .null: return .null
            case .bool: return .bool(node.bool ?? false)
            case .int: return node.int.map { .integer(Int64($0)) } ?? .string(scalar.string)
            case .float: return node.float.map { .number($0) } ?? .string(scalar.string)
            default: return .string(scalar.string)
            }
        case .alias: throw error(.unsupportedValue, "an alias cannot stand here")
        }
    }

    private var tag: Tag.Name { Tag.Name(rawValue: node.tag.description) }

    private var kind: String {
        switch node {
        case .scalar(let scalar): tag == .null ? "nothing" : "\(scalar.string)"
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }

    /// The closest name by edit distance, where one is close enough to be meant.
    private func nearest(_ word: String, in names: [String]) -> String? {
        let best = names.map { ($0, distance(word.lowercased(), $0.lowercased())) }.min { $0.1 < $1.1 }
        guard let (name, distance) = best, distance <= max(2, word.count / 3) else { return nil }
        return name
    }

    private func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let cost = a == b ? diagonal : diagonal + 1
                diagonal = row[j + 1]
                row[j + 1] = min(cost, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
