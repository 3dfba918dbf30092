/// A value of the expression language. Scalars and short strings are held without an allocation.
package enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case timestamp(CELTimestamp)
    case duration(CELDuration)
    case list([CELValue])
    case map(CELMap)
    case type(CELType)
    case network(CELNetwork)
    case optional(CELOptional)

    /// The type without what a list, map or optional holds.
    package var type: CELType {
        switch self {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .timestamp: .timestamp
        case .duration: .duration
        case .list: .list(.dyn)
        case .map: .map(.dyn, .dyn)
        case .type: .type
        case .network(let network): network.prefixLength == nil ? .ip : .cidr
        case .optional: .optional(.dyn)
        }
    }

    package static func strings(_ strings: some Sequence<String>) -> CELValue { .list(strings.map { .string($0) }) }

    /// As a person reads it: what `string(x)` gives for a scalar, base64 for bytes, the type's name for the rest.
    package var text: String {
        switch self {
        case .bytes(let bytes): CELBase64.encode(bytes)
        case .list, .map, .optional: type.name
        default: CELFormat.scalar(self)
        }
    }

    /// Whether it is what an unset field of its type would be.
    var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let value): !value
        case .int(let value): value == 0
        case .uint(let value): value == 0
        case .double(let value): value == 0
        case .string(let value): value.isEmpty
        case .bytes(let value): value.isEmpty
        case .timestamp(let value): value == CELTimestamp(seconds: 0)
        case .duration(let value): value.nanoseconds == 0
        case .list(let value): value.isEmpty
        case .map(let value): value.count == 0
        case .optional(let value): value.value == nil
        case .type, .network: false
        }
    }
}

/// A value that may be missing; boxed so that a `CELValue` stays small.
package final class CELOptional: Sendable {
    package let value: CELValue?

    package init(_ value: CELValue?) { self.value = value }
    package static let none = CELOptional(nil)
}

/// Text is compared by its scalars, as CEL asks, and not by canonical equivalence, as `String` does.
enum CELText {
    @inline(__always)
    static func areEqual(_ one: String, _ other: String) -> Bool {
        let left = one.utf8Span.span
        let right = other.utf8Span.span
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    /// Whether `one` comes before `other`; the order of UTF-8 bytes is the order of scalars.
    static func isLess(_ one: String, _ other: String) -> Bool {
        isLess(one.utf8Span.span, other.utf8Span.span)
    }

    static func isLess(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        let count = min(left.count, right.count)
        for index in 0..<count where left[index] != right[index] { return left[index] < right[index] }
        return left.count < right.count
    }

    @inline(__always)
    static func hasPrefix(_ text: String, _ prefix: String) -> Bool {
        let whole = text.utf8Span.span
        let start = prefix.utf8Span.span
        guard start.count <= whole.count else { return false }
        for index in start.indices where start[index] != whole[index] { return false }
        return true
    }

    static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
        let whole = text.utf8Span.span
        let end = suffix.utf8Span.span
        let skipped = whole.count - end.count
        guard skipped >= 0 else { return false }
        for index in end.indices where end[index] != whole[skipped + index] { return false }
        return true
    }

    /// The offset of the first occurrence at or after `from`, by Knuth, Morris and Pratt: linear whatever the input.
    static func find<Element: Equatable>(_ needle: [Element], in text: [Element], from: Int = 0) -> Int? {
        guard !needle.isEmpty else { return from <= text.count ? from : nil }
        guard text.count - from >= needle.count else { return nil }
        var fallback = [Int](repeating: 0, count: needle.count)
        var matched = 0
        for index in 1..<needle.count {
            while matched > 0, needle[index] != needle[matched] { matched = fallback[matched - 1] }
            if needle[index] == needle[matched] { matched += 1 }
            fallback[index] = matched
        }
        matched = 0
        for index in from..<text.count {
            while matched > 0, text[index] != needle[matched] { matched = fallback[matched - 1] }
            if text[index] == needle[matched] { matched += 1 }
            if matched == needle.count { return index + 1 - matched }
        }
        return nil
    }
}
