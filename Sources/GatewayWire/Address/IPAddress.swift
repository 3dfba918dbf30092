/// An IP address as a number; IPv4 in the low 32 bits.
package struct IPAddress: Sendable, Hashable {
    package enum Family: UInt8, Sendable { case v4, v6 }

    package var family: Family
    package var high: UInt64
    package var low: UInt64

    package init(v4 value: UInt32) {
        family = .v4
        high = 0
        low = UInt64(value)
    }

    package init(v6High high: UInt64, low: UInt64) {
        family = .v6
        self.high = high
        self.low = low
    }

    /// Either kind of address as text, without brackets.
    package init?(_ text: Span<UInt8>) {
        for index in 0..<min(text.count, 5) where text[index] == Byte.colon {
            self.init(ipv6: text)
            return
        }
        self.init(ipv4: text)
    }

    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span)
    }

    /// Four plain decimals without leading zeros.
    package init?(ipv4 text: Span<UInt8>) {
        guard let value = IPAddress.quad(text, 0) else { return nil }
        self.init(v4: value)
    }

    private static func quad(_ text: Span<UInt8>, _ start: Int) -> UInt32? {
        var value: UInt32 = 0
        var index = start
        for part in 0..<4 {
            if part > 0 {
                guard index < text.count, text[index] == Byte.dot else { return nil }
                index += 1
            }
            let first = index
            var number: UInt32 = 0
            while index < text.count, index - first < 3, Byte.isDigit(text[index]) {
                number = number * 10 + UInt32(text[index] - Byte.zero)
                index += 1
            }
            guard index > first, number < 256, index - first == 1 || text[first] != Byte.zero else { return nil }
            value = value << 8 | number
        }
        return index == text.count ? value : nil
    }

    /// RFC 4291 section 2.2, without a zone.
    package init?(ipv6 text: Span<UInt8>) {
        var groups: InlineArray<8, UInt16> = .init(repeating: 0)
        var count = 0
        var gap = -1
        var index = 0
        guard text.count >= 2, text.count <= 45 else { return nil }
        if text[0] == Byte.colon {
            guard text[1] == Byte.colon else { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            guard count < 8 else { return nil }
            let first = index
            var group: UInt16 = 0
            while index < text.count, index - first < 4, let digit = Byte.hexValue(text[index]) {
                group = group << 4 | UInt16(digit)
                index += 1
            }
            guard index > first else { return nil }
            if index < text.count, text[index] == Byte.dot {
                guard count <= 6, let quad = IPAddress.quad(text, first) else { return nil }
                groups[count] = UInt16(truncatingIfNeeded: quad >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: quad)
                count += 2
                break
            }
            groups[count] = group
            count += 1
            guard index < text.count else { break }
            guard text[index] == Byte.colon else { return nil }
            index += 1
            guard index < text.count else { return nil }
            if text[index] == Byte.colon {
                guard gap < 0 else { return nil }
                gap = count
                index += 1
            }
        }
        guard gap < 0 ? count == 8 : count < 8 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for position in 0..<8 {
            let source =
                if gap < 0 || position < gap { position } else { position - (8 - count) }
            let isZero = gap >= 0 && position >= gap && position < gap + 8 - count
            let group = isZero ? 0 : UInt64(groups[source])
            if position < 4 { high = high << 16 | group } else { low = low << 16 | group }
        }
        self.init(v6High: high, low: low)
    }
}
