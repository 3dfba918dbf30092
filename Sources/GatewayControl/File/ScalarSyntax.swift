import GatewayModel

/// What a plain YAML scalar means: the core schema of YAML 1.2. `yes`, `no`, `on`, `off`, `1:30` and dates are
/// strings, so that a country code stays one.
enum ScalarSyntax {
    static func value(ofPlain text: String) -> ConfigNode.Value {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: return isNumber(text) ? .number(text) : .string(text)
        }
    }

    static func isNumber(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        if text.hasPrefix("0x") {
            return bytes.count > 2 && bytes.dropFirst(2).allSatisfy { isDigit($0) || (97...102).contains($0 | 0x20) }
        }
        if text.hasPrefix("0o") {
            return bytes.count > 2
                && bytes.dropFirst(2).allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
        }
        if bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
        let whole = bytes.prefix(while: isDigit)
        bytes = bytes.dropFirst(whole.count)
        var fraction = 0
        if bytes.first == UInt8(ascii: ".") {
            bytes = bytes.dropFirst()
            let digits = bytes.prefix(while: isDigit)
            fraction = digits.count
            bytes = bytes.dropFirst(digits.count)
        }
        guard whole.count + fraction > 0 else { return false }
        if let exponent = bytes.first, exponent | 0x20 == UInt8(ascii: "e") {
            bytes = bytes.dropFirst()
            if bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
            guard !bytes.isEmpty else { return false }
            bytes = bytes.drop(while: isDigit)
        }
        return bytes.isEmpty
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
