/// Values as text.
enum CELFormat {
    /// For an error: short whatever the value.
    static func brief(_ value: CELValue) -> String {
        switch value {
        case .string(let text):
            let shown = text.unicodeScalars.prefix(40)
            return "'\(String(shown))\(shown.endIndex < text.unicodeScalars.endIndex ? "…" : "")'"
        case .null, .bool, .int, .uint, .double, .timestamp, .duration, .network, .type: return scalar(value)
        case .bytes, .list, .map, .optional: return value.type.name
        }
    }

    /// What `string(x)` gives; empty for what it does not take.
    static func scalar(_ value: CELValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .uint(let value): String(value)
        case .double(let value): double(value)
        case .string(let value): value
        case .timestamp(let value): value.text
        case .duration(let value): value.text
        case .type(let value): value.name
        case .network(let value): value.text
        case .bytes, .list, .map, .optional: ""
        }
    }

    /// The shortest digits that give the same double back; a whole number has no decimal point.
    static func double(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static let escapes: [Unicode.Scalar: String] = [
        "\u{07}": "\\a", "\u{08}": "\\b", "\u{0C}": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u{0B}": "\\v",
        "\\": "\\\\", "\"": "\\\"",
    ]

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if let escape = escapes[scalar] { result += escape } else { result.unicodeScalars.append(scalar) }
        }
        return result + "\""
    }
}

/// The exact decimal digits of a double, so that rounding is exact too.
struct CELDecimal {
    private(set) var digits: [UInt8]
    /// How many of the digits stand before the decimal point; may be negative.
    private(set) var pointPosition: Int

    init(_ value: Double) {
        let magnitude = value.magnitude
        guard magnitude > 0, magnitude.isFinite else {
            (digits, pointPosition) = ([0], 1)
            return
        }
        let significand = magnitude.significandBitPattern | (magnitude.isNormal ? 1 << 52 : 0)
        let exponent = max(Int(magnitude.exponentBitPattern), 1) - 1075
        // Limbs of nine digits, least first: the significand times 2^exponent, or times 5^-exponent and a shift.
        var limbs = [UInt32(significand % 1_000_000_000), UInt32(significand / 1_000_000_000)]
        for _ in 0..<abs(exponent) { CELDecimal.multiply(&limbs, by: exponent < 0 ? 5 : 2) }
        var all: [UInt8] = []
        for var limb in limbs {
            for _ in 0..<9 {
                all.append(UInt8(limb % 10))
                limb /= 10
            }
        }
        while all.count > 1, all.last == 0 { all.removeLast() }
        digits = all.reversed()
        pointPosition = digits.count - (exponent < 0 ? -exponent : 0)
    }

    private static func multiply(_ limbs: inout [UInt32], by factor: UInt64) {
        var carry: UInt64 = 0
        for index in limbs.indices {
            let product = UInt64(limbs[index]) * factor + carry
            limbs[index] = UInt32(product % 1_000_000_000)
            carry = product / 1_000_000_000
        }
        if carry > 0 { limbs.append(UInt32(carry)) }
    }

    /// Keeps `count` digits, rounding the rest: halves go to the even digit.
    private mutating func round(toDigits count: Int) {
        if count < 0 {
            (digits, pointPosition) = ([], pointPosition - count)
            digits = []
            return
        }
        guard count < digits.count else {
            digits += [UInt8](repeating: 0, count: count - digits.count)
            return
        }
        let rest = digits[count...]
        let isHalf = rest.first == 5 && rest.dropFirst().allSatisfy { $0 == 0 }
        let isUp = isHalf ? count > 0 && !digits[count - 1].isMultiple(of: 2) : (rest.first ?? 0) >= 5
        digits.removeLast(digits.count - count)
        guard isUp else { return }
        var index = count - 1
        while index >= 0 {
            if digits[index] < 9 {
                digits[index] += 1
                return
            }
            digits[index] = 0
            index -= 1
        }
        digits.insert(1, at: 0)
        pointPosition += 1
    }

    private static func text(_ digits: some Sequence<UInt8>) -> String {
        String(decoding: digits.map { $0 + 0x30 }, as: UTF8.self)
    }

    /// As `%.Nf` writes it, without a sign.
    func fixed(precision: Int) -> String {
        var rounded = self
        if pointPosition + precision < 0 {
            return "0" + (precision > 0 ? "." + String(repeating: "0", count: precision) : "")
        }
        rounded.round(toDigits: pointPosition + precision)
        let missing = precision + 1 - rounded.digits.count
        let padded = [UInt8](repeating: 0, count: max(missing, 0)) + rounded.digits
        let whole = CELDecimal.text(padded.dropLast(precision))
        return precision == 0 ? whole : whole + "." + CELDecimal.text(padded.suffix(precision))
    }

    /// As `%.Ne` writes it, without a sign.
    func scientific(precision: Int) -> String {
        var rounded = self
        rounded.round(toDigits: precision + 1)
        let digits = rounded.digits.prefix(precision + 1)
        let exponent = self.digits == [0] ? 0 : rounded.pointPosition - 1
        let magnitude = abs(exponent)
        let mantissa =
            CELDecimal.text(digits.prefix(1)) + (precision > 0 ? "." + CELDecimal.text(digits.dropFirst()) : "")
        return mantissa + "e" + (exponent < 0 ? "-" : "+") + (magnitude < 10 ? "0" : "") + String(magnitude)
    }
}
