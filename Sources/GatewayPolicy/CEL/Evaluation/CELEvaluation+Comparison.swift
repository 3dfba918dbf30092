/// Equality, order and membership. Numbers are compared by what they are worth, whatever their type.
extension CELEvaluation {
    mutating func areEqual(_ left: CELValue, _ right: CELValue) throws(CELFault) -> Bool {
        switch (left, right) {
        case (.string(let one), .string(let other)):
            if one.utf8.count != other.utf8.count { return false }
            try charge(one.utf8.count / 16)
            return CELText.areEqual(one, other)
        case (.int(let one), .int(let other)): return one == other
        case (.bool(let one), .bool(let other)): return one == other
        case (.null, .null): return true
        case (.uint(let one), .uint(let other)): return one == other
        case (.double(let one), .double(let other)): return one == other
        case (.bytes(let one), .bytes(let other)):
            try charge(one.count / 16)
            return one == other
        case (.timestamp(let one), .timestamp(let other)): return one == other
        case (.duration(let one), .duration(let other)): return one == other
        case (.type(let one), .type(let other)): return one.name == other.name
        case (.network(let one), .network(let other)): return one == other
        case (.list(let one), .list(let other)): return try areEqual(one, other)
        case (.map(let one), .map(let other)): return try areEqual(one, other)
        case (.optional(let one), .optional(let other)):
            guard let first = one.value, let second = other.value else {
                return one.value == nil && other.value == nil
            }
            try charge(1)
            return try areEqual(first, second)
        default: return CELEvaluation.numericOrder(left, right) == .same
        }
    }

    private mutating func areEqual(_ one: [CELValue], _ other: [CELValue]) throws(CELFault) -> Bool {
        guard one.count == other.count else { return false }
        for index in one.indices {
            try charge(1)
            if !(try areEqual(one[index], other[index])) { return false }
        }
        return true
    }

    private mutating func areEqual(_ one: CELMap, _ other: CELMap) throws(CELFault) -> Bool {
        guard one.count == other.count else { return false }
        for (index, key) in one.keys.enumerated() {
            try charge(2)
            guard let position = other.position(of: key) else { return false }
            if !(try areEqual(one.values[index], other.values[position])) { return false }
        }
        return true
    }

    mutating func isIn(_ element: CELValue, _ container: CELValue) throws(CELFault) -> Bool {
        switch container {
        case .list(let elements):
            for each in elements {
                try charge(1)
                if try areEqual(each, element) { return true }
            }
            return false
        case .map(let map):
            try charge(keyCost(element))
            return map.position(of: element) != nil
        default: throw .noOverload("in", element, container)
        }
    }

    // MARK: Order

    enum Order { case less, same, greater, none }

    private static func order<Value: Comparable>(_ one: Value, _ other: Value) -> Order {
        one < other ? .less : one == other ? .same : one > other ? .greater : .none
    }

    /// Nil unless both are numbers. An integer and a double are compared as doubles.
    static func numericOrder(_ left: CELValue, _ right: CELValue) -> Order? {
        switch (left, right) {
        case (.int(let one), .int(let other)): order(one, other)
        case (.uint(let one), .uint(let other)): order(one, other)
        case (.double(let one), .double(let other)): order(one, other)
        case (.int(let one), .uint(let other)): one < 0 ? .less : order(UInt64(one), other)
        case (.uint(let one), .int(let other)): other < 0 ? .greater : order(one, UInt64(other))
        case (.int(let one), .double(let other)): order(Double(one), other)
        case (.double(let one), .int(let other)): order(one, Double(other))
        case (.uint(let one), .double(let other)): order(Double(one), other)
        case (.double(let one), .uint(let other)): order(one, Double(other))
        default: nil
        }
    }

    mutating func ordered(
        _ operation: CELOperation, _ left: CELValue, _ right: CELValue
    ) throws(CELFault) -> Bool {
        let order: Order
        switch (left, right) {
        case (.string(let one), .string(let other)):
            try charge(min(one.utf8.count, other.utf8.count) / 16)
            order = CELText.areEqual(one, other) ? .same : CELText.isLess(one, other) ? .less : .greater
        case (.bytes(let one), .bytes(let other)):
            try charge(min(one.count, other.count) / 16)
            order = one == other ? .same : CELText.isLess(one.span, other.span) ? .less : .greater
        case (.bool(let one), .bool(let other)): order = one == other ? .same : other ? .less : .greater
        case (.timestamp(let one), .timestamp(let other)): order = CELEvaluation.order(one, other)
        case (.duration(let one), .duration(let other)): order = CELEvaluation.order(one, other)
        default:
            guard let found = CELEvaluation.numericOrder(left, right) else {
                throw .noOverload(CELEvaluation.sign(operation), left, right)
            }
            order = found
        }
        switch operation {
        case .less: return order == .less
        case .lessEqual: return order == .less || order == .same
        case .greater: return order == .greater
        default: return order == .greater || order == .same
        }
    }

    static func sign(_ operation: CELOperation) -> String {
        switch operation {
        case .less: "<"
        case .lessEqual: "<="
        case .greater: ">"
        case .greaterEqual: ">="
        case .add: "+"
        case .subtract: "-"
        case .multiply: "*"
        case .divide: "/"
        case .modulo: "%"
        default: "\(operation)"
        }
    }
}
