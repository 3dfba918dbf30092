import FoundationEssentials

/// JSON as a tree, for expectations and captures; never on a request path.
package enum JSONValue: Sendable, Hashable, Decodable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// nil when the bytes are not JSON.
    package init?(json bytes: [UInt8]) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else { return nil }
        self = value
    }

    /// The value at a path such as `headers.X-One[0]` or `a['b.c']`; a leading `$.` is allowed.
    package func at(_ path: String) -> JSONValue? {
        var value = self
        var rest = Substring(path)
        if rest.first == "$" { rest = rest.dropFirst() }
        while !rest.isEmpty {
            if rest.first == "." { rest = rest.dropFirst() }
            let key: String
            if rest.first == "[" {
                guard let end = rest.firstIndex(of: "]") else { return nil }
                let inner = rest[rest.index(after: rest.startIndex)..<end]
                rest = rest[rest.index(after: end)...]
                if let index = Int(inner) {
                    guard case .array(let items) = value, items.indices.contains(index) else { return nil }
                    value = items[index]
                    continue
                }
                key = String(inner.dropFirst().dropLast())
            } else {
                key = String(rest.prefix { $0 != "." && $0 != "[" })
                rest = rest.dropFirst(key.count)
            }
            guard case .object(let members) = value, let member = members[key] else { return nil }
            value = member
        }
        return value
    }

    /// Plain for scalars, JSON for the rest; object keys in order.
    package var text: String {
        if case .string(let value) = self { return value }
        return json
    }

    package var json: String {
        var out = JSONText()
        write(&out)
        return out.text
    }

    private func write(_ out: inout JSONText) {
        switch self {
        case .null: out.raw("null")
        case .bool(let value): out.raw("\(value)")
        case .integer(let value): out.raw("\(value)")
        case .number(let value): out.raw("\(value)")
        case .string(let value): out.string(value)
        case .array(let items):
            out.raw("[")
            for (index, item) in items.enumerated() {
                if index > 0 { out.raw(",") }
                item.write(&out)
            }
            out.raw("]")
        case .object(let members):
            out.raw("{")
            for (index, key) in members.keys.sorted().enumerated() {
                out.key(key, first: index == 0)
                members[key]?.write(&out)
            }
            out.raw("}")
        }
    }

    /// The same tree with every string passed through a function.
    func mapStrings(_ body: (String) throws -> String) rethrows -> JSONValue {
        switch self {
        case .string(let value): .string(try body(value))
        case .array(let items): .array(try items.map { try $0.mapStrings(body) })
        case .object(let members): .object(try members.mapValues { try $0.mapStrings(body) })
        default: self
        }
    }

    /// Equal as JSON: 1 and 1.0 are one number.
    func matches(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.integer(let left), .number(let right)), (.number(let right), .integer(let left)):
            return Double(left) == right
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.matches($1) }
        case (.object(let left), .object(let right)):
            return left.count == right.count
                && left.allSatisfy { key, value in right[key].map { value.matches($0) } ?? false }
        default: return self == other
        }
    }
}
