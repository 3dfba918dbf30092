import GatewayWire

/// A UUID of version 7 (RFC 9562 section 5.7): its time, then chance.
struct RecordUID: Sendable, Equatable {
    static let randomBytes = 10

    private var high: UInt64
    private var low: UInt64

    /// `random` are ten bytes of chance.
    init(milliseconds: Int, random: ArraySlice<UInt8>) {
        high = UInt64(truncatingIfNeeded: milliseconds) &<< 16
        low = 0
        for byte in random.prefix(2) { high = high & ~0xFFFF | (high &<< 8 | UInt64(byte)) & 0xFFFF }
        for byte in random.dropFirst(2) { low = low &<< 8 | UInt64(byte) }
        high = high & ~0xF000 | 0x7000
        low = low & ~(3 << 62) | 1 << 63
    }

    /// Nil for what is no UUID, as `append` writes one.
    init?(_ text: String) {
        let digits = text.utf8.filter { $0 != 0x2D }
        guard digits.count == 32, let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
            let low = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
        else { return nil }
        (self.high, self.low) = (high, low)
        guard self.text == text else { return nil }
    }

    var text: String {
        let buffer = RecordBuffer(capacity: 64)
        append(to: buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    /// As text: 8, 4, 4, 4 and 12 digits.
    func append(to buffer: RecordBuffer) {
        let middle = Hexadecimal.digits(UInt32(truncatingIfNeeded: high))
        let variant = Hexadecimal.digits(UInt32(truncatingIfNeeded: low &>> 32))
        buffer.append(8, of: Hexadecimal.digits(UInt32(truncatingIfNeeded: high &>> 32)))
        buffer.append(0x2D)
        buffer.append(4, of: middle)
        buffer.append(0x2D)
        buffer.append(4, of: middle &>> 32)
        buffer.append(0x2D)
        buffer.append(4, of: variant)
        buffer.append(0x2D)
        buffer.append(4, of: variant &>> 32)
        buffer.append(8, of: Hexadecimal.digits(UInt32(truncatingIfNeeded: low)))
    }
}
