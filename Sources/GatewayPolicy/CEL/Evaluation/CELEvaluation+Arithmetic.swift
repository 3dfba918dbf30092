/// `+ - * / %`. Integers never wrap: what does not fit is an error.
extension CELEvaluation {
    mutating func arithmetic(
        _ operation: CELOperation, _ left: CELValue, _ right: CELValue
    ) throws(CELFault) -> CELValue {
        switch (left, right) {
        case (.int(let one), .int(let other)): return .int(try CELEvaluation.whole(operation, one, other))
        case (.uint(let one), .uint(let other)): return .uint(try CELEvaluation.whole(operation, one, other))
        case (.double(let one), .double(let other)):
            switch operation {
            case .add: return .double(one + other)
            case .subtract: return .double(one - other)
            case .multiply: return .double(one * other)
            case .divide: return .double(one / other)
            default: break
            }
        default:
            if operation == .add { return try sum(left, right) }
            if operation == .subtract { return try difference(left, right) }
        }
        throw .noOverload(CELEvaluation.sign(operation), left, right)
    }

    private static func whole<Number: FixedWidthInteger>(
        _ operation: CELOperation, _ one: Number, _ other: Number
    ) throws(CELFault) -> Number {
        let result: (partialValue: Number, overflow: Bool)
        switch operation {
        case .add: result = one.addingReportingOverflow(other)
        case .subtract: result = one.subtractingReportingOverflow(other)
        case .multiply: result = one.multipliedReportingOverflow(by: other)
        case .divide:
            if other == 0 { throw .divisionByZero }
            result = one.dividedReportingOverflow(by: other)
        default:
            if other == 0 { throw CELFault("modulus by zero") }
            result = one.remainderReportingOverflow(dividingBy: other)
        }
        if result.overflow { throw .overflow }
        return result.partialValue
    }

    private mutating func sum(_ left: CELValue, _ right: CELValue) throws(CELFault) -> CELValue {
        switch (left, right) {
        case (.string(let one), .string(let other)):
            try charge((one.utf8.count + other.utf8.count) / 16)
            return .string(one + other)
        case (.bytes(let one), .bytes(let other)):
            try charge((one.count + other.count) / 16)
            return .bytes(one + other)
        case (.list(let one), .list(let other)):
            try charge(one.count + other.count)
            return .list(one + other)
        case (.timestamp(let moment), .duration(let span)), (.duration(let span), .timestamp(let moment)):
            guard let result = moment.adding(span) else { throw .timestampRange }
            return .timestamp(result)
        case (.duration(let one), .duration(let other)):
            let result = one.nanoseconds.addingReportingOverflow(other.nanoseconds)
            if result.overflow { throw .durationRange }
            return .duration(CELDuration(nanoseconds: result.partialValue))
        default: throw .noOverload("+", left, right)
        }
    }

    private func difference(_ left: CELValue, _ right: CELValue) throws(CELFault) -> CELValue {
        switch (left, right) {
        case (.timestamp(let one), .timestamp(let other)):
            guard let span = one.since(other) else { throw .durationRange }
            return .duration(span)
        case (.timestamp(let moment), .duration(let span)):
            guard let result = moment.adding(span, sign: -1) else { throw .timestampRange }
            return .timestamp(result)
        case (.duration(let one), .duration(let other)):
            let result = one.nanoseconds.subtractingReportingOverflow(other.nanoseconds)
            if result.overflow { throw .durationRange }
            return .duration(CELDuration(nanoseconds: result.partialValue))
        default: throw .noOverload("-", left, right)
        }
    }

    func negated(_ operand: CELValue) throws(CELFault) -> CELValue {
        switch operand {
        case .int(let value):
            if value == .min { throw .overflow }
            return .int(-value)
        case .double(let value): return .double(-value)
        default: throw .noOverload("-", operand)
        }
    }
}
