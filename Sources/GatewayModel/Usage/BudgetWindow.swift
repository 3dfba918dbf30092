/// The time over which a budget counts: `1s`, `1m`, `1h`, `1d`, `30d`, or `total`, which never starts again.
///
/// Windows are fixed and aligned to 1970-01-01T00:00:00Z: a day starts at midnight UTC, an hour on the hour. They need
/// one number of state, everyone can say when the next one starts, and they survive a restart and a fleet without a
/// clock of their own. The price: two windows' worth may be used around their border; add a shorter window against it.
package struct BudgetWindow: Sendable, Hashable, CustomStringConvertible {
    /// 0 for `total`.
    package let seconds: Int

    package static let total = BudgetWindow(seconds: 0)
    package static let minute = BudgetWindow(seconds: 60)
    package static let hour = BudgetWindow(seconds: 3_600)
    package static let day = BudgetWindow(seconds: 86_400)
    /// Ten years.
    package static let secondsMax = 3_653 * 86_400

    private init(seconds: Int) { self.seconds = seconds }

    /// Nil below a second and above ten years; 0 is `total`.
    package init?(checkedSeconds seconds: Int) {
        guard (0...BudgetWindow.secondsMax).contains(seconds) else { return nil }
        self.seconds = seconds
    }

    /// Nil unless `text` is `total` or a count and one of `s`, `m`, `h`, `d`, `w`.
    package init?(_ text: String) {
        if text == "total" {
            self = .total
            return
        }
        let digits = text.utf8.prefix { NameSyntax.isDigit($0) }
        guard (1...9).contains(digits.count), let count = Int(String(digits) ?? ""), count > 0 else { return nil }
        let unit: Int
        switch String(text.utf8.dropFirst(digits.count)) {
        case "s": unit = 1
        case "m": unit = 60
        case "h": unit = 3_600
        case "d": unit = 86_400
        case "w": unit = 604_800
        default: return nil
        }
        guard count <= BudgetWindow.secondsMax / unit else { return nil }
        seconds = count * unit
    }

    /// The shortest of the forms above.
    package var description: String {
        if seconds == 0 { return "total" }
        for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60)] where seconds % size == 0 {
            return "\(seconds / size)\(unit)"
        }
        return "\(seconds)s"
    }

    /// The number of the window that holds an instant.
    package func index(atMilliseconds now: Int) -> Int {
        guard seconds > 0 else { return 0 }
        let length = seconds * 1_000
        return now >= 0 ? now / length : -((length - 1 - now) / length)
    }

    /// When a window starts; nil for `total`.
    package func startMilliseconds(of index: Int) -> Int? { seconds == 0 ? nil : index * seconds * 1_000 }
}

extension BudgetWindow: ConfigValue {
    package static func decode(_ value: ValueReader) -> BudgetWindow? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a window such as 1m, 1d, 30d or total")
            return nil
        }
        if let window = BudgetWindow(text) { return window }
        value.reportInvalid("\"\(text)\"", hint: "write a window such as 1m, 1h, 1d, 30d or total")
        return nil
    }

    package static var placeholder: BudgetWindow { .total }
    package static var schema: ConfigNode {
        .object([("type", .text("string")), ("pattern", .text("^(total|[1-9][0-9]{0,8}[smhdw])$"))])
    }
}
