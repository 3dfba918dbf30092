/// A map in the order it was written. Keys are bool, int, uint or string; numbers that are equal are one key.
package final class CELMap: Sendable {
    package let keys: [CELValue]
    package let values: [CELValue]
    /// Where a key is, once there are too many to look at one by one.
    private let index: [CELKey: Int]

    package static let empty = CELMap(unchecked: [], [], [:])
    private static let scanMax = 8

    private init(unchecked keys: [CELValue], _ values: [CELValue], _ index: [CELKey: Int]) {
        self.keys = keys
        self.values = values
        self.index = index
    }

    /// Nil when a key has a type no key may have, or comes twice.
    package convenience init?(keys: [CELValue], values: [CELValue]) {
        guard keys.count == values.count else { return nil }
        if keys.count <= CELMap.scanMax {
            for (position, key) in keys.enumerated() {
                guard let key = CELKey(key, isWritten: true) else { return nil }
                for earlier in keys[..<position] where CELKey(earlier) == key { return nil }
            }
            self.init(unchecked: keys, values, [:])
            return
        }
        var index = [CELKey: Int](minimumCapacity: keys.count)
        for (position, key) in keys.enumerated() {
            guard let key = CELKey(key, isWritten: true), index.updateValue(position, forKey: key) == nil else {
                return nil
            }
        }
        self.init(unchecked: keys, values, index)
    }

    /// A map of strings, such as a request's fields; the last of equal keys stays.
    package convenience init(_ pairs: some Sequence<(key: String, value: String)>) {
        var index: [CELKey: Int] = [:]
        var keys: [CELValue] = []
        var values: [CELValue] = []
        for pair in pairs {
            if let position = index.updateValue(keys.count, forKey: .string(pair.key)) {
                index[.string(pair.key)] = position
                values[position] = .string(pair.value)
                continue
            }
            keys.append(.string(pair.key))
            values.append(.string(pair.value))
        }
        self.init(unchecked: keys, values, keys.count > CELMap.scanMax ? index : [:])
    }

    package var count: Int { keys.count }

    func position(of key: CELValue) -> Int? {
        if index.isEmpty {
            for position in keys.indices where CELMap.isSame(keys[position], key) { return position }
            return nil
        }
        guard let key = CELKey(key) else { return nil }
        return index[key]
    }

    package subscript(key: CELValue) -> CELValue? {
        guard let position = position(of: key) else { return nil }
        return values[position]
    }

    private static func isSame(_ key: CELValue, _ other: CELValue) -> Bool {
        if case .string(let text) = key {
            guard case .string(let otherText) = other else { return false }
            return CELText.areEqual(text, otherText)
        }
        guard let wanted = CELKey(other) else { return false }
        return CELKey(key) == wanted
    }
}

/// A key reduced to what makes it equal to another: 1, 1u and 1.0 are one key.
enum CELKey: Hashable, Sendable {
    case bool(Bool)
    case int(Int64)
    /// Only what an `int` cannot hold.
    case uint(UInt64)
    case string(String)

    /// - Parameter isWritten: whether it is to be a key of a map, which a double cannot be, or is looked up.
    init?(_ value: CELValue, isWritten: Bool = false) {
        switch value {
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .uint(let value): self = Int64(exactly: value).map(CELKey.int) ?? .uint(value)
        case .string(let value): self = .string(value)
        case .double(let value):
            if isWritten { return nil }
            if let whole = Int64(exactly: value) {
                self = .int(whole)
            } else if let whole = UInt64(exactly: value) {
                self = .uint(whole)
            } else {
                return nil
            }
        default: return nil
        }
    }

    static func == (one: CELKey, other: CELKey) -> Bool {
        switch (one, other) {
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.uint(let left), .uint(let right)): left == right
        case (.string(let left), .string(let right)): CELText.areEqual(left, right)
        default: false
        }
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(value)
        case .uint(let value): hasher.combine(value)
        // Texts of equal scalars are equal strings too, so that they have one hash.
        case .string(let value): hasher.combine(value)
        }
    }
}
