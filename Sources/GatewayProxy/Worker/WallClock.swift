import GatewayWire
import Glibc

/// The time of day of one event loop, with the `Date` field's text made at most once a second. Read at every tick;
/// between ticks it goes by the monotonic clock, which a request reads anyway.
struct WallClock {
    private(set) var nanoseconds: UInt64 = 0
    /// Time of day less uptime, modulo 2⁶⁴.
    private(set) var aheadOfUptime: UInt64 = 0
    private var dateSecond: UInt64 = 0
    private(set) var dateBytes: [UInt8] = []

    /// Reads the clock.
    mutating func refresh(uptimeNanoseconds: UInt64) {
        var time = timespec()
        // Safe: the pointer is to a local and is used during the call only.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        nanoseconds = UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
        aheadOfUptime = nanoseconds &- uptimeNanoseconds
        let second = UInt64(time.tv_sec)
        if second != dateSecond {
            dateSecond = second
            dateBytes = Self.format(second: second)
        }
    }

    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// IMF-fixdate (RFC 9110 section 5.6.7).
    static func format(second: UInt64) -> [UInt8] {
        let day = Int(second / 86_400)
        let clock = Int(second % 86_400)
        let date = CivilDate(daysSince1970: day)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let text =
            "\(days[day % 7]), \(two(date.day)) \(months[date.month - 1]) \(date.year) "
            + "\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60)) GMT"
        return Array(text.utf8)
    }
}
