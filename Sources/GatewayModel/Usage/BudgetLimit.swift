/// At most so much of a unit in each window. Exact: money in picodollars, everything else in whole numbers.
package struct BudgetLimit: Sendable, Hashable {
    package var unit: BudgetUnit
    /// Picodollars for `usd`.
    package var max: Int128
    package var window: BudgetWindow

    /// `concurrent` takes no window: whatever is given counts as `total`.
    package init(unit: BudgetUnit, max: Int128, window: BudgetWindow) {
        self.unit = unit
        self.max = max
        self.window = unit == .concurrent ? .total : window
    }

    /// An amount as people write it: decimal dollars for `usd`, a whole number else. Nil if it is none.
    package static func amount(_ text: String, of unit: BudgetUnit) -> Int128? {
        if unit == .usd { return Money(dollars: text)?.picodollars }
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ NameSyntax.isDigit($0) }) else { return nil }
        return Int128(text)
    }

    /// The same the other way.
    package static func text(_ amount: Int128, of unit: BudgetUnit) -> String {
        unit == .usd ? Money(picodollars: amount).description : String(amount)
    }

    /// Lends the same as bytes, 48 at most.
    package static func withText<Result>(
        _ amount: Int128, of unit: BudgetUnit, _ body: (Span<UInt8>) -> Result
    ) -> Result {
        if unit == .usd { Money(picodollars: amount).withText(body) } else { Money.withText(amount, body) }
    }
}

extension BudgetLimit: CustomStringConvertible {
    /// `5usd/1d`, `100000tokens/1m`, `8concurrent`; nil for anything else.
    package init?(_ text: String) {
        let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let number = halves[0].prefix { ("0"..."9").contains($0) || $0 == "." }
        guard let unit = BudgetUnit(rawValue: String(halves[0].dropFirst(number.count))),
            let max = BudgetLimit.amount(String(number), of: unit)
        else { return nil }
        guard unit != .concurrent else {
            guard halves.count == 1 else { return nil }
            self.init(unit: unit, max: max, window: .total)
            return
        }
        guard halves.count == 2, let window = BudgetWindow(String(halves[1])) else { return nil }
        self.init(unit: unit, max: max, window: window)
    }

    package var description: String {
        let amount = BudgetLimit.text(max, of: unit) + unit.rawValue
        return unit == .concurrent ? amount : "\(amount)/\(window)"
    }
}
