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
        let date = TimestampCache.civil(days: Int(seconds / 86_400))
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

    /// Days since 1970-01-01 to a Gregorian date. Counts in years that begin in March, so that the leap day is a
    /// year's last, and in eras of 400 years, which all have the same 146,097 days.
    static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}
