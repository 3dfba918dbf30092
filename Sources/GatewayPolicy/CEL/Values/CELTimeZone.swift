/// Offsets from UTC: fixed ones such as `-02:30`, and those of the zones below by name. The rules of summer time are
/// those in force since 2008 and are applied to any year; older changes of the law are not known.
enum CELTimeZone {
    private enum Summer {
        case none
        /// From the last Sunday of March to the last of October, at 01:00 UTC everywhere.
        case europe
        /// From the second Sunday of March to the first of November, at 02:00 local time.
        case america
        /// From the first Sunday of October to the first of April, at 02:00 standard time.
        case australia
        /// From the last Sunday of September to the first of April, at 02:00 standard time.
        case newZealand
    }

    private struct Zone {
        var minutes: Int64
        var summer = Summer.none
    }

    static func offsetSeconds(of name: String, at seconds: Int64) -> Int64? {
        if name.isEmpty || name == "UTC" || name == "GMT" || name == "Z" { return 0 }
        if let zone = zones[name] {
            let standard = zone.minutes * 60
            return standard + (isSummer(zone, at: seconds) ? 3600 : 0)
        }
        return fixed(name)
    }

    /// `+11:00`, `-02:30`, `02:00`.
    private static func fixed(_ text: String) -> Int64? {
        var digits = CELDigits(text)
        let isNegative = digits.take("-")
        if !isNegative { _ = digits.take("+") }
        guard let hours = digits.number(2), digits.take(":"), let minutes = digits.number(2), digits.isAtEnd,
            hours < 24, minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (isNegative ? -1 : 1)
    }

    /// The day number of a Sunday: the `count`th of a month, or its last when 0.
    private static func sunday(_ count: Int64, of month: Int64, in year: Int64) -> Int64 {
        let last = CELCalendar.days(inMonth: month, of: year)
        let from = CELCalendar.dayNumber(year: year, month: month, day: count == 0 ? last - 6 : count * 7 - 6)
        // Day 0 was a Thursday.
        let weekday = ((from + 4) % 7 + 7) % 7
        return from + (7 - weekday) % 7
    }

    private static func isSummer(_ zone: Zone, at seconds: Int64) -> Bool {
        let standard = zone.minutes * 60
        let year = CELCalendar(seconds: seconds + standard).year
        func moment(_ day: Int64, _ hour: Int64) -> Int64 { day * 86_400 + hour * 3600 - standard }
        switch zone.summer {
        case .none: return false
        case .europe:
            let start = sunday(0, of: 3, in: year) * 86_400 + 3600
            return start <= seconds && seconds < sunday(0, of: 10, in: year) * 86_400 + 3600
        case .america:
            let start = moment(sunday(2, of: 3, in: year), 2)
            return start <= seconds && seconds < moment(sunday(1, of: 11, in: year), 1)
        case .australia:
            let end = moment(sunday(1, of: 4, in: year), 2)
            return seconds < end || moment(sunday(1, of: 10, in: year), 2) <= seconds
        case .newZealand:
            let end = moment(sunday(1, of: 4, in: year), 2)
            return seconds < end || moment(sunday(0, of: 9, in: year), 2) <= seconds
        }
    }

    private static let zones: [String: Zone] = {
        var all: [String: Zone] = [:]
        func add(_ minutes: Int64, _ summer: Summer, _ names: String) {
            for name in names.split(separator: " ") { all[String(name)] = Zone(minutes: minutes, summer: summer) }
        }
        add(0, .none, "Etc/UTC Etc/GMT Atlantic/Reykjavik Africa/Abidjan Africa/Accra")
        add(0, .europe, "Europe/London Europe/Dublin Europe/Lisbon")
        add(
            60, .europe,
            "Europe/Amsterdam Europe/Berlin Europe/Brussels Europe/Budapest Europe/Copenhagen Europe/Madrid "
                + "Europe/Oslo Europe/Paris Europe/Prague Europe/Rome Europe/Stockholm Europe/Vienna "
                + "Europe/Warsaw Europe/Zurich Europe/Belgrade Europe/Zagreb Europe/Luxembourg")
        add(60, .none, "Africa/Lagos Africa/Algiers Africa/Tunis")
        add(
            120, .europe,
            "Europe/Athens Europe/Bucharest Europe/Helsinki Europe/Kyiv Europe/Riga Europe/Sofia "
                + "Europe/Tallinn Europe/Vilnius")
        add(120, .none, "Africa/Johannesburg Africa/Tripoli")
        add(180, .none, "Africa/Nairobi Asia/Baghdad Asia/Riyadh Europe/Istanbul Europe/Minsk Europe/Moscow")
        add(210, .none, "Asia/Tehran")
        add(240, .none, "Asia/Dubai Asia/Baku Asia/Tbilisi Asia/Yerevan")
        add(270, .none, "Asia/Kabul")
        add(300, .none, "Asia/Karachi Asia/Tashkent Asia/Almaty")
        add(330, .none, "Asia/Kolkata Asia/Calcutta Asia/Colombo")
        add(345, .none, "Asia/Kathmandu Asia/Katmandu")
        add(360, .none, "Asia/Dhaka")
        add(390, .none, "Asia/Yangon")
        add(420, .none, "Asia/Bangkok Asia/Ho_Chi_Minh Asia/Jakarta")
        add(
            480, .none,
            "Asia/Hong_Kong Asia/Kuala_Lumpur Asia/Manila Asia/Shanghai Asia/Singapore Asia/Taipei "
                + "Australia/Perth")
        add(540, .none, "Asia/Seoul Asia/Tokyo Japan")
        add(570, .none, "Australia/Darwin")
        add(570, .australia, "Australia/Adelaide")
        add(600, .none, "Australia/Brisbane")
        add(600, .australia, "Australia/Canberra Australia/Hobart Australia/Melbourne Australia/Sydney")
        add(720, .newZealand, "Pacific/Auckland NZ")
        add(-180, .none, "America/Argentina/Buenos_Aires America/Sao_Paulo")
        add(-210, .america, "America/St_Johns")
        add(-240, .america, "America/Halifax Canada/Atlantic")
        add(-240, .none, "America/Caracas America/La_Paz America/Puerto_Rico")
        add(-300, .america, "America/New_York America/Detroit America/Toronto US/Eastern Canada/Eastern")
        add(-300, .none, "America/Bogota America/Lima America/Panama")
        add(-360, .america, "America/Chicago America/Winnipeg US/Central Canada/Central")
        add(-360, .none, "America/Mexico_City America/Costa_Rica")
        add(-420, .america, "America/Denver America/Edmonton US/Mountain")
        add(-420, .none, "America/Phoenix US/Arizona")
        add(-480, .america, "America/Los_Angeles America/Vancouver US/Pacific")
        add(-540, .america, "America/Anchorage US/Alaska")
        add(-600, .none, "Pacific/Honolulu US/Hawaii")
        return all
    }()
}
