/// `"%s has %d".format([x, y])`.
extension CELEvaluation {
    private static let precisionMax = 100

    mutating func format(_ template: String, _ values: [CELValue]) throws(CELFault) -> String {
        var result = ""
        var next = 0
        var rest = Substring(template).unicodeScalars
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            if rest.first == "%" {
                rest.removeFirst()
                result += "%"
                continue
            }
            var precision: Int?
            if rest.first == "." {
                rest.removeFirst()
                let digits = rest.prefix { ("0"..."9").contains($0) }
                rest.removeFirst(digits.count)
                guard let number = Int(String(digits)), number <= CELEvaluation.precisionMax else {
                    throw CELFault("a precision is a number up to \(CELEvaluation.precisionMax)")
                }
                precision = number
            }
            guard let clause = rest.popFirst() else { throw CELFault("the format ends in a lone %") }
            guard next < values.count else { throw CELFault("the format has no value for index \(next)") }
            let made = try text(of: values[next], clause, precision: precision)
            try charge(made.utf8.count / 16 + 1)
            result += made
            next += 1
        }
        return result
    }

    private mutating func text(
        of value: CELValue, _ clause: Unicode.Scalar, precision: Int?
    ) throws(CELFault) -> String {
        switch clause {
        case "s":
            var result = ""
            try appendText(of: value, to: &result)
            return result
        case "d":
            switch value {
            case .int, .uint: return CELFormat.scalar(value)
            case .double(let number) where !number.isFinite: return CELFormat.scalar(value)
            default: throw CELEvaluation.mismatch("%d", "an integer", value)
            }
        case "f", "e":
            let number: Double
            switch value {
            case .double(let given): number = given
            case .int(let given): number = Double(given)
            case .uint(let given): number = Double(given)
            default: throw CELEvaluation.mismatch("%\(clause)", "a number", value)
            }
            guard number.isFinite else { return CELFormat.double(number) }
            try charge(100)
            let decimal = CELDecimal(number)
            let digits = precision ?? 6
            return (number.sign == .minus ? "-" : "")
                + (clause == "f" ? decimal.fixed(precision: digits) : decimal.scientific(precision: digits))
        case "b":
            if case .bool(let flag) = value { return flag ? "1" : "0" }
            return try CELEvaluation.inRadix(2, value, "%b")
        case "o": return try CELEvaluation.inRadix(8, value, "%o")
        case "x", "X": return try hexadecimal(value, isUpper: clause == "X")
        default: throw CELFault("unknown formatting clause: %\(clause)")
        }
    }

    private static func mismatch(_ clause: String, _ wanted: String, _ value: CELValue) -> CELFault {
        CELFault("\(clause) takes \(wanted), found \(value.type.name)")
    }

    private static func inRadix(_ radix: Int, _ value: CELValue, _ clause: String) throws(CELFault) -> String {
        switch value {
        case .int(let number): return String(number, radix: radix)
        case .uint(let number): return String(number, radix: radix)
        default: throw mismatch(clause, "an integer", value)
        }
    }

    private mutating func hexadecimal(_ value: CELValue, isUpper: Bool) throws(CELFault) -> String {
        let bytes: [UInt8]
        switch value {
        case .int(let number): return String(number, radix: 16, uppercase: isUpper)
        case .uint(let number): return String(number, radix: 16, uppercase: isUpper)
        case .string(let text): bytes = Array(text.utf8)
        case .bytes(let given): bytes = given
        default: throw CELEvaluation.mismatch("%x", "an integer, a string or bytes", value)
        }
        try charge(bytes.count / 4)
        let digits = Array((isUpper ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private mutating func appendText(of value: CELValue, to result: inout String) throws(CELFault) {
        switch value {
        case .list(let elements):
            result += "["
            for (index, element) in elements.enumerated() {
                try charge(1)
                if index > 0 { result += ", " }
                try appendText(of: element, to: &result)
            }
            result += "]"
        case .map(let map):
            // In the order of the keys' text, so that equal maps give equal texts.
            var entries: [(key: String, value: CELValue)] = []
            for (key, value) in zip(map.keys, map.values) {
                try charge(2 + keyCost(key))
                entries.append((CELFormat.scalar(key), value))
            }
            entries.sort { CELText.isLess($0.key, $1.key) }
            result += "{"
            for (index, entry) in entries.enumerated() {
                result += "\(index > 0 ? ", " : "")\(entry.key): "
                try appendText(of: entry.value, to: &result)
            }
            result += "}"
        case .bytes(let bytes):
            try charge(bytes.count / 16)
            result += String(decoding: bytes, as: UTF8.self)
        case .optional: throw CELEvaluation.mismatch("%s", "a value", value)
        default:
            let text = CELFormat.scalar(value)
            try charge(text.utf8.count / 16)
            result += text
        }
    }
}
