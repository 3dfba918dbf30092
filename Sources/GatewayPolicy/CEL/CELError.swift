/// Why an expression was refused, or could not be evaluated, and where.
package struct CELError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// It is not an expression.
        case syntax
        /// It names a variable, field or function that is not there.
        case unknownName
        /// What it does with a type cannot work.
        case wrongType
        /// It is larger, or nests deeper, than the limits allow.
        case tooLarge
        /// It failed on this input.
        case evaluation
        /// It took more steps than the limit allows.
        case costExceeded
    }

    package var kind: Kind
    /// Lower case, no final full stop, ends with what it is about.
    package var message: String
    /// What would fit.
    package var hint: String?
    /// Both from 1; a column is one scalar.
    package var line: Int
    package var column: Int

    package var description: String {
        "\(line):\(column): \(message)\(hint.map { " (\($0))" } ?? "")"
    }

    init(_ kind: Kind, _ message: String, hint: String? = nil, at offset: Int, in source: [UInt8]) {
        self.kind = kind
        self.message = message
        self.hint = hint
        line = 1
        column = 1
        for byte in source.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
    }
}

/// A failure under way. It knows no position, since `&&` and `||` may yet absorb it.
struct CELFault: Error {
    let message: String
    /// Running out of steps is never absorbed.
    var isCost = false

    init(_ message: String, isCost: Bool = false) {
        self.message = message
        self.isCost = isCost
    }

    static let cost = CELFault("the expression took more steps than the limit allows", isCost: true)
    static let overflow = CELFault("the number is out of range")
    static let divisionByZero = CELFault("division by zero")
    static let timestampRange = CELFault("the timestamp is out of the range of the years 1 to 9999")
    static let durationRange = CELFault("the duration is out of range")

    static func noOverload(_ name: String, _ values: CELValue...) -> CELFault {
        let types = values.map { $0.type.name }.joined(separator: ", ")
        return CELFault("no matching overload for \(name) applied to (\(types))")
    }

    static func noSuchKey(_ key: CELValue) -> CELFault { CELFault("no such key: \(CELFormat.brief(key))") }
}
