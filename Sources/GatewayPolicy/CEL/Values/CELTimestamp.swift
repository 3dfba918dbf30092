/// A moment between the years 1 and 9999, in UTC.
package struct CELTimestamp: Hashable, Sendable, Comparable {
    /// Since 1970-01-01T00:00:00Z, rounded down.
    package let seconds: Int64
    /// 0 to 999,999,999, whatever the sign of `seconds`.
    package let nanoseconds: Int32

    static let secondsMin: Int64 = -62_135_596_800
    static let secondsMax: Int64 = 253_402_300_799

    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = min(max(seconds, CELTimestamp.secondsMin), CELTimestamp.secondsMax)
        self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
    }

    /// Nil outside the years 1 to 9999.
    init?(exactly seconds: Int64, nanoseconds: Int32 = 0) {
        guard CELTimestamp.secondsMin <= seconds, seconds <= CELTimestamp.secondsMax else { return nil }
        self.init(seconds: seconds, nanoseconds: nanoseconds)
    }

    package static func < (one: CELTimestamp, other: CELTimestamp) -> Bool {
        (one.seconds, one.nanoseconds) < (other.seconds, other.nanoseconds)
    }

    private var total: Int128 { Int128(seconds) * 1_000_000_000 + Int128(nanoseconds) }

    func adding(_ duration: CELDuration, sign: Int128 = 1) -> CELTimestamp? {
        let sum = total + sign * Int128(duration.nanoseconds)
        let (quotient, remainder) = sum.quotientAndRemainder(dividingBy: 1_000_000_000)
        let floor = remainder < 0 ? quotient - 1 : quotient
        return CELTimestamp(exactly: Int64(floor), nanoseconds: Int32(sum - floor * 1_000_000_000))
    }

    /// Nil when a duration cannot hold it.
    func since(_ other: CELTimestamp) -> CELDuration? {
        Int64(exactly: total - other.total).map(CELDuration.init(nanoseconds:))
    }

    // MARK: Text

    /// Reads RFC 3339: `2009-02-13T23:31:30.5+01:00`.
    package init?(_ text: String) {
        var reader = CELDigits(text)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t"), let hour = reader.number(2),
            reader.take(":"), let minute = reader.number(2), reader.take(":"), let second = reader.number(2)
        else { return nil }
        guard year >= 1, (1...12).contains(month), day >= 1, day <= CELCalendar.days(inMonth: month, of: year),
            hour < 24, minute < 60, second < 60
        else { return nil }
        var nanoseconds: Int64 = 0
        if reader.take(".") {
            guard let fraction = reader.fraction() else { return nil }
            nanoseconds = fraction
        }
        var offset: Int64 = 0
        if !reader.take("Z"), !reader.take("z") {
            let sign: Int64
            if reader.take("+") { sign = 1 } else if reader.take("-") { sign = -1 } else { return nil }
            guard let hours = reader.number(2), reader.take(":"), let minutes = reader.number(2), hours < 24,
                minutes < 60
            else { return nil }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        guard reader.isAtEnd else { return nil }
        let days = CELCalendar.dayNumber(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(exactly: seconds, nanoseconds: Int32(nanoseconds))
    }

    package var text: String {
        let calendar = CELCalendar(self)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let year = String(calendar.year)
        var result = String(repeating: "0", count: 4 - year.utf8.count) + year
        result += "-\(two(calendar.month))-\(two(calendar.day))T\(two(calendar.hour)):\(two(calendar.minute))"
        result += ":\(two(calendar.second))"
        if nanoseconds > 0 { result += CELDuration.fraction(Int64(nanoseconds)) }
        return result + "Z"
    }
}

/// The civil fields of a moment, by the proleptic Gregorian calendar.
struct CELCalendar {
    let year, month, day, hour, minute, second: Int64
    /// 0 is Sunday.
    let dayOfWeek: Int64
    /// 0 is the first of January.
    let dayOfYear: Int64

    init(_ timestamp: CELTimestamp, offsetSeconds: Int64 = 0) {
        self.init(seconds: timestamp.seconds + offsetSeconds)
    }

    init(seconds: Int64) {
        let days = CELCalendar.floor(seconds, 86_400)
        let rest = seconds - days * 86_400
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
        let weekday = (days + 4) % 7
        dayOfWeek = weekday < 0 ? weekday + 7 : weekday
        // Years that begin in March, in eras of 400 years, so that the leap day is the last of its year.
        let shifted = days + 719_468
        let era = CELCalendar.floor(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfMarchYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfMarchYear + 2) / 153
        day = dayOfMarchYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        dayOfYear = days - CELCalendar.dayNumber(year: year, month: 1, day: 1)
    }

    private static func floor(_ number: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// Days since 1970-01-01.
    static func dayNumber(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = floor(marchYear, 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }
}

/// Reads numbers and single characters off a text.
struct CELDigits {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8.prefix(64)) }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, UInt32(bytes[position]) == character.value else { return false }
        position += 1
        return true
    }

    /// Exactly `count` digits, or from one to eighteen of them.
    mutating func number(_ count: Int? = nil) -> Int64? {
        let start = position
        var value: Int64 = 0
        while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 {
            if position - start == count ?? 18 { return count == nil ? nil : value }
            value = value * 10 + Int64(bytes[position] - 0x30)
            position += 1
        }
        guard position > start, count == nil || position - start == count else { return nil }
        return value
    }

    /// What follows a decimal point, in billionths; digits beyond those are dropped.
    mutating func fraction() -> Int64? {
        let start = position
        var value: Int64 = 0
        var unit: Int64 = 100_000_000
        while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 {
            value += Int64(bytes[position] - 0x30) * unit
            unit /= 10
            position += 1
        }
        return position > start ? value : nil
    }
}
