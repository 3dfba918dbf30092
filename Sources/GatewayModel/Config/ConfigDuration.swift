/// A length of time in the Gateway API's format (GEP-2257): `500ms`, `1h30m`, up to four parts.
package struct ConfigDuration: ConfigValue, Hashable, Comparable, CustomStringConvertible {
    package var milliseconds: Int

    package init(milliseconds: Int) { self.milliseconds = milliseconds }

    /// Nil unless `text` is one to four of digits and `h`, `m`, `s` or `ms`.
    package init?(_ text: String) {
        var total = 0
        var parts = 0
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let digits = bytes.prefix { NameSyntax.isDigit($0) }
            guard (1...5).contains(digits.count), let count = Int(String(decoding: digits, as: UTF8.self)) else {
                return nil
            }
            bytes = bytes.dropFirst(digits.count)
            let unit = bytes.prefix { !NameSyntax.isDigit($0) }
            bytes = bytes.dropFirst(unit.count)
            switch String(decoding: unit, as: UTF8.self) {
            case "h": total += count * 3_600_000
            case "m": total += count * 60_000
            case "s": total += count * 1_000
            case "ms": total += count
            default: return nil
            }
            parts += 1
        }
        guard (1...4).contains(parts) else { return nil }
        milliseconds = total
    }

    package var description: String {
        if milliseconds == 0 { return "0s" }
        var text = ""
        var rest = milliseconds
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] where rest >= size {
            text += "\(rest / size)\(unit)"
            rest %= size
        }
        return text
    }

    package static func < (left: ConfigDuration, right: ConfigDuration) -> Bool {
        left.milliseconds < right.milliseconds
    }

    package static func decode(_ value: ValueReader) -> ConfigDuration? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a duration string such as 500ms")
            return nil
        }
        if let duration = ConfigDuration(text) { return duration }
        value.reportInvalid("\"\(text)\"", hint: "write a duration such as 500ms, 10s or 1h30m")
        return nil
    }

    package static var placeholder: ConfigDuration { ConfigDuration(milliseconds: 0) }
    package static var schema: ConfigNode {
        .object([("type", .text("string")), ("pattern", .text("^([0-9]{1,5}(h|m|s|ms)){1,4}$"))])
    }
}

extension FieldRule where Value == ConfigDuration {
    /// More than nothing, at most a day more than a year's hours.
    package static var positive: FieldRule {
        FieldRule { $0.milliseconds > 0 ? nil : "must be more than 0s" }
    }
}
