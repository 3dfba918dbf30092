/// Why bytes are not a tree, and at which byte.
package struct JSONTreeError: Error, Sendable, Equatable {
    package enum Reason: Sendable, Equatable {
        case unexpectedEnd, unexpectedByte, badLiteral, badNumber, badString, badEscape, badUTF8
        case tooDeep, tooManyValues, trailingBytes
        case duplicateName(String)
    }

    package var reason: Reason
    package var offset: Int
}

extension JSONTree {
    package static let depthMax = 128
    /// A tree costs up to thirty times its text (`[1,1,1,…`); this bounds it whatever the text's own limit is.
    package static let valuesMax = 2_000_000

    /// The one value that `input` is (RFC 8259): UTF-8, no byte-order mark, no extensions, no name twice in an object.
    package static func parse(
        _ input: Span<UInt8>, depthMax: Int = JSONTree.depthMax, valuesMax: Int = JSONTree.valuesMax
    ) throws(JSONTreeError) -> JSONTree {
        var parser = JSONTreeParser(depthMax: min(depthMax, JSONTree.depthMax), valuesMax: valuesMax)
        let tree = try parser.value(input, depth: 0)
        parser.skipSpace(input)
        guard parser.index == input.count else { throw parser.error(.trailingBytes) }
        return tree
    }

    package static func parse(_ input: [UInt8]) throws(JSONTreeError) -> JSONTree { try parse(input.span) }
}

private struct JSONTreeParser {
    var index = 0
    let depthMax: Int
    var valuesMax: Int

    init(depthMax: Int, valuesMax: Int) {
        self.depthMax = depthMax
        self.valuesMax = valuesMax
    }

    func error(_ reason: JSONTreeError.Reason) -> JSONTreeError { JSONTreeError(reason: reason, offset: index) }

    mutating func skipSpace(_ input: Span<UInt8>) {
        while index < input.count {
            let byte = input[index]
            guard byte == Byte.space || byte == Byte.lineFeed || byte == Byte.carriageReturn || byte == Byte.tab else {
                return
            }
            index &+= 1
        }
    }

    mutating func value(_ input: Span<UInt8>, depth: Int) throws(JSONTreeError) -> JSONTree {
        skipSpace(input)
        guard index < input.count else { throw error(.unexpectedEnd) }
        guard valuesMax > 0 else { throw error(.tooManyValues) }
        valuesMax -= 1
        switch input[index] {
        case 0x7B:
            guard depth < depthMax else { throw error(.tooDeep) }
            return .object(try object(input, depth: depth + 1))
        case Byte.openBracket:
            guard depth < depthMax else { throw error(.tooDeep) }
            return .array(try array(input, depth: depth + 1))
        case Byte.quote: return .string(try string(input))
        case 0x74: return try literal(input, "true", .bool(true))
        case 0x66: return try literal(input, "false", .bool(false))
        case 0x6E: return try literal(input, "null", .null)
        case Byte.dash, 0x30...0x39: return .number(try number(input))
        default: throw error(.unexpectedByte)
        }
    }

    // MARK: Structure

    private mutating func array(_ input: Span<UInt8>, depth: Int) throws(JSONTreeError) -> [JSONTree] {
        index += 1
        var items: [JSONTree] = []
        if try isClosed(input, by: Byte.closeBracket) { return items }
        repeat { items.append(try value(input, depth: depth)) } while try goesOn(input, until: Byte.closeBracket)
        return items
    }

    private mutating func object(_ input: Span<UInt8>, depth: Int) throws(JSONTreeError) -> JSONObject {
        index += 1
        var members: [JSONObject.Member] = []
        // Beyond a few members a set finds a name met before.
        var names: Set<JSONText> = []
        if try isClosed(input, by: 0x7D) { return JSONObject() }
        // Most objects have no more, and an array that grows is copied.
        members.reserveCapacity(4)
        repeat {
            skipSpace(input)
            guard index < input.count else { throw error(.unexpectedEnd) }
            guard input[index] == Byte.quote else { throw error(.unexpectedByte) }
            let name = try string(input)
            if members.count == 16 { names = Set(members.map(\.name)) }
            let isNew =
                members.count < 16
                ? members.indices.allSatisfy { members[$0].name != name } : names.insert(name).inserted
            guard isNew else { throw error(.duplicateName(name.value)) }
            skipSpace(input)
            guard index < input.count else { throw error(.unexpectedEnd) }
            guard input[index] == Byte.colon else { throw error(.unexpectedByte) }
            index += 1
            members.append(JSONObject.Member(name: name, value: try value(input, depth: depth)))
        } while try goesOn(input, until: 0x7D)
        return JSONObject(distinct: members)
    }

