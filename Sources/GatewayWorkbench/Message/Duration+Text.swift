/// Milliseconds of a Go-style duration (`100ms`, `1.5s`, `2m`, `1h30m`); a bare number is milliseconds.
package func durationMilliseconds(_ text: some StringProtocol) -> Int? {
    if let plain = Int(text), plain >= 0 { return plain }
    var rest = Substring(text)
    var total = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
        let number = rest.prefix { $0.isNumber || $0 == "." }
        guard let amount = Double(number) else { return nil }
        rest = rest.dropFirst(number.count)
        let unit = rest.prefix { $0.isLetter }
        rest = rest.dropFirst(unit.count)
        switch unit {
        case "us", "µs": total += amount / 1000
        case "ms": total += amount
        case "s": total += amount * 1000
        case "m": total += amount * 60_000
        case "h": total += amount * 3_600_000
        default: return nil
        }
    }
    guard total <= 86_400_000 else { return nil }
    return Int(total.rounded())
}
