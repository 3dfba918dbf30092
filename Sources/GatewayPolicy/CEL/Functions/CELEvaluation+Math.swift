/// `math.…`.
extension CELEvaluation {
    mutating func math(_ function: CELFunction.Math, _ arguments: CELArguments) throws(CELFault) -> CELValue {
        let found: CELValue?
        switch function {
        case .greatest, .least: return try extreme(function, arguments)
        case .ceil, .floor, .round, .trunc, .isNaN, .isInf, .isFinite:
            found = CELEvaluation.doubles(function, arguments.first)
        case .abs, .sign, .sqrt: found = try CELEvaluation.numbers(function, arguments.first)
        case .bitAnd, .bitOr, .bitXor, .bitNot, .bitShiftLeft, .bitShiftRight:
            found = try CELEvaluation.bits(function, arguments)
        }
        guard let found else { throw arguments.noOverload(function.rawValue) }
        return found
    }

    private mutating func extreme(
        _ function: CELFunction.Math, _ arguments: CELArguments
    ) throws(CELFault) -> CELValue {
        var values = [arguments.first]
        if case .list(let elements) = arguments.first { values = elements }
        guard var best = values.first else { throw CELFault("\(function.rawValue) of an empty list") }
        for value in values {
            try charge(1)
            guard let order = CELEvaluation.numericOrder(value, best) else {
                throw .noOverload(function.rawValue, value)
            }
            if order == (function == .greatest ? .greater : .less) { best = value }
        }
        return best
    }

    private static func doubles(_ function: CELFunction.Math, _ value: CELValue) -> CELValue? {
        guard case .double(let number) = value else { return nil }
        switch function {
        case .ceil: return .double(number.rounded(.up))
        case .floor: return .double(number.rounded(.down))
        case .round: return .double(number.rounded(.toNearestOrAwayFromZero))
        case .trunc: return .double(number.rounded(.towardZero))
        case .isNaN: return .bool(number.isNaN)
        case .isInf: return .bool(number.isInfinite)
        default: return .bool(number.isFinite)
        }
    }

    private static func numbers(_ function: CELFunction.Math, _ value: CELValue) throws(CELFault) -> CELValue? {
        switch (function, value) {
        case (.abs, .int(let number)):
            if number == .min { throw .overflow }
            return .int(abs(number))
        case (.abs, .uint): return value
        case (.abs, .double(let number)): return .double(number.magnitude)
        case (.sign, .int(let number)): return .int(number.signum())
        case (.sign, .uint(let number)): return .uint(number == 0 ? 0 : 1)
        case (.sign, .double(let number)): return .double(number > 0 ? 1 : number < 0 ? -1 : number)
        case (.sqrt, .double(let number)): return .double(number.squareRoot())
        case (.sqrt, .int(let number)): return .double(Double(number).squareRoot())
        case (.sqrt, .uint(let number)): return .double(Double(number).squareRoot())
        default: return nil
        }
    }

    private static func bits(_ function: CELFunction.Math, _ arguments: CELArguments) throws(CELFault) -> CELValue? {
        switch (arguments.first, arguments.second) {
        case (.int(let one), .null) where function == .bitNot: return .int(~one)
        case (.uint(let one), .null) where function == .bitNot: return .uint(~one)
        case (.int(let one), .int(let count)) where function == .bitShiftLeft || function == .bitShiftRight:
            // The sign is a bit like the others.
            return .int(Int64(bitPattern: try shift(function, UInt64(bitPattern: one), count)))
        case (.uint(let one), .int(let count)) where function == .bitShiftLeft || function == .bitShiftRight:
            return .uint(try shift(function, one, count))
        case (.int(let one), .int(let other)): return combine(function, one, other).map { .int($0) }
        case (.uint(let one), .uint(let other)): return combine(function, one, other).map { .uint($0) }
        default: return nil
        }
    }

    private static func combine<Number: FixedWidthInteger>(
        _ function: CELFunction.Math, _ one: Number, _ other: Number
    ) -> Number? {
        switch function {
        case .bitAnd: one & other
        case .bitOr: one | other
        case .bitXor: one ^ other
        default: nil
        }
    }

    private static func shift(_ function: CELFunction.Math, _ bits: UInt64, _ count: Int64) throws(CELFault) -> UInt64 {
        guard count >= 0 else { throw CELFault("a shift by a negative count: \(count)") }
        return function == .bitShiftLeft ? bits << count : bits >> count
    }
}
