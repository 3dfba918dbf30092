/// RFC 3339 times, as far as an expiry needs them.
enum Timestamp {
    /// Seconds since 1970 of `2027-01-31T00:00:00Z` or with an offset such as `+02:00`; nil if it is no time.
    static func seconds(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54, bytes[13] == 0x3A,
            bytes[16] == 0x3A, let year = number(bytes, 0, 4), let month = number(bytes, 5, 2),
            let day = number(bytes, 8, 2), let hour = number(bytes, 11, 2), let minute = number(bytes, 14, 2),
            let second = number(bytes, 17, 2), year >= 1970, (1...12).contains(month), hour < 24, minute < 60,
            second < 60, day >= 1, day <= dayCount(month, year), let offset = offset(bytes, from: 19)
        else { return nil }
        return days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ digits: Int) -> Int? {
        var value = 0
        for index in start..<(start + digits) {
            guard (0x30...0x39).contains(bytes[index]) else { return nil }
            value = value * 10 + Int(bytes[index] - 0x30)
        }
        return value
    }

    private static func offset(_ bytes: [UInt8], from start: Int) -> Int? {
        if bytes.count == start + 1, bytes[start] == 0x5A { return 0 }
        guard bytes.count == start + 6, bytes[start] == 0x2B || bytes[start] == 0x2D, bytes[start + 3] == 0x3A,
            let hours = number(bytes, start + 1, 2), let minutes = number(bytes, start + 4, 2), hours < 24,
            minutes < 60
        else { return nil }
        return (bytes[start] == 0x2B ? 1 : -1) * (hours * 3_600 + minutes * 60)
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func dayCount(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let last = year - 1
        var days = last * 365 + last / 4 - last / 100 + last / 400 - 719_162
        for earlier in 1..<max(1, month) { days += dayCount(earlier, year) }
        return days + day - 1
    }
}
