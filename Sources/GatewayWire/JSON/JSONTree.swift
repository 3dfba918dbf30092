/// A JSON value that loses nothing: numbers keep their text, strings their escapes, objects the order of their members.
/// For what must be taken apart and put together again; what is only looked at or passed on needs no tree.
package enum JSONTree: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(JSONText)
    case array([JSONTree])
    case object(JSONObject)

    package static func text(_ value: String) -> JSONTree { .string(JSONText(value)) }
    package static func integer(_ value: Int) -> JSONTree { .number(JSONNumber(value)) }

    package var isNull: Bool { if case .null = self { true } else { false } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var number: JSONNumber? { if case .number(let value) = self { value } else { nil } }
    /// A whole number that fits.
    package var int: Int? { number?.int }
    package var string: JSONText? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSONTree]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// The member `name` of an object.
    package subscript(_ name: String) -> JSONTree? { object?[name] }

    /// What it is, for a sentence: `a number`.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// A number as it was written, of any size and precision.
package struct JSONNumber: Sendable, Hashable {
    package let text: String

    package init(_ value: Int) { text = String(value) }

    /// Text that is already a JSON number.
    init(asWritten text: String) { self.text = text }

    /// The value if it is written as a whole number that fits.
    package var int: Int? { Int(text) }
    /// The nearest binary fraction; infinite beyond its range.
    package var double: Double { Double(text) ?? .nan }
}

/// The members of an object in the order they were written; no name occurs twice.
package struct JSONObject: Sendable, Hashable {
    package struct Member: Sendable, Hashable {
        package var name: JSONText
        package var value: JSONTree

        package init(name: JSONText, value: JSONTree) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var members: [Member] = []

    package init() {}

    /// Of several members of one name the last one's value counts.
    package init(_ members: [Member]) {
        var places: [JSONText: Int] = [:]
        for member in members {
            if let place = places[member.name] {
                self.members[place].value = member.value
            } else {
                places[member.name] = self.members.count
                self.members.append(member)
            }
        }
    }

    /// Members whose names are known to differ.
    init(distinct members: [Member]) { self.members = members }

    package var isEmpty: Bool { members.isEmpty }

    /// The member of a name in the code.
    package func value(of name: StaticString) -> JSONTree? {
        let all = members.span
        for index in all.indices where all[index].name.isExactly(name) { return all[index].value }
        return nil
    }

    /// Reading is linear, which suits the objects of an API; setting replaces in place or appends, nil removes.
    package subscript(_ name: String) -> JSONTree? {
        get {
            // Where they lie: a member that is not the one is not copied.
            let (all, wanted) = (members.span, name.utf8Span.span)
            for index in all.indices where all[index].name.isExactly(wanted) { return all[index].value }
            return nil
        }
        set {
            guard let index = members.firstIndex(where: { $0.name.isExactly(name) }) else {
                if let newValue { members.append(Member(name: JSONText(name), value: newValue)) }
                return
            }
            if let newValue { members[index].value = newValue } else { members.remove(at: index) }
        }
    }
}

// MARK: Literals

extension JSONTree: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONTree...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONTree)...) { self = .object(JSONObject(elements)) }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONTree)...) { self.init(elements) }

    fileprivate init(_ elements: [(String, JSONTree)]) {
        for element in elements { self[element.0] = element.1 }
    }
}
