import GatewayWire

/// RFC 3339 times in UTC. The part up to the second is kept from line to line: most lines share it.
struct TimestampCache {
    private var second: UInt64 = .max
    private var prefix = [UInt8](repeating: 0x30, count: 20)

    /// `2026-11-23T19:46:01.123456Z`, without quotes.
    mutating func write(_ wallNanoseconds: UInt64, to line: inout LineWriter) {
        let seconds = wallNanoseconds / 1_000_000_000
        if seconds != second { fill(seconds) }
        line.raw(prefix.span)
        line.padded(wallNanoseconds % 1_000_000_000 / 1_000, digits: 6)
        line.byte(0x5A)
    }

    private mutating func fill(_ seconds: UInt64) {
        second = seconds
        let date = CivilDate(daysSince1970: Int(seconds / 86_400))
        let time = Int(seconds % 86_400)
        put(date.year, at: 0, digits: 4)
        prefix[4] = 0x2D
        put(date.month, at: 5, digits: 2)
        prefix[7] = 0x2D
        put(date.day, at: 8, digits: 2)
        prefix[10] = 0x54
        put(time / 3_600, at: 11, digits: 2)
        prefix[13] = 0x3A
        put(time / 60 % 60, at: 14, digits: 2)
        prefix[16] = 0x3A
        put(time % 60, at: 17, digits: 2)
        prefix[19] = 0x2E
    }

    private mutating func put(_ value: Int, at start: Int, digits: Int) {
        var rest = value
        for offset in (0..<digits).reversed() {
            prefix[start + offset] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
    }
}
