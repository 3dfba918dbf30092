/// US dollars, exact: a whole number of picodollars (10⁻¹² USD). A price of six decimals per million tokens is a whole
/// number of them per token, so that no sum is ever rounded. Never a binary fraction.
package struct Money: Sendable, Hashable, Comparable {
    package static let picodollarsPerDollar: Int128 = 1_000_000_000_000
    package static let zero = Money(picodollars: 0)

    package var picodollars: Int128

    package init(picodollars: Int128) { self.picodollars = picodollars }

    /// A decimal number of dollars such as `5`, `0.025` or `1.25e-07`; nil if it is none, is negative, is a million
    /// million or more, or has a digit beyond picodollars that is not zero.
    package init?(dollars text: String) {
        guard let value = Money.scaled(text, decimals: 12) else { return nil }
        self.init(picodollars: value)
    }

    /// Dollars for a million of something: what one of them costs. Nil as above, beyond six decimals.
    package init?(dollarsPerMillion text: String) {
        guard let value = Money.scaled(text, decimals: 6) else { return nil }
        self.init(picodollars: value)
    }

    package static func < (left: Money, right: Money) -> Bool { left.picodollars < right.picodollars }
    package static func + (left: Money, right: Money) -> Money {
        Money(picodollars: left.picodollars + right.picodollars)
    }
    package static func - (left: Money, right: Money) -> Money {
        Money(picodollars: left.picodollars - right.picodollars)
    }
    package static func * (price: Money, count: Int) -> Money { Money(picodollars: price.picodollars * Int128(count)) }
    package static func += (left: inout Money, right: Money) { left = left + right }
    package static func -= (left: inout Money, right: Money) { left = left - right }

    /// The number `text` writes, times 10^`decimals`, if that is a whole one below 10²⁴.
    private static func scaled(_ text: String, decimals: Int) -> Int128? {
        var digits: Int128 = 0
        var exponent = decimals
        var digitCount = 0
        var hasPoint = false
        var rest = Array(text.utf8)[...]
        while let byte = rest.first, byte != 0x65, byte != 0x45 {
            rest.removeFirst()
            if byte == 0x2E {
                guard !hasPoint else { return nil }
                hasPoint = true
                continue
            }
            guard (0x30...0x39).contains(byte), digitCount < 30 else { return nil }
            digits = digits * 10 + Int128(byte - 0x30)
            digitCount += 1
            if hasPoint { exponent -= 1 }
        }
        guard digitCount > 0 else { return nil }
        if !rest.isEmpty {
            guard rest.count <= 4, let power = Int(String(decoding: rest.dropFirst(), as: UTF8.self)) else {
                return nil
            }
            exponent += power
        }
        while exponent > 0, digits < largest {
            digits *= 10
            exponent -= 1
        }
        while exponent < 0, digits % 10 == 0, digits != 0 {
            digits /= 10
            exponent += 1
        }
        guard digits == 0 || exponent == 0, digits < largest else { return nil }
        return digits
    }

    private static let largest: Int128 = 1_000_000_000_000_000_000_000_000
}

extension Money: CustomStringConvertible {
    /// Dollars as a decimal number without trailing zeros: `0.000125`, `5`, `-1.5`.
    package var description: String {
        // Safe: the closure only copies, and nothing of the pointer leaves it.
        withText { text in unsafe text.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) } }
    }

    /// Lends the same as bytes: every call writes some, so without a text in between.
    package func withText<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        // A sign, at most 27 digits of dollars, a point and 12 digits behind it.
        var text = InlineArray<48, UInt8>(repeating: 0x30)
        let scale = Money.picodollarsPerDollar.magnitude
        var (whole, rest) = picodollars.magnitude.quotientAndRemainder(dividingBy: scale)
        var start = text.count
        if rest != 0 {
            var (fraction, decimals) = (UInt64(rest), 12)
            while fraction % 10 == 0 { (fraction, decimals) = (fraction / 10, decimals - 1) }
            for _ in 0..<decimals {
                start &-= 1
                text[start] = 0x30 &+ UInt8(truncatingIfNeeded: fraction % 10)
                fraction /= 10
            }
            start &-= 1
            text[start] = 0x2E
        }
        repeat {
            // Narrow where it can be: dividing by 128 bits a digit costs a hundred times as much.
            let digit: UInt8
            if let narrow = UInt64(exactly: whole) {
                digit = UInt8(truncatingIfNeeded: narrow % 10)
                whole = UInt128(narrow / 10)
            } else {
                digit = UInt8(truncatingIfNeeded: whole % 10)
                whole /= 10
            }
            start &-= 1
            text[start] = 0x30 &+ digit
        } while whole != 0
        if picodollars < 0 {
            start &-= 1
            text[start] = 0x2D
        }
        return body(text.span.extracting(start..<text.count))
    }

    /// A whole number, 40 bytes at most. Narrow where it can be: dividing by 128 bits a digit costs a hundred times as
    /// much.
    static func withText<Result>(_ value: Int128, _ body: (Span<UInt8>) -> Result) -> Result {
        guard let narrow = UInt64(exactly: value) else { return body(String(value).utf8Span.span) }
        var digits = InlineArray<20, UInt8>(repeating: 0x30)
        var (rest, first) = (narrow, digits.count)
        repeat {
            first &-= 1
            digits[first] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        return body(digits.span.extracting(first..<digits.count))
    }
}
