/// JSON whose members keep their order and whose numbers keep their text: what a mock provider reads and writes.
package enum JSONDocument: Sendable, Hashable {
    case null
    case bool(Bool)
    /// As it is written.
    case number(String)
    case string(String)
    case array([JSONDocument])
    case object([Member])

    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: JSONDocument

        package init(name: String, value: JSONDocument) { (self.name, self.value) = (name, value) }
    }

    static func int(_ value: Int) -> JSONDocument { .number("\(value)") }

    /// The first member of that name; nil where there is none, and where it is null.
    package subscript(name: String) -> JSONDocument? {
        guard case .object(let members) = self, let value = members.first(where: { $0.name == name })?.value,
            value != .null
        else { return nil }
        return value
    }

    package var text: String? {
        if case .string(let value) = self { return value }
        return nil
    }

    package var integer: Int? {
        if case .number(let text) = self { return Int(text) }
        return nil
    }

    var flag: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    package var items: [JSONDocument] {
        if case .array(let items) = self { return items }
        return []
    }

    var members: [Member] {
        if case .object(let members) = self { return members }
        return []
    }

    /// Sets a member, at its place or at the end.
    mutating func set(_ name: String, _ value: JSONDocument) {
        var members = members
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].value = value
        } else {
            members.append(Member(name: name, value: value))
        }
        self = .object(members)
    }

    package func setting(_ name: String, _ value: JSONDocument) -> JSONDocument {
        var copy = self
        copy.set(name, value)
        return copy
    }
}

extension JSONDocument: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .number("\(value)") }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONDocument...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONDocument)...) {
        self = .object(elements.map { Member(name: $0.0, value: $0.1) })
    }
    package init(nilLiteral: ()) { self = .null }
}

// MARK: writing

extension JSONDocument {
    /// Without any space between its parts.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(512)
        write(&out)
        return out
    }

    package var json: String { String(decoding: bytes, as: UTF8.self) }

    private func write(_ out: inout [UInt8]) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let value): out += (value ? "true" : "false").utf8
        case .number(let text): out += text.utf8
        case .string(let value): Self.write(value, &out)
        case .array(let items):
            out.append(0x5B)
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(0x2C) }
                item.write(&out)
            }
            out.append(0x5D)
        case .object(let members):
            out.append(0x7B)
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(0x2C) }
                Self.write(member.name, &out)
                out.append(0x3A)
                member.value.write(&out)
            }
            out.append(0x7D)
        }
    }

    private static func write(_ text: String, _ out: inout [UInt8]) {
        out.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                out.append(0x5C)
                out.append(byte)
            case 0x0A: out += "\\n".utf8
            case 0x0D: out += "\\r".utf8
            case 0x09: out += "\\t".utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                out += ("\\u00" + (digits.utf8.count == 1 ? "0" : "") + digits).utf8
            default: out.append(byte)
            }
        }
        out.append(0x22)
    }
}
