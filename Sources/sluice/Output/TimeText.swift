import Foundation

/// Instants as tables show them.
enum TimeText {
    static func text(milliseconds: Int) -> String {
        let seconds = TimeInterval(milliseconds) / 1_000
        return Date(timeIntervalSince1970: seconds).formatted(.iso8601.time(includingFractionalSeconds: true))
    }
}
