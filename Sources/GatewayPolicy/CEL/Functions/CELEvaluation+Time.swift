/// Fields of timestamps, in UTC or a named zone, and durations as whole units.
extension CELEvaluation {
    mutating func time(_ function: CELFunction.Time, _ arguments: CELArguments) throws(CELFault) -> CELValue {
        switch arguments.first {
        case .duration(let span) where arguments.count == 1:
            guard let number = CELEvaluation.whole(function, span) else { break }
            return .int(number)
        case .timestamp(let moment):
            var zone = ""
            if arguments.count == 2 {
                guard case .string(let name) = arguments.second else { break }
                zone = name
            }
            guard let offset = CELTimeZone.offsetSeconds(of: zone, at: moment.seconds) else {
                throw CELFault("unknown time zone: \(CELFormat.brief(.string(zone)))")
            }
            return .int(CELEvaluation.field(function, moment, CELCalendar(moment, offsetSeconds: offset)))
        default: break
        }
        throw arguments.noOverload(function.rawValue)
    }

    private static func field(
        _ function: CELFunction.Time, _ moment: CELTimestamp, _ calendar: CELCalendar
    ) -> Int64 {
        switch function {
        case .getFullYear: calendar.year
        case .getMonth: calendar.month - 1
        case .getDate: calendar.day
        case .getDayOfMonth: calendar.day - 1
        case .getDayOfWeek: calendar.dayOfWeek
        case .getDayOfYear: calendar.dayOfYear
        case .getHours: calendar.hour
        case .getMinutes: calendar.minute
        case .getSeconds: calendar.second
        case .getMilliseconds: Int64(moment.nanoseconds / 1_000_000)
        }
    }

    /// The whole duration in a unit; its milliseconds are only those beyond the last second.
    private static func whole(_ function: CELFunction.Time, _ span: CELDuration) -> Int64? {
        switch function {
        case .getHours: span.nanoseconds / 3_600_000_000_000
        case .getMinutes: span.nanoseconds / 60_000_000_000
        case .getSeconds: span.nanoseconds / 1_000_000_000
        case .getMilliseconds: span.nanoseconds / 1_000_000 % 1_000
        default: nil
        }
    }
}