    private mutating func isClosed(_ input: Span<UInt8>, by close: UInt8) throws(JSONTreeError) -> Bool {
        skipSpace(input)
        guard index < input.count else { throw error(.unexpectedEnd) }
        guard input[index] == close else { return false }
        index += 1
        return true
    }

    private mutating func goesOn(_ input: Span<UInt8>, until close: UInt8) throws(JSONTreeError) -> Bool {
        if try isClosed(input, by: close) { return false }
        guard input[index] == Byte.comma else { throw error(.unexpectedByte) }
        index += 1
        return true
    }

    // MARK: Scalars

    private mutating func literal(
        _ input: Span<UInt8>, _ text: StaticString, _ value: JSONTree
    ) throws(JSONTreeError) -> JSONTree {
        let end = index + text.utf8CodeUnitCount
        guard end <= input.count, Token.isExactly(input, index..<end, text) else { throw error(.badLiteral) }
        index = end
        return value
    }

    private mutating func digits(_ input: Span<UInt8>) throws(JSONTreeError) {
        let start = index
        while index < input.count, Byte.isDigit(input[index]) { index &+= 1 }
        guard index > start else { throw error(.badNumber) }
    }

    private mutating func number(_ input: Span<UInt8>) throws(JSONTreeError) -> JSONNumber {
        let start = index
        if input[index] == Byte.dash { index += 1 }
        guard index < input.count else { throw error(.badNumber) }
        if input[index] == Byte.zero { index += 1 } else { try digits(input) }
        if index < input.count, input[index] == Byte.dot {
            index += 1
            try digits(input)
        }
        if index < input.count, input[index] | 0x20 == 0x65 {
            index += 1
            if index < input.count, input[index] == 0x2B || input[index] == Byte.dash { index += 1 }
            try digits(input)
        }
        return JSONNumber(asWritten: try text(input, start..<index))
    }

    private mutating func string(_ input: Span<UInt8>) throws(JSONTreeError) -> JSONText {
        index += 1
        let start = index
        while true {
            index = Scan.stringStop(input, from: index)
            guard index < input.count else { throw error(.unexpectedEnd) }
            switch input[index] {
            case Byte.quote:
                let inside = try text(input, start..<index)
                index += 1
                return JSONText(asWritten: inside)
            case Byte.backslash: try escape(input)
            case 0..<0x20: throw error(.badString)
            default:
                // Not ASCII: checked as a whole when the string ends.
                index += 1
                while index < input.count, input[index] >= 0x80 { index &+= 1 }
            }
        }
    }

    private mutating func escape(_ input: Span<UInt8>) throws(JSONTreeError) {
        guard index + 1 < input.count else { throw error(.unexpectedEnd) }
        switch input[index + 1] {
        case Byte.quote, Byte.backslash, Byte.slash, 0x62, 0x66, 0x6E, 0x72, 0x74: index += 2
        case 0x75:
            guard index + 5 < input.count else { throw error(.unexpectedEnd) }
            for position in (index + 2)..<(index + 6) where Byte.hexValue(input[position]) == nil {
                throw error(.badEscape)
            }
            index += 6
        default: throw error(.badEscape)
        }
    }

    private func text(_ input: Span<UInt8>, _ range: Range<Int>) throws(JSONTreeError) -> String {
        do {
            return String(copying: try UTF8Span(validating: input.extracting(range)))
        } catch {
            throw JSONTreeError(reason: .badUTF8, offset: range.lowerBound)
        }
    }
}
