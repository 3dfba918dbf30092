/// `size`, `type` and the conversions.
extension CELEvaluation {
    mutating func general(
        _ function: CELFunction.General, _ arguments: CELArguments
    ) throws(CELFault) -> CELValue {
        let value = arguments.first
        let result: CELValue?
        switch function {
        case .size: result = try size(value)
        case .type: result = .type(value.type)
        case .dyn: result = value
        case .int: result = try CELEvaluation.int(value)
        case .uint: result = try CELEvaluation.uint(value)
        case .double: result = try CELEvaluation.double(value)
        case .string: result = try string(value)
        case .bytes:
            switch value {
            case .bytes: result = value
            case .string(let text):
                try charge(text.utf8.count / 16)
                result = .bytes(Array(text.utf8))
            default: result = nil
            }
        case .bool: result = try CELEvaluation.bool(value)
        case .timestamp: result = try CELEvaluation.timestamp(value)
        case .duration: result = try CELEvaluation.duration(value)
        }
        guard let result else { throw arguments.noOverload(function.rawValue) }
        return result
    }

    private mutating func size(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .string(let text):
            try charge(text.utf8.count / 16)
            return .int(Int64(text.utf8Span.isKnownASCII ? text.utf8.count : text.unicodeScalars.count))
        case .bytes(let bytes): return .int(Int64(bytes.count))
        case .list(let list): return .int(Int64(list.count))
        case .map(let map): return .int(Int64(map.count))
        default: return nil
        }
    }

    private static func unreadable(_ text: String, as type: String) -> CELFault {
        CELFault("cannot read as \(type): \(CELFormat.brief(.string(text)))")
    }

    private static func int(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .int: return value
        case .uint(let number):
            guard let result = Int64(exactly: number) else { throw .overflow }
            return .int(result)
        case .double(let number):
            // The bounds themselves are doubles that stand for more than an int holds.
            guard number > -0x1p63, number < 0x1p63 else { throw .overflow }
            return .int(Int64(number))
        case .string(let text):
            guard let result = Int64(text) else { throw unreadable(text, as: "int") }
            return .int(result)
        case .timestamp(let moment): return .int(moment.seconds)
        case .duration(let span): return .int(span.nanoseconds / 1_000_000_000)
        default: return nil
        }
    }

    private static func uint(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .uint: return value
        case .int(let number):
            guard let result = UInt64(exactly: number) else { throw .overflow }
            return .uint(result)
        case .double(let number):
            guard number > -1, number < 0x1p64 else { throw .overflow }
            return .uint(UInt64(max(number, 0)))
        case .string(let text):
            guard let result = UInt64(text) else { throw unreadable(text, as: "uint") }
            return .uint(result)
        default: return nil
        }
    }

    private static func double(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .double: return value
        case .int(let number): return .double(Double(number))
        case .uint(let number): return .double(Double(number))
        case .string(let text):
            guard let result = Double(text) else { throw unreadable(text, as: "double") }
            return .double(result)
        default: return nil
        }
    }

    private static func bool(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .bool: return value
        case .string(let text):
            switch text {
            case "1", "t", "T", "true", "TRUE", "True": return .bool(true)
            case "0", "f", "F", "false", "FALSE", "False": return .bool(false)
            default: throw unreadable(text, as: "bool")
            }
        default: return nil
        }
    }

    private mutating func string(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .string: return value
        case .bytes(let bytes):
            try charge(bytes.count / 16)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw CELFault("the bytes are not valid UTF-8")
            }
            return .string(text)
        case .bool, .int, .uint, .double, .timestamp, .duration, .network: return .string(CELFormat.scalar(value))
        default: return nil
        }
    }

    private static func timestamp(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .timestamp: return value
        case .int(let seconds):
            guard let result = CELTimestamp(exactly: seconds) else { throw .timestampRange }
            return .timestamp(result)
        case .string(let text):
            guard let result = CELTimestamp(text) else {
                throw CELFault(
                    "cannot read as a timestamp in RFC 3339 of the years 1 to 9999: \(CELFormat.brief(value))")
            }
            return .timestamp(result)
        default: return nil
        }
    }

    private static func duration(_ value: CELValue) throws(CELFault) -> CELValue? {
        switch value {
        case .duration: return value
        case .int(let seconds):
            let result = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            if result.overflow { throw .durationRange }
            return .duration(CELDuration(nanoseconds: result.partialValue))
        case .string(let text):
            guard let result = CELDuration(text) else {
                throw CELFault("cannot read as a duration in range, such as 1h30m: \(CELFormat.brief(value))")
            }
            return .duration(result)
        default: return nil
        }
    }
}
