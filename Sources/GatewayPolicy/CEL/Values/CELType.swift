/// A type of the expression language, as declared for a variable or found by the checker.
package indirect enum CELType: Hashable, Sendable, CustomStringConvertible {
    /// Known only when evaluated.
    case dyn
    case null, bool, int, uint, double, string, bytes, timestamp, duration, type
    /// An IP address, and a range of them.
    case ip, cidr
    case list(CELType)
    case map(CELType, CELType)
    case optional(CELType)
    /// Stands for any type in the signature of a function; no value has it.
    case parameter(UInt8)

    /// As `type(x)` names it; what a list or map holds is not part of a value's type.
    package var name: String {
        switch self {
        case .dyn: "dyn"
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .timestamp: "google.protobuf.Timestamp"
        case .duration: "google.protobuf.Duration"
        case .type: "type"
        case .ip: "net.IP"
        case .cidr: "net.CIDR"
        case .list: "list"
        case .map: "map"
        case .optional: "optional_type"
        case .parameter(let index): index == 0 ? "A" : "B"
        }
    }

    /// As a person writes it: `list(string)`.
    package var description: String {
        switch self {
        case .null: "null"
        case .timestamp: "timestamp"
        case .duration: "duration"
        case .ip: "ip"
        case .cidr: "cidr"
        case .list(let element): "list(\(element))"
        case .map(let key, let value): "map(\(key), \(value))"
        case .optional(let value): "optional(\(value))"
        default: name
        }
    }

    /// The types an expression can name, as in `type(x) == string`.
    static let named: [String: CELType] = {
        let all: [CELType] = [
            .null, .bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration, .type, .ip, .cidr, .list(.dyn),
            .map(.dyn, .dyn), .optional(.dyn),
        ]
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }()

    var isNumeric: Bool { self == .int || self == .uint || self == .double }

    /// What an unset field of this type reads as.
    package var zero: CELValue {
        switch self {
        case .bool: .bool(false)
        case .int: .int(0)
        case .uint: .uint(0)
        case .double: .double(0)
        case .string: .string("")
        case .bytes: .bytes([])
        case .timestamp: .timestamp(CELTimestamp(seconds: 0))
        case .duration: .duration(CELDuration(nanoseconds: 0))
        case .list: .list([])
        case .map: .map(.empty)
        case .optional: .optional(.none)
        case .dyn, .null, .type, .ip, .cidr, .parameter: .null
        }
    }

    /// Whether a value of this type may stand where `other` is wanted; what is not known yet may.
    func fits(_ other: CELType) -> Bool {
        switch (self, other) {
        case (.dyn, _), (_, .dyn), (.parameter, _), (_, .parameter): true
        case (.list(let one), .list(let two)), (.optional(let one), .optional(let two)): one.fits(two)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            key.fits(otherKey) && value.fits(otherValue)
        default: self == other
        }
    }

    /// Whether `==` between the two can ever be true.
    func isComparable(_ other: CELType) -> Bool {
        if isNumeric, other.isNumeric { return true }
        switch (self, other) {
        case (.list(let one), .list(let two)), (.optional(let one), .optional(let two)): return one.isComparable(two)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            return key.isComparable(otherKey) && value.isComparable(otherValue)
        default: return fits(other)
        }
    }

    /// The type of something that is either; nil when the two have nothing in common.
    func joined(_ other: CELType) -> CELType? {
        if self == other { return self }
        switch (self, other) {
        case (.dyn, _), (_, .dyn): return .dyn
        case (.list(let one), .list(let two)): return .list(one.joined(two) ?? .dyn)
        case (.optional(let one), .optional(let two)): return .optional(one.joined(two) ?? .dyn)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            return .map(key.joined(otherKey) ?? .dyn, value.joined(otherValue) ?? .dyn)
        default: return nil
        }
    }
}
