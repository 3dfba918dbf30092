/// A span of time of up to some 292 years, either way.
package struct CELDuration: Hashable, Sendable, Comparable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (one: CELDuration, other: CELDuration) -> Bool { one.nanoseconds < other.nanoseconds }

    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]

    /// Reads `1h30m`, `-1.5s`, `250ms`; nil when it is none or out of range.
    package init?(_ text: String) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        if rest == "0" {
            self.init(nanoseconds: 0)
            return
        }
        guard !rest.isEmpty, rest.utf8.count <= 64 else { return nil }
        var total: Int128 = 0
        while !rest.isEmpty {
            let number = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
            rest = rest[number.endIndex...]
            let unit = rest.prefix { !("0"..."9").contains($0) && $0 != "." }
            rest = rest[unit.endIndex...]
            guard let scale = CELDuration.units.first(where: { $0.name == unit }),
                let amount = CELDuration.amount(String(number), of: scale.nanoseconds)
            else { return nil }
            total += amount
        }
        guard let nanoseconds = Int64(exactly: isNegative ? -total : total) else { return nil }
        self.init(nanoseconds: nanoseconds)
    }

    private static func amount(_ number: String, of unit: Int64) -> Int128? {
        var digits = CELDigits(number)
        var whole: Int64 = 0
        if !number.hasPrefix(".") {
            guard let read = digits.number() else { return nil }
            whole = read
        }
        var total = Int128(whole) * Int128(unit)
        if digits.take(".") {
            guard let fraction = digits.fraction() else {
                return digits.isAtEnd && !number.hasPrefix(".") ? total : nil
            }
            total += Int128(fraction) * Int128(unit) / 1_000_000_000
        }
        return digits.isAtEnd ? total : nil
    }

    /// In seconds, as the language writes it: `5400s`, `-0.5s`.
    package var text: String {
        let magnitude = nanoseconds.magnitude
        var result = (nanoseconds < 0 ? "-" : "") + String(magnitude / 1_000_000_000)
        let fraction = magnitude % 1_000_000_000
        if fraction > 0 { result += CELDuration.fraction(Int64(fraction)) }
        return result + "s"
    }

    /// A decimal point and the billionths after it, without trailing zeros.
    static func fraction(_ nanoseconds: Int64) -> String {
        let digits = String(nanoseconds)
        var result = "." + String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while result.hasSuffix("0") { result.removeLast() }
        return result
    }
}
